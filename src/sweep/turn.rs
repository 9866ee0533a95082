//! Whose turn it is to sweep: one replica's, for as long as it holds a lease.
//!
//! Each step of a sweep stands beside another's, so that nothing depends on
//! there being one only: two that sweep for a moment cost statements.

use crate::db::{Db, DbError};
use crate::telemetry::Chain;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// The lease of the sweep.
const NAME: &str = "sweep";
/// A replica that is killed is missed by its passes and this, at most.
const LONGEST_SLACK: Duration = Duration::from_secs(10);
/// A replica that stops waits no longer for its lease to be given back.
const FAREWELL: Duration = Duration::from_secs(1);

/// This replica's claim to the sweep.
pub(super) struct Turn {
    db: Db,
    holder: String,
    length: Duration,
    /// When the lease that it holds was last renewed.
    renewed: Option<Instant>,
}

impl Turn {
    /// With passes this far apart.
    pub(super) fn new(db: Db, holder: String, interval: Duration) -> Self {
        Self {
            db,
            holder,
            length: lease_length(interval),
            renewed: None,
        }
    }

    /// Whether it is this replica's turn, which it then holds on to.
    pub(super) async fn is_ours(&mut self) -> Result<bool, DbError> {
        let asked = Instant::now();
        let taken = self.db.take_lease(NAME, &self.holder, self.length).await;
        // Who cannot ask does not know that it still holds it.
        self.renewed = matches!(taken, Ok(true)).then_some(asked);
        taken
    }

    /// The same in the middle of a pass: asks only once a third of the lease
    /// is over.
    pub(super) async fn is_still_ours(&mut self) -> Result<bool, DbError> {
        match self.renewed {
            Some(renewed) if renewed.elapsed() < self.length / 3 => Ok(true),
            _ => self.is_ours().await.inspect_err(
                |error| tracing::warn!(error = %Chain(error), "a sweep lost sight of its lease"),
            ),
        }
    }

    /// Lets another have it at once.
    pub(super) async fn give_back(&mut self) {
        if self.renewed.take().is_none() {
            return;
        }
        let given = timeout(FAREWELL, self.db.give_lease_back(NAME, &self.holder)).await;
        if let Ok(Err(error)) = given {
            tracing::debug!(error = %Chain(&error), "the sweep's lease could not be given back");
        }
    }
}

/// Three passes, but no more than a little beyond one: a lease that outlives
/// its holder keeps the others from sweeping.
fn lease_length(interval: Duration) -> Duration {
    interval.saturating_add((interval.saturating_mul(2)).min(LONGEST_SLACK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_outlives_its_pass_by_little() {
        let length = |seconds| lease_length(Duration::from_secs(seconds)).as_secs();
        assert_eq!([length(1), length(5), length(3600)], [3, 15, 3610]);
    }
}
