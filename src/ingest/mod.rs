//! Bringing one attachment in: fetch, inspect, put, finish.
//!
//! Promises: whatever happens on the way, the attempt ends in one outcome
//! with a typed reason; an object is announced before it is put, so nothing
//! stays behind unless it is stored; no failure gets past [`Ingest::run`].

mod circuit;
mod counts;
mod credentials;
mod disk_budget;
mod fetch;
mod outage;
mod pace;
mod spool;
mod transfer;

pub use pace::{Allowance, Floor};

use crate::attachment::Attachment;
use crate::attachment::failure::FailureReason;
use crate::attachment::journal::AttemptLog;
use crate::attachment::media::MediaLimits;
use crate::attachment::retry::RetryPolicy;
use crate::attachment::status::{Attempt, Outcome, Settlement, StoredObject};
use crate::attachment::storage_key::StorageKey;
use crate::blob::Bucket;
use crate::db::Db;
use crate::failpoint::{self, Step};
use crate::provider::{Providers, Sealer};
use crate::queue::{Held, Job, Queue};
use crate::telemetry::Chain;
use credentials::Credentials;
use disk_budget::DiskBudget;
use outage::Outage;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
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
    /// How long a whole file may take.
    pub allowance: Allowance,
    /// Bytes of a file that are held in memory before it goes to disk.
    pub spool_memory_bytes: usize,
    /// Where larger files wait, without a name, until they are put.
    pub spool_dir: PathBuf,
    /// Bytes on that disk that all of them may take together, and so the
    /// largest file there can be, whatever a channel allows.
    pub spool_disk_bytes: u64,
}

/// Brings attachments in.
#[derive(Debug, Clone)]
pub struct Ingest {
    db: Db,
    queue: Queue,
    providers: Providers,
    sealer: Arc<Sealer>,
    bucket: Bucket,
    settings: Arc<Settings>,
    outage: Arc<Outage>,
    credentials: Arc<Credentials>,
    disk: DiskBudget,
}

/// An attempt that did not end in an object.
#[derive(Debug)]
struct Failure {
    reason: FailureReason,
    retry_after: Option<Duration>,
    /// Set where it is not the file's fault: the attempt is not spent, and
    /// this is how long it is put off.
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
        providers: Providers,
        sealer: Arc<Sealer>,
        bucket: Bucket,
        settings: Settings,
    ) -> Self {
        counts::begin();
        Self {
            db,
            queue,
            providers,
            sealer,
            bucket,
            disk: DiskBudget::new(settings.spool_disk_bytes),
            credentials: Arc::new(Credentials::new(settings.retry)),
            settings: Arc::new(settings),
            outage: Arc::default(),
        }
    }

    /// How long attempts would only be put off: our store is away, and nobody
    /// looks yet whether it is back.
    #[must_use]
    pub fn barred_for(&self) -> Option<Duration> {
        self.outage.lasts(Instant::now())
    }

    /// Runs one claimed attempt to its end.
    pub async fn run(&self, job: Job) {
        // Of the highest level, so that no filter leaves an error without it.
        let span = tracing::error_span!(
            "ingest",
            attachment.id = %job.attempt.attachment.id,
            tenant.id = %job.attempt.attachment.tenant,
            channel.id = %job.attempt.attachment.channel,
            attempt.fence = job.attempt.fence,
            worker.name = self.queue.worker(),
        );
        // Boxed: an attempt is large, and so would be whatever holds one.
        Box::pin(self.attempt(job)).instrument(span).await;
    }

    async fn attempt(&self, job: Job) {
        // The slot stays taken until the outcome is written.
        let Job {
            attempt,
            slot: _slot,
        } = job;
        failpoint::reach(Step::Claimed).await;
        let mut log = AttemptLog::default();
        let held = {
            let work = self.transfer(&attempt, &mut log);
            let id = attempt.attachment.id;
            self.queue.hold(id, attempt.fence, work).await
        };
        let settlement = match held {
            Held::Done(result) => self.judge(attempt, result, &mut log),
            Held::Stopped => {
                "the process stopped; given back unspent".clone_into(&mut log.detail);
                attempt.give_back()
            }
            Held::Lost => {
                tracing::warn!("the lease was lost; the work is dropped");
                return;
            }
        };
        self.finish(&settlement, &log).await;
        failpoint::reach(Step::Settled).await;
    }

    fn judge(
        &self,
        attempt: Attempt,
        result: Result<StoredObject, Failure>,
        log: &mut AttemptLog,
    ) -> Settlement {
        match result {
            Ok(object) => {
                "stored".clone_into(&mut log.detail);
                attempt.stored(object)
            }
            Err(failure) => {
                if log.detail.is_empty() {
                    failure.reason.message().clone_into(&mut log.detail);
                }
                if let Some(wait) = failure.put_off {
                    return attempt.put_off(failure.reason, wait);
                }
                attempt.failed(failure.reason, failure.retry_after, &self.settings.retry)
            }
        }
    }

    /// Writes the outcome, or drops it where it is too late. An object that
    /// nobody wants any more is whole by now and goes at once; one that is
    /// announced goes in its time.
    async fn finish(&self, settlement: &Settlement, log: &AttemptLog) {
        match (
            self.queue.settle(settlement, log).await,
            &settlement.outcome,
        ) {
            (Ok(true), _) => report(settlement, log),
            (Ok(false), outcome) => {
                tracing::warn!("the attachment was deleted or taken over; the outcome is dropped");
                if let Outcome::Stored(object) = outcome {
                    self.doom(&settlement.attachment, &object.key).await;
                }
            }
            // The row may hold the object after all; its announcement knows.
            (Err(error), _) => {
                tracing::error!(error = %Chain(&error), "the outcome could not be written before the lease ended");
            }
        }
    }

    async fn doom(&self, owner: &Attachment, key: &StorageKey) {
        if let Err(error) = self.db.doom(&owner.tenant, owner.id, key).await {
            tracing::warn!(error = %Chain(&error), "an object that nobody wants goes when its announcement is due");
        }
    }
}

/// One line and one count for each outcome.
fn report(settlement: &Settlement, log: &AttemptLog) {
    let (outcome, reason) = match &settlement.outcome {
        Outcome::Stored(_) => ("stored", ""),
        Outcome::RetryAfter { reason, .. } => ("retry", reason.as_str()),
        Outcome::Ended(reason) => ("ended", reason.as_str()),
    };
    counts::attempt_ended(outcome, reason);
    tracing::info!(
        attempt.outcome = outcome,
        attempt.reason = reason,
        provider.status = log.provider_status,
        provider.request_id = log.provider_request_id,
        received_bytes = log.received_bytes,
        fetch_ms = log.fetch.as_millis(),
        store_ms = log.store.as_millis(),
        "{}",
        log.detail
    );
}
