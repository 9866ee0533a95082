//! Commands that an operator runs beside the service: `audit` and `redrive`.

mod audit;
mod redrive;

pub use audit::{AuditArgs, audit};
pub use redrive::{RedriveArgs, redrive};

use crate::app;
use crate::config::{Faults, Loaded};
use crate::db::{self, Db, DbError};
use std::time::Duration;

/// A look at everything may take longer than a request may.
const STATEMENT_TIMEOUT: Duration = Duration::from_hours(1);

/// A command failed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each is the error of the part that failed")]
pub enum OperatorError {
    #[error(transparent)]
    Config(#[from] Faults),
    #[error("the database")]
    Database(#[from] DbError),
    #[error("the audit")]
    Audit(#[from] crate::audit::AuditError),
    #[error("something is wrong and was not mended")]
    Unclean,
    #[error(
        "nothing was mended: {to_mend} objects would be removed or downloaded again, more than \
         {at_most}. Is this the right bucket for this database? If so: --repair-at-most {to_mend}"
    )]
    TooMuch { to_mend: u64, at_most: u64 },
    #[error("the redrive")]
    Redrive(#[from] crate::redrive::RedriveError),
}

fn connect(loaded: &Loaded) -> Result<Db, OperatorError> {
    app::install_crypto();
    let settings = db::Settings {
        max_connections: 4,
        statement_timeout: STATEMENT_TIMEOUT,
        ..loaded.config.database_settings()?
    };
    Ok(Db::new(&settings)?.patient())
}
