//! Making a stored file ready for eyes and models.
//!
//! Promises: the attachment's status is never touched; whatever happens on the
//! way, the attempt ends in one outcome; work that is put back is made anew.
//!
//! Nothing is extracted yet: the file is read whole, to know that it is there,
//! and ends as a format that is not read.

use crate::attachment::failure::FailureReason;
use crate::attachment::journal::{AttemptLog, Ended};
use crate::attachment::processing::{ContentAttempt, Processed, ProcessingError};
use crate::attachment::retry::RetryPolicy;
use crate::attachment::status::{AttachmentStatus, Attempt, Outcome, Settlement};
use crate::attachment::work::WorkKind;
use crate::blob::{BlobError, Bucket};
use crate::failpoint::{self, Step};
use crate::queue::{Held, Job, Queue};
use crate::telemetry::Chain;
use std::sync::Arc;
use std::time::Duration;
use tracing::Instrument as _;

/// An attempt that finds the store unavailable is put off for so long.
const STORE_PAUSE: Duration = Duration::from_secs(10);

/// How content is made.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// When a failed attempt is tried again.
    pub retry: RetryPolicy,
}

/// Makes content.
#[derive(Debug, Clone)]
pub struct Content {
    queue: Queue,
    bucket: Bucket,
    settings: Settings,
}

/// An attempt that did not come to its end.
#[derive(Debug)]
enum Failure {
    /// It counts, and another one follows up to the cap.
    Counted(FailureReason, &'static str),
    /// Our own store is unavailable: no file is to blame for it.
    NotCounted(FailureReason, &'static str),
}

impl Content {
    /// Prepares to make content. The queue is that of this kind of work.
    #[must_use]
    pub fn new(queue: Queue, bucket: Bucket, settings: Settings) -> Self {
        Self {
            queue,
            bucket,
            settings,
        }
    }

    /// Runs one claimed attempt to its end.
    pub async fn run(&self, job: Job) {
        let span = tracing::info_span!(
            "content",
            attachment.id = %job.attempt.attachment.id,
            tenant.id = %job.attempt.attachment.tenant,
            attempt.fence = job.attempt.fence,
            worker.name = self.queue.worker(),
        );
        Box::pin(self.attempt(job)).instrument(span).await;
    }

    async fn attempt(&self, job: Job) {
        // The slot stays taken until the outcome is written.
        let Job {
            attempt,
            slot: _slot,
            ..
        } = job;
        failpoint::reach(Step::Claimed).await;
        let held = self.queue.hold(&attempt, self.make(&attempt)).await;
        let (settlement, detail) = match held {
            Held::Done(result) => self.judge(ContentAttempt::of(attempt), &result),
            Held::Stopped => (
                attempt.give_back(WorkKind::Content),
                "the process stopped; given back, not counted",
            ),
            Held::Lost => {
                tracing::warn!("the lease was lost; the work is dropped");
                return;
            }
        };
        let log = AttemptLog {
            detail: detail.to_owned(),
            ..AttemptLog::default()
        };
        self.finish(&Arc::new(Ended { settlement, log })).await;
        failpoint::reach(Step::Settled).await;
    }

    /// Reads the object whole; what comes of it is the extractors' to say.
    async fn make(&self, attempt: &Attempt) -> Result<Processed, Failure> {
        let AttachmentStatus::Stored { object, .. } = &attempt.attachment.status else {
            return Ok(Processed::Failed(ProcessingError::SourceGone));
        };
        match self.bucket.digest(&object.key).await {
            Ok((size, sha256)) if size == object.size_bytes && sha256 == object.sha256 => {
                Ok(Processed::Skipped(ProcessingError::UnsupportedFormat))
            }
            Ok(_) => Err(Failure::Counted(
                FailureReason::StorageUnavailable,
                "the object is not what was stored",
            )),
            Err(BlobError::Missing) => Ok(Processed::Failed(ProcessingError::SourceGone)),
            Err(BlobError::Unavailable { .. } | BlobError::Skewed { .. }) => {
                Err(Failure::NotCounted(
                    FailureReason::StorageUnavailable,
                    "object storage is not available",
                ))
            }
            Err(_) => Err(Failure::Counted(
                FailureReason::StorageUnavailable,
                "the object could not be read",
            )),
        }
    }

    fn judge(
        &self,
        attempt: ContentAttempt,
        result: &Result<Processed, Failure>,
    ) -> (Settlement, &'static str) {
        match *result {
            Ok(processed) => (attempt.processed(processed), "done"),
            Err(Failure::Counted(reason, detail)) => {
                (attempt.failed(reason, &self.settings.retry), detail)
            }
            Err(Failure::NotCounted(reason, detail)) => {
                (attempt.put_off(reason, STORE_PAUSE), detail)
            }
        }
    }

    /// Writes the outcome, or drops it where it is too late.
    async fn finish(&self, ended: &Arc<Ended>) {
        match self.queue.settle(ended).await {
            Ok(true) => {
                let outcome = match &ended.settlement.outcome {
                    Outcome::Processed(processed) => processed.as_str(),
                    Outcome::RetryAfter { .. } => "retry",
                    Outcome::Stored(_) | Outcome::Ended(_) => "none",
                };
                tracing::info!(attempt.outcome = outcome, "{}", ended.log.detail);
            }
            Ok(false) => {
                tracing::warn!("the attachment was deleted or taken over; the outcome is dropped");
            }
            Err(error) => {
                tracing::error!(error = %Chain(&error), "the outcome could not be written before the lease ended");
            }
        }
    }
}
