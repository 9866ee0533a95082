//! What the sweeper forgets, each as long after as it is set.

use super::{BATCH, Sweeper, drain};
use crate::db::{DbError, Kept};
use std::time::Duration;
use tokio::time::Instant;

/// Passes between two looks: nothing of it is in a hurry.
const PASSES: u32 = 12;
/// Between two looks for partitions that are lacking, which are made days ahead.
const MAKING: Duration = Duration::from_mins(10);

/// How long what is over is remembered.
#[derive(Debug, Clone, Copy)]
pub struct Remembered {
    /// Status changes, since they happened.
    pub events: Duration,
    /// Attempts, since their file was registered.
    pub attempts: Duration,
    /// Records of deleted attachments, since their deletion.
    pub records: Duration,
}

/// When the next looks are due.
#[derive(Debug)]
pub(super) struct Looks {
    making: Instant,
    forgetting: Instant,
}

impl Looks {
    pub(super) fn at_once() -> Self {
        let now = Instant::now();
        Self {
            making: now,
            forgetting: now,
        }
    }
}

impl Sweeper {
    /// Makes partitions ahead, and forgets what is old, each in its time.
    pub(super) async fn forget(&self, looks: &mut Looks) -> Result<u64, DbError> {
        let now = Instant::now();
        // Where a lock was not to be had, the next pass tries again.
        if now >= looks.making && self.db.make_partitions().await? {
            looks.making = now + MAKING;
        }
        if now < looks.forgetting {
            return Ok(0);
        }
        let Remembered {
            events,
            attempts,
            records,
        } = self.settings.remembered;
        let mut forgotten = 0;
        for (kept, age) in [(Kept::Events, events), (Kept::Attempts, attempts)] {
            while self.db.drop_partition(kept, age).await? {
                tracing::info!(table = ?kept, "a partition was dropped");
            }
            forgotten += drain(|| self.db.forget_rest(kept, age, BATCH)).await?;
        }
        forgotten += drain(|| self.db.forget_records(records, BATCH)).await?;
        forgotten += drain(|| self.db.forget_tombstones(BATCH)).await?;
        looks.forgetting = now + self.settings.interval.saturating_mul(PASSES);
        Ok(forgotten)
    }
}
