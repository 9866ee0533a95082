//! `attachments audit`: do database and store say the same?

use super::{OperatorError, connect};
use crate::audit::{Audit, AuditError, Progress, Repair};
use crate::blob::Bucket;
use crate::clock::SystemClock;
use crate::config::{Loaded, flag};
use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

/// So many objects may always be mended.
const FEW: u64 = 100;

/// How to audit.
#[derive(Debug, Clone, clap::Args)]
pub struct AuditArgs {
    /// Mend what can be mended: put back lost work, remove objects that no
    /// row refers to, download again what the store has lost or changed.
    #[arg(long)]
    repair: bool,
    /// Mend nothing where more objects than this would be removed or
    /// downloaded again; 100, or one in a hundred, unless it is given.
    #[arg(long, requires = "repair")]
    repair_at_most: Option<u64>,
    /// Read every object and compare its SHA-256.
    #[arg(long)]
    deep: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
    /// Leave alone what is younger: somebody may be at work on it.
    #[arg(long, default_value = "1h", value_parser = flag::duration)]
    grace: Duration,
}

/// Checks every invariant and prints what is wrong.
pub async fn audit(args: &AuditArgs, loaded: &Loaded) -> Result<(), OperatorError> {
    let db = connect(loaded)?;
    let bucket = Bucket::new(&loaded.config.bucket_settings()?).await;
    let mut audit = Audit::new(db, bucket, Arc::new(SystemClock), args.grace);
    if args.deep {
        audit = audit.deep();
    }
    let somebody_watches = std::io::stderr().is_terminal();
    if somebody_watches {
        audit = audit.watched_by(show);
    }
    let mut report = audit.run(Repair::No).await?;
    let to_mend = report.objects_to_mend();
    let at_most = args
        .repair_at_most
        .unwrap_or_else(|| FEW.max(report.stored.max(report.objects) / 100));
    // The wrong bucket looks like one that has lost everything.
    let is_too_much = args.repair && to_mend > at_most;
    let was_all_seen = report.broken_off.is_none();
    if args.repair && was_all_seen && !is_too_much && !report.findings.is_empty() {
        report = audit.run(Repair::Yes).await?;
    }
    // A reader that has gone away is no reason to fail.
    if somebody_watches {
        let _ = write!(std::io::stderr(), "\r\x1b[K");
    }
    let _ = if args.json {
        writeln!(std::io::stdout(), "{}", report.to_json())
    } else {
        write!(std::io::stdout(), "{report}")
    };
    if let Some(error) = report.broken_off {
        Err(AuditError::Blob(error).into())
    } else if is_too_much {
        Err(OperatorError::TooMuch { to_mend, at_most })
    } else if report.is_clean() {
        Ok(())
    } else {
        Err(OperatorError::Unclean)
    }
}

fn show(progress: Progress) {
    let Progress { stored, compared } = progress;
    let _ = write!(std::io::stderr(), "\r{compared} of {stored} compared");
}
