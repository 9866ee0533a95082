//! Waking workers: this process's at once, those of other replicas by one
//! notification for all that came within a while.
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
/// Between two tries to listen.
const PAUSE: Duration = Duration::from_secs(5);

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
            loop {
                if let Err(error) = self.ring_on_wake_ups().await {
                    tracing::debug!(error = %Chain(&error), "other replicas cannot be heard; polling finds their work");
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        stop.run_until_cancelled(hearing).await;
    }

    async fn ring_on_wake_ups(&self) -> Result<(), crate::db::DbError> {
        let mut wake_ups = self.db.wake_ups().await?;
        loop {
            if wake_ups.next().await? != self.lease.worker {
                self.bell.notify_one();
            }
        }
    }
}
