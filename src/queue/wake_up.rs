//! Waking workers: this process's at once, those of other replicas by one
//! notification for all that came within a while. The session that hears them
//! is the worker's sign of life.
//!
//! It goes out beside the registrations, not inside them: a transaction that
//! notifies commits alone, and that costs a crowd its shared commit. A wake-up
//! may be lost; the poll finds what it told of.

use super::Queue;
use crate::telemetry::Chain;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// All rings within this time are one notification.
const GATHERING: Duration = Duration::from_millis(50);
/// Between two tries to listen: at once after a connection that was lost, for
/// whoever is not heard counts as gone soon, and a little later while there is none.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

impl Queue {
    /// Wakes this process's worker and, a moment later, those of others:
    /// there is new work. Never blocks, and rings that nobody has heard yet
    /// count as one.
    pub fn ring(&self) {
        self.bell.notify_one();
        self.other_bells.notify_one();
    }

    /// Notifies other replicas of rings, until `stop`.
    pub async fn notify_replicas(&self, stop: CancellationToken) {
        let spreading = async {
            loop {
                self.other_bells.notified().await;
                if let Err(error) = self.db.notify_of_work(&self.lease.worker).await {
                    tracing::debug!(error = %Chain(&error), "other replicas will find the work by themselves");
                }
                tokio::time::sleep(GATHERING).await;
            }
        };
        stop.run_until_cancelled(spreading).await;
    }

    /// Rings this process's bell when another replica notifies it, until `stop`.
    pub(super) async fn hear_replicas(&self, stop: &CancellationToken) {
        let hearing = async {
            let mut pause = FIRST_PAUSE;
            loop {
                if let Err(error) = self.ring_on_wake_ups(&mut pause).await {
                    tracing::debug!(error = %Chain(&error), "other replicas cannot be heard; polling finds their work");
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        };
        stop.run_until_cancelled(hearing).await;
    }

    async fn ring_on_wake_ups(&self, pause: &mut Duration) -> Result<(), crate::db::DbError> {
        let mut wake_ups = self.db.wake_ups(&self.lease.worker).await?;
        *pause = FIRST_PAUSE;
        loop {
            if wake_ups.next().await? != self.lease.worker {
                self.bell.notify_one();
            }
        }
    }
}
