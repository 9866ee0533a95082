//! Logs and metrics: where they go, and what never gets into them.
//!
//! A failure is logged once, where it is handled. Fields have dotted names
//! (`attachment.id`, `tenant.id`). A number is a number in JSON too, so a
//! field takes a `u64`, for a `u128` would become text. Secrets, tokens, URLs
//! with queries and file names are no fields.

mod chain;
mod log_queue;
mod metrics;
mod text_fields;

pub use chain::Chain;
pub use log_queue::LogGuard;
pub use metrics::metrics;

use log_queue::LogQueue;
use std::io::IsTerminal as _;
use text_fields::TextFields;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Targets that print headers, URLs or whole requests at finer levels, and
/// how far they may go whatever the filter asks for.
const TALKATIVE: &[(&str, LevelFilter)] = &[
    ("aws_", LevelFilter::WARN),
    ("h2", LevelFilter::INFO),
    ("hyper", LevelFilter::INFO),
    ("reqwest", LevelFilter::INFO),
    ("rustls", LevelFilter::INFO),
    ("s3s", LevelFilter::OFF),
    ("sqlx", LevelFilter::WARN),
    // Such as "there is no transaction in progress", after a call that was given up.
    ("sqlx::postgres::notice", LevelFilter::ERROR),
];

/// The logs could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter cannot be read.
    #[error("telemetry.log_filter cannot be read")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Somebody else set up logs in this process.
    #[error("logs are set up already")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
    /// The thread that writes them could not be started.
    #[error("the log writer could not be started")]
    Writer(#[from] std::io::Error),
}

/// Sends logs to standard error, as JSON or as text, until the guard is
/// dropped and the last line is out.
pub fn log(json: bool, filter: &str) -> Result<LogGuard, LogError> {
    let registry = tracing_subscriber::registry()
        .with(EnvFilter::try_new(filter)?)
        .with(caps());
    let (queue, guard) = LogQueue::start(std::io::stderr())?;
    let mut writer = tracing_subscriber::fmt::layer().with_writer(queue);
    if !std::io::stderr().is_terminal() {
        // Colours are for people, and files are read by others too.
        writer.set_ansi(false);
    }
    if json {
        // Spans of ours do not nest: the list would say the one a second time.
        let writer = writer.json().flatten_event(true).with_span_list(false);
        registry.with(writer).try_init()?;
    } else {
        let writer = writer.compact().fmt_fields(TextFields);
        registry.with(writer).try_init()?;
    }
    Ok(guard)
}

/// A filter of its own that all must pass: no directive, however exact, gets
/// around it.
fn caps() -> Targets {
    Targets::new()
        .with_default(LevelFilter::TRACE)
        .with_targets(TALKATIVE.iter().copied())
}

/// Whether `filter` can be read, before anything is set up by it.
pub fn check_filter(filter: &str) -> Result<(), tracing_subscriber::filter::ParseError> {
    EnvFilter::try_new(filter).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn no_submodule_gets_past_a_cap() {
        assert!(!caps().would_enable("aws_smithy_runtime::client::http", &Level::DEBUG));
        assert!(!caps().would_enable("hyper::proto::h1", &Level::TRACE));
        assert!(caps().would_enable("attachments::ingest", &Level::TRACE));
    }
}
