//! `attachments audit`: do database and store say the same?

use super::{OperatorError, connect};
use crate::audit::{Audit, Repair};
use crate::blob::Bucket;
use crate::clock::SystemClock;
use crate::config::Loaded;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

/// How to audit.
#[derive(Debug, Clone, clap::Args)]
pub struct AuditArgs {
    /// Mend what can be mended: put back lost work, remove objects that no
    /// row refers to, download again what the store has lost.
    #[arg(long)]
    repair: bool,
    /// Leave alone what is younger: somebody may be at work on it.
    #[arg(long, default_value = "1h", value_parser = humantime::parse_duration)]
    grace: Duration,
}

/// Checks every invariant and prints what is wrong.
pub async fn audit(args: &AuditArgs, loaded: &Loaded) -> Result<(), OperatorError> {
    let db = connect(loaded)?;
    let bucket = Bucket::new(&loaded.config.bucket_settings()?).await;
    let audit = Audit::new(db, bucket, Arc::new(SystemClock), args.grace);
    let report = audit
        .run(if args.repair { Repair::Yes } else { Repair::No })
        .await?;
    // A reader that has gone away is no reason to fail.
    let _ = write!(std::io::stdout(), "{report}");
    if report.is_clean() {
        Ok(())
    } else {
        Err(OperatorError::Unclean)
    }
}
