//! Bringing one attachment in: fetch, inspect, put, finish.
//!
//! Promises: whatever happens on the way, the attempt ends in one outcome
//! with a typed reason; nothing it put stays behind unless it is stored; no
//! failure gets past [`Ingest::run`].

mod outage;
mod pace;
mod spool;
mod transfer;

pub use pace::Floor;

use crate::attachment::Attachment;
use crate::attachment::failure::FailureReason;
use crate::attachment::journal::Trace;
use crate::attachment::media::MediaLimits;
use crate::attachment::retry::RetryPolicy;
use crate::attachment::status::{Attempt, Outcome, Settlement, StoredObject};
use crate::attachment::storage_key::StorageKey;
use crate::blob::Bucket;
use crate::channel::{Channels, Sealer};
use crate::db::Db;
use crate::queue::{Held, Job, Queue};
use metrics::counter;
use outage::Outage;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tracing::Instrument as _;

/// How attachments are brought in.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Limits of channels that set none.
    pub limits: MediaLimits,
    /// When a failed attempt is tried again.
    pub retry: RetryPolicy,
    /// How slow a provider may be.
    pub floor: Floor,
    /// Bytes of a file that are held in memory before it goes to disk.
    pub spool_memory_bytes: usize,
    /// Where larger files wait, without a name, until they are put.
    pub spool_dir: PathBuf,
}

/// Brings attachments in.
#[derive(Debug, Clone)]
pub struct Ingest {
    db: Db,
    queue: Queue,
    channels: Channels,
    sealer: Arc<Sealer>,
    bucket: Bucket,
    settings: Arc<Settings>,
    outage: Arc<Outage>,
}

/// An attempt that did not end in an object.
#[derive(Debug)]
struct Failure {
    reason: FailureReason,
    retry_after: Option<Duration>,
    /// Set where it is our own fault: the attempt is not spent, and this is
    /// how long it is put off.
    put_off: Option<Duration>,
}

impl From<FailureReason> for Failure {
    fn from(reason: FailureReason) -> Self {
        Self {
            reason,
            retry_after: None,
            put_off: None,
        }
    }
}

impl Ingest {
    /// Prepares to bring attachments in.
    #[must_use]
    pub fn new(
        db: Db,
        queue: Queue,
        channels: Channels,
        sealer: Arc<Sealer>,
        bucket: Bucket,
        settings: Settings,
    ) -> Self {
        Self {
            db,
            queue,
            channels,
            sealer,
            bucket,
            settings: Arc::new(settings),
            outage: Arc::default(),
        }
    }

    /// Runs one claimed attempt to its end.
    pub async fn run(&self, job: Job) {
        let span = tracing::info_span!(
            "ingest",
            attachment.id = %job.attempt.attachment.id,
            tenant.id = %job.attempt.attachment.tenant,
            channel.id = %job.attempt.attachment.channel,
            attempt.fence = job.attempt.fence,
        );
        self.attempt(job).instrument(span).await;
    }

    async fn attempt(&self, job: Job) {
        // The slot stays taken until the outcome is written.
        let Job {
            attempt,
            abandoned_fence,
            slot: _slot,
        } = job;
        let attachment = &attempt.attachment;
        if let Some(fence) = abandoned_fence {
            self.doom(attachment, &StorageKey::of(attachment, fence))
                .await;
        }
        let (owner, key) = (attachment.clone(), attempt.storage_key());
        let mut trace = Trace::default();
        let held = {
            let work = self.transfer(&attempt, &mut trace);
            self.queue.hold(attachment.id, attempt.fence, work).await
        };
        let stored = match held {
            Held::Done(result) => {
                let settlement = self.judge(attempt, result, &mut trace);
                self.finish(&settlement, &trace).await
            }
            Held::Stopped => {
                "the process stopped; given back unspent".clone_into(&mut trace.detail);
                self.finish(&attempt.give_back(), &trace).await;
                false
            }
            Held::Lost => {
                tracing::warn!("the lease was lost; the work is dropped");
                false
            }
        };
        if !stored && trace.store > Duration::ZERO {
            self.doom(&owner, &key).await;
        }
    }

    fn judge(
        &self,
        attempt: Attempt,
        result: Result<StoredObject, Failure>,
        trace: &mut Trace,
    ) -> Settlement {
        match result {
            Ok(object) => {
                "stored".clone_into(&mut trace.detail);
                attempt.stored(object)
            }
            Err(failure) => {
                if trace.detail.is_empty() {
                    failure.reason.message().clone_into(&mut trace.detail);
                }
                if let Some(wait) = failure.put_off {
                    return attempt.put_off(failure.reason, wait);
                }
                attempt.failed(failure.reason, failure.retry_after, &self.settings.retry)
            }
        }
    }

    /// Writes the outcome; true when the object now belongs to the record.
    async fn finish(&self, settlement: &Settlement, trace: &Trace) -> bool {
        match self.queue.settle(settlement, trace).await {
            Ok(true) => {
                report(settlement, trace);
                matches!(settlement.outcome, Outcome::Stored(_))
            }
            Ok(false) => {
                tracing::warn!("the attachment was deleted or taken over; the outcome is dropped");
                false
            }
            Err(error) => {
                // The row may hold it after all: whoever claims next removes what is not referenced.
                tracing::error!(%error, "the outcome could not be written before the lease ended");
                true
            }
        }
    }

    /// Sees to it that an object of `owner` goes unless its record holds it.
    async fn doom(&self, owner: &Attachment, key: &StorageKey) {
        if let Err(error) = self.db.doom(&owner.tenant, owner.id, key).await {
            tracing::error!(%error, storage.key = %key, "an orphan could not be noted");
        }
    }
}

/// One line and one count for each outcome.
fn report(settlement: &Settlement, trace: &Trace) {
    let (outcome, reason) = match &settlement.outcome {
        Outcome::Stored(_) => ("stored", ""),
        Outcome::RetryAfter { reason, .. } => ("retry", reason.as_str()),
        Outcome::Ended(reason) => ("ended", reason.as_str()),
    };
    counter!("attachments_attempts_total", "outcome" => outcome, "reason" => reason).increment(1);
    tracing::info!(
        attempt.outcome = outcome,
        attempt.reason = reason,
        provider.status = trace.provider_status,
        provider.request_id = trace.provider_request_id,
        received_bytes = trace.received_bytes,
        fetch_ms = trace.fetch.as_millis(),
        store_ms = trace.store.as_millis(),
        "{}",
        trace.detail
    );
}
