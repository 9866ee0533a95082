//! `attachments redrive`: put attachments back, to be judged anew.

use super::{OperatorError, connect};
use crate::attachment::failure::FailureReason;
use crate::attachment::redrive::{RedriveFilter, Revivable, Revived};
use crate::attachment::work::WorkKind;
use crate::config::{Loaded, flag};
use crate::ids::{ChannelId, TenantId};
use crate::queue::Queue;
use crate::redrive::{Progress, Redrive};
use std::io::{IsTerminal as _, Write as _};
use time::OffsetDateTime;

/// Which attachments to put back.
#[derive(Debug, Clone, clap::Args)]
pub struct RedriveArgs {
    /// Whose.
    #[arg(long)]
    tenant: TenantId,
    /// Only of this channel.
    #[arg(long)]
    channel: Option<ChannelId>,
    /// Only in this status: failed (default), rejected or unsupported; may be given several times.
    #[arg(long, value_enum, conflicts_with = "content")]
    status: Vec<Status>,
    /// Make the processed content of stored attachments anew, instead of downloading what is not stored.
    #[arg(long, conflicts_with = "reason")]
    content: bool,
    /// Only with this reason, such as `SOURCE_UNAVAILABLE`; may be given several times.
    #[arg(long, value_parser = flag::one_of::<FailureReason>(
        FailureReason::ALL.iter().map(|reason| reason.as_str())))]
    reason: Vec<FailureReason>,
    /// Only those that ended at or after this time, such as 2026-11-22T08:00:00Z.
    #[arg(long, value_parser = flag::time)]
    after: Option<OffsetDateTime>,
    /// Only those that ended before this time.
    #[arg(long, value_parser = flag::time)]
    before: Option<OffsetDateTime>,
    /// Do it; without this they are only counted.
    #[arg(long)]
    execute: bool,
    /// Who is on record for it.
    #[arg(long, env = "USER", default_value = "unknown")]
    by: String,
}

/// A status that is put back.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Status {
    Failed,
    Rejected,
    Unsupported,
}

impl From<Status> for Revivable {
    fn from(status: Status) -> Self {
        match status {
            Status::Failed => Self::Failed,
            Status::Rejected => Self::Rejected,
            Status::Unsupported => Self::Unsupported,
        }
    }
}

/// Counts what matches, and puts it back where that is wanted.
pub async fn redrive(args: RedriveArgs, loaded: &Loaded) -> Result<(), OperatorError> {
    let db = connect(loaded)?;
    let revived = if args.content {
        Revived::Content
    } else if args.status.is_empty() {
        Revived::Files(vec![Revivable::Failed])
    } else {
        Revived::Files(args.status.into_iter().map(Revivable::from).collect())
    };
    let filter = RedriveFilter {
        revived,
        channel: args.channel,
        reasons: args.reason,
        ended_after: args.after,
        ended_before: args.before,
    };
    let config = &loaded.config;
    let redrive = Redrive::new(
        db.clone(),
        Queue::new(db.clone(), WorkKind::Ingest, config.queue_settings()),
        Queue::new(db, WorkKind::Content, config.content_queue_settings()),
        config.limits.max_files_per_message,
    );
    if !args.execute {
        let matched = redrive.count(&args.tenant, &filter).await?;
        say(&format!(
            "{matched} match; nothing was changed. Add --execute to put them back.\n"
        ));
        return Ok(());
    }
    let subject = format!("cli:{}", args.by);
    let done = redrive
        .redrive(&args.tenant, &subject, None, &filter, None, show)
        .await?;
    say(&format!(
        "\r{} of {} put back\n",
        done.redriven, done.matched
    ));
    Ok(())
}

/// A bar where somebody watches, nothing where a file does.
fn show(progress: Progress) {
    const WIDTH: u64 = 40;
    if !std::io::stdout().is_terminal() {
        return;
    }
    let Progress {
        matched, redriven, ..
    } = progress;
    let filled = (redriven * WIDTH)
        .checked_div(matched)
        .unwrap_or(WIDTH)
        .min(WIDTH);
    let bar: String = (0..WIDTH)
        .map(|n| if n < filled { '#' } else { '.' })
        .collect();
    say(&format!("\r[{bar}] {redriven}/{matched}"));
}

fn say(text: &str) {
    let mut out = std::io::stdout();
    // A reader that has gone away is no reason to fail.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
