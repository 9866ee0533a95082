//! Making a stored file ready for eyes and models.
//!
//! Promises: the attachment's status is never touched; whatever happens on the
//! way, the attempt ends in one outcome; each form is announced before it is
//! put, so nothing stays behind unless it is recorded; work that is put back is
//! made anew.

mod failure;
mod made;

use crate::attachment::journal::{AttemptLog, Ended};
use crate::attachment::processing::{ContentAttempt, Processed, ProcessingError};
use crate::attachment::rendition::StoredRendition;
use crate::attachment::retry::RetryPolicy;
use crate::attachment::status::{AttachmentStatus, Attempt, Outcome, Settlement, StoredObject};
use crate::attachment::work::WorkKind;
use crate::blob::Bucket;
use crate::failpoint::{self, Step};
use crate::queue::{Held, Job, Queue};
use crate::sandbox::{Input, Sandbox};
use crate::telemetry::Chain;
use bytes::Bytes;
use failure::Failure;
use futures::TryStreamExt as _;
use made::{Made, made_of};
use std::sync::Arc;
use std::time::Duration;
use tracing::Instrument as _;

/// An attempt that finds the store unavailable, or no child to be had, is put
/// off for so long.
const PAUSE: Duration = Duration::from_secs(10);

/// How content is made.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// When a failed attempt is tried again.
    pub retry: RetryPolicy,
    /// A larger file is not read: it is held in memory while it is.
    pub max_bytes: u64,
}

/// Makes content.
#[derive(Debug, Clone)]
pub struct Content {
    queue: Queue,
    bucket: Bucket,
    sandbox: Sandbox,
    settings: Settings,
}

/// What was made of a file, all of it put.
struct Ready {
    processed: Processed,
    made: Vec<StoredRendition>,
}

impl Ready {
    const fn without_forms(processed: Processed) -> Self {
        Self {
            processed,
            made: Vec::new(),
        }
    }
}

impl Content {
    /// Prepares to make content. The queue is that of this kind of work.
    #[must_use]
    pub fn new(queue: Queue, bucket: Bucket, sandbox: Sandbox, settings: Settings) -> Self {
        Self {
            queue,
            bucket,
            sandbox,
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
            Held::Done(result) => self.judge(ContentAttempt::of(attempt), result),
            Held::Stopped => (
                attempt.give_back(WorkKind::Content),
                "the process stopped; given back, not counted".to_owned(),
            ),
            Held::Lost => {
                tracing::warn!("the lease was lost; the work is dropped");
                return;
            }
        };
        let log = AttemptLog {
            detail,
            ..AttemptLog::default()
        };
        self.finish(&Arc::new(Ended { settlement, log })).await;
        failpoint::reach(Step::Settled).await;
    }

    /// Reads the object, has a child make what can be made of it, and puts that.
    async fn make(&self, attempt: &Attempt) -> Result<Ready, Failure> {
        let ended = |processed| Ok(Ready::without_forms(processed));
        let AttachmentStatus::Stored { object, .. } = &attempt.attachment.status else {
            return ended(Processed::Failed(ProcessingError::SourceGone));
        };
        if !object.media_type.has_content() {
            return ended(Processed::Skipped(ProcessingError::UnsupportedFormat));
        }
        if object.size_bytes > self.settings.max_bytes {
            return ended(Processed::Skipped(ProcessingError::TooComplex));
        }
        let Some(bytes) = self.read(object).await? else {
            return ended(Processed::Failed(ProcessingError::SourceGone));
        };
        let (input, media_type) = (Input::Memory(bytes), object.media_type);
        let said = self.sandbox.prepare(input, media_type).await;
        let (processed, forms) = made_of(media_type, said)?;
        let mut made = Vec::with_capacity(forms.len());
        for form in forms {
            made.push(self.put(attempt, form).await?);
        }
        Ok(Ready { processed, made })
    }

    /// The whole object, as it was stored; none where it is gone.
    async fn read(&self, object: &StoredObject) -> Result<Option<Bytes>, Failure> {
        let gathered = async {
            let pieces = self.bucket.read(object, 0, object.size_bytes).await?;
            pieces
                .try_fold(Vec::new(), |mut whole, piece| async move {
                    whole.extend_from_slice(&piece);
                    Ok(whole)
                })
                .await
        };
        match gathered.await {
            Ok(whole) => Ok(Some(whole.into())),
            Err(error) => Failure::of_a_read(&error).map_or(Ok(None), Err),
        }
    }

    /// Announces a form and puts it.
    async fn put(&self, attempt: &Attempt, form: Made) -> Result<StoredRendition, Failure> {
        let stored = form.stored(&attempt.attachment, attempt.fence);
        match self.queue.announce(attempt, &stored.key).await {
            Ok(true) => {}
            Ok(false) => return Err(Failure::lease_lost()),
            Err(error) => {
                tracing::error!(error = %Chain(&error), "a form could not be announced");
                return Err(Failure::database());
            }
        }
        let (sha256, content_type) = (stored.sha256, &stored.content_type);
        let put = self
            .bucket
            .put(&stored.key, form.payload(), sha256, content_type);
        put.await.map_err(|error| Failure::of_a_put(&error))?;
        Ok(stored)
    }

    fn judge(
        &self,
        attempt: ContentAttempt,
        result: Result<Ready, Failure>,
    ) -> (Settlement, String) {
        match result {
            Ok(Ready { processed, made }) => {
                (attempt.processed(processed, made), "done".to_owned())
            }
            Err(failure) => {
                let settlement = if failure.is_counted {
                    attempt.failed(failure.reason, &self.settings.retry)
                } else {
                    attempt.put_off(failure.reason, PAUSE)
                };
                (settlement, failure.detail)
            }
        }
    }

    /// Writes the outcome, or drops it where it is too late.
    async fn finish(&self, ended: &Arc<Ended>) {
        match self.queue.settle(ended).await {
            Ok(true) => {
                let outcome = match &ended.settlement.outcome {
                    Outcome::Processed { processed, .. } => processed.as_str(),
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
