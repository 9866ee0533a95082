//! A claimed attempt and its lease, kept alive while the work runs.

use super::{Queue, Slot};
use crate::attachment::status::Attempt;
use crate::telemetry::Chain;
use std::fmt;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// A claimed attempt, with the slot it runs in.
pub struct Job {
    /// What to do.
    pub attempt: Attempt,
    /// The slot it runs in; free again when this is dropped.
    pub slot: Slot,
    /// When the claim was asked for: its lease is not older than this.
    pub claimed: Instant,
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

/// How work under a lease came to its end.
#[derive(Debug)]
pub enum Held<T> {
    /// It ran to its end.
    Done(T),
    /// The lease was lost on the way; somebody else owns the row.
    Lost,
    /// The process is to stop and the grace is over.
    Stopped,
}

impl Queue {
    /// Runs `work` while the lease is kept alive, and drops it when the lease
    /// is lost or the process must stop.
    pub async fn hold<T>(&self, attempt: &Attempt, work: impl Future<Output = T>) -> Held<T> {
        tokio::select! {
            biased;
            () = self.abandon.cancelled() => Held::Stopped,
            done = work => Held::Done(done),
            () = self.lose(attempt) => Held::Lost,
        }
    }

    /// Renews the lease until it is lost. A database that is unavailable loses it
    /// only once the last renewal has run out.
    async fn lose(&self, attempt: &Attempt) {
        let (tenant, id) = (&attempt.attachment.tenant, attempt.attachment.id);
        let length = self.lease.length;
        let mut renewed_at = Instant::now();
        let mut pause = length / 3;
        loop {
            tokio::time::sleep(pause).await;
            let asked_at = Instant::now();
            // A database that says nothing is asked again while there is time.
            let renewal = self
                .db
                .renew(tenant, id, self.lease.work, attempt.fence, length);
            match timeout(length / 3, renewal).await {
                Ok(Ok(true)) => {
                    renewed_at = asked_at;
                    pause = length / 3;
                    continue;
                }
                Ok(Ok(false)) => return,
                Ok(Err(error)) => {
                    tracing::warn!(attachment.id = %id, error = %Chain(&error), "the lease could not be renewed");
                }
                Err(_) => {
                    tracing::warn!(attachment.id = %id, "the lease's renewal is not answered");
                }
            }
            if renewed_at.elapsed() >= length {
                return;
            }
            pause = (length / 10).min(Duration::from_secs(1));
        }
    }
}
