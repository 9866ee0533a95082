//! Writing how attempts ended, those that end at the same time together.

use super::{PAUSE, Queue};
use crate::attachment::journal::Ended;
use crate::attachment::status::Outcome;
use crate::db::{Db, Gathering, GroupCommit, GroupError, Write};
use crate::telemetry::Chain;
use std::sync::Arc;
use tokio::time::Instant;

/// A statement that waits for its commit has another beside it.
const GATHERING: Gathering = Gathering {
    flushers: 2,
    batch: 256,
    queue: 4096,
};

/// Outcomes on their way into the database.
#[derive(Debug, Clone)]
pub(super) struct Settler {
    over: GroupCommit<Arc<Ended>, bool>,
    retries: GroupCommit<Arc<Ended>, bool>,
}

impl Settler {
    pub(super) fn new(db: &Db) -> Self {
        let (of_over, of_retries) = (db.clone(), db.clone());
        let over: Write<Arc<Ended>, bool> = Arc::new(move |ended| {
            let db = of_over.clone();
            Box::pin(async move { db.settle_over(ended).await })
        });
        let retries: Write<Arc<Ended>, bool> = Arc::new(move |ended| {
            let db = of_retries.clone();
            Box::pin(async move { db.settle_retries(ended).await })
        });
        Self {
            over: GroupCommit::new("an outcome", &GATHERING, &over),
            retries: GroupCommit::new("an outcome", &GATHERING, &retries),
        }
    }

    async fn settle(&self, ended: Arc<Ended>) -> Result<bool, GroupError> {
        let key = ended.settlement.attachment.id;
        let gathered = match ended.settlement.outcome {
            Outcome::Stored(_) | Outcome::Ended(_) | Outcome::Processed { .. } => &self.over,
            Outcome::RetryAfter { .. } => &self.retries,
        };
        gathered.queue(key.as_uuid(), ended)?.wait().await
    }
}

impl Queue {
    /// Writes how an attempt ended. While the database is unavailable this is
    /// repeated until the lease ends; then the work is repeated instead.
    ///
    /// Gives false when the fence no longer holds, and then nothing was changed.
    pub async fn settle(&self, ended: &Arc<Ended>) -> Result<bool, GroupError> {
        let began = Instant::now();
        self.slots.learn(&ended.settlement);
        loop {
            match self.settler.settle(ended.clone()).await {
                Err(error) if may_pass(&error) && began.elapsed() < self.lease.length => {
                    let id = ended.settlement.attachment.id;
                    tracing::warn!(attachment.id = %id, error = %Chain(&error),
                        "the outcome could not be written yet");
                    tokio::time::sleep(PAUSE).await;
                }
                settled => return settled,
            }
        }
    }
}

fn may_pass(error: &GroupError) -> bool {
    match error {
        GroupError::Full => true,
        GroupError::GivenUp => false,
        GroupError::Database(error) => error.is_unavailable(),
    }
}
