//! How the sweeper is: whether it still makes its rounds, and since when none
//! of them was whole.

use metrics::gauge;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// When the sweeper was last seen; at its start, before its first pass.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heartbeat {
    /// A pass ended, whole or not, or another replica was found to sweep.
    pub(super) passed: Instant,
    /// A pass ended of which no step had failed, or another was found to sweep.
    pub(super) whole: Instant,
}

/// How the sweeper is, for probes and metrics.
#[derive(Debug, Clone)]
pub struct Pulse {
    pub(super) heartbeat: watch::Receiver<Heartbeat>,
    /// Without the end of a pass for so long, the task counts as hung.
    pub(super) patience: Duration,
}

impl Pulse {
    /// Shows how long ago the last whole pass ended, or another replica was found
    /// to sweep; the age of the process before the first. For whoever reads the metrics to call: a sweeper that
    /// hangs would show nothing.
    pub fn show_age(&self) {
        let age = self.heartbeat.borrow().whole.elapsed();
        gauge!("attachments_sweep_age_seconds").set(age.as_secs_f64());
    }

    /// Whether the task still makes its rounds. A database that is unavailable fails
    /// passes but does not end them; only a restart mends a task that hangs.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let since = self.heartbeat.borrow().passed.elapsed();
        since < self.patience
    }
}
