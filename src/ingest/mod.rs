//! Bringing one attachment in: fetch, inspect, put, finish.
//!
//! Promises: whatever happens on the way, the attempt ends in one outcome
//! with a typed reason; an object is announced before it is put, so nothing
//! stays behind unless it is stored; no failure gets past [`Ingest::run`].

mod circuit;
mod counts;
mod credentials;
mod disk_budget;
mod download;
mod failure;
mod measured;
mod outage;
mod pace;
mod provider;
mod spool;
mod transfer;
mod verdict;

pub use pace::{Allowance, Floor};

use crate::attachment::Attachment;
use crate::attachment::failure::FailureReason;
use crate::attachment::journal::Ended;
use crate::attachment::media_limits::MediaLimits;
use crate::attachment::retry::RetryPolicy;
use crate::attachment::status::{Attempt, Outcome, Stored};
use crate::attachment::storage_key::StorageKey;
use crate::attachment::work::WorkKind;
use crate::blob::Bucket;
use crate::db::{Db, KeptChannels};
use crate::failpoint::{self, Step};
use crate::provider::{Providers, Sealer};
use crate::queue::{Held, Job, Queue};
use crate::sandbox::Sandbox;
use crate::telemetry::Chain;
use failure::Failure;
use measured::Measured;
use provider::Provider;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tracing::Instrument as _;
use transfer::{Put, Transfer};

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
    /// Whether content is made of what is stored.
    pub makes_content: bool,
}

/// Where work comes from, and where a stored file goes on.
#[derive(Debug, Clone)]
pub struct Queues {
    /// Files to be brought in.
    pub ingest: Queue,
    /// Content to be made.
    pub content: Queue,
}

/// Brings attachments in.
#[derive(Debug, Clone)]
pub struct Ingest {
    db: Db,
    queue: Queue,
    /// Hears of files whose content is to be made.
    content: Queue,
    transfer: Arc<Transfer>,
    retry: RetryPolicy,
    makes_content: bool,
}

impl Ingest {
    /// Prepares to bring attachments in.
    #[must_use]
    pub fn new(
        db: Db,
        channels: KeptChannels,
        queues: Queues,
        providers: Providers,
        sealer: Arc<Sealer>,
        stores: (Bucket, Sandbox),
        settings: Settings,
    ) -> Self {
        let (bucket, sandbox) = stores;
        counts::begin();
        let (retry, makes_content) = (settings.retry, settings.makes_content);
        let provider = Provider::new(db.clone(), channels, sealer, providers, retry);
        Self {
            db,
            queue: queues.ingest,
            content: queues.content,
            transfer: Arc::new(Transfer::new(provider, bucket, sandbox, settings)),
            retry,
            makes_content,
        }
    }

    /// How long attempts would only be put off: our store is unavailable, and
    /// nobody probes yet whether it is back.
    #[must_use]
    pub fn paused_for(&self) -> Option<Duration> {
        self.transfer.paused_for()
    }

    /// Runs one claimed attempt to its end.
    pub async fn run(&self, job: Job) {
        let span = tracing::info_span!(
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
            claimed,
        } = job;
        failpoint::reach(Step::Claimed).await;
        // Boxed: it holds a download.
        let work = Box::pin(self.bring_in(&attempt, claimed));
        let ended = match self.queue.hold(&attempt, work).await {
            Held::Done(result) => self.judge(attempt, result),
            Held::Stopped => Ended {
                settlement: attempt.give_back(WorkKind::Ingest).may_have_put(),
                log: Measured::default().into_log("the process stopped; given back, not counted"),
            },
            Held::Lost => {
                tracing::warn!("the lease was lost; the work is dropped");
                return;
            }
        };
        self.finish(&Arc::new(ended)).await;
        failpoint::reach(Step::Settled).await;
    }

    /// Fetches and inspects, puts. The object was announced with the claim.
    async fn bring_in(&self, attempt: &Attempt, claimed: Instant) -> Result<Put, Failure> {
        let received = self.transfer.receive(attempt).await?;
        failpoint::reach(Step::Fetched).await;
        if self.queue.is_long_since(claimed)
            && let Err(failure) = self.announce_again(attempt).await
        {
            return Err(failure.measuring(|_| received.measured));
        }
        failpoint::reach(Step::Announced).await;
        let put = self.transfer.put(attempt.key.clone(), received).await?;
        failpoint::reach(Step::Put).await;
        Ok(put)
    }

    /// After a long download the announcement may be due, and the lease lost.
    async fn announce_again(&self, attempt: &Attempt) -> Result<(), Failure> {
        let detail = match self.queue.announce(attempt, &attempt.key).await {
            Ok(true) => return Ok(()),
            Ok(false) => "the lease was lost before the put",
            Err(error) => {
                tracing::error!(error = %Chain(&error), "the object could not be announced");
                "the object could not be announced"
            }
        };
        Err(Failure::counted(FailureReason::Interrupted, detail))
    }

    /// What follows, and what the journal says of it.
    fn judge(&self, attempt: Attempt, result: Result<Put, Failure>) -> Ended {
        match result {
            Ok(Put {
                object,
                facts,
                file_name,
                measured,
            }) => Ended {
                settlement: attempt.stored(Stored {
                    makes_content: self.makes_content && object.media_type.has_content(),
                    object,
                    facts,
                    file_name,
                }),
                log: measured.into_log("stored"),
            },
            Err(failure) => {
                let settlement = match failure.put_off {
                    Some(wait) => attempt.put_off(failure.reason, wait),
                    None => attempt.failed(failure.reason, failure.retry_after, &self.retry),
                };
                Ended {
                    settlement: if failure.put_tried {
                        settlement.may_have_put()
                    } else {
                        settlement
                    },
                    log: failure.measured.into_log(failure.detail),
                }
            }
        }
    }

    /// Writes the outcome, or drops it where it is too late. An object that
    /// nobody wants any more is whole by now and goes at once; one that is
    /// announced goes in its time.
    async fn finish(&self, ended: &Arc<Ended>) {
        let settlement = &ended.settlement;
        match (self.queue.settle(ended).await, &settlement.outcome) {
            (Ok(true), outcome) => {
                report(ended);
                if let Outcome::Stored(stored) = outcome
                    && stored.makes_content
                {
                    self.content.ring();
                }
            }
            (Ok(false), outcome) => {
                tracing::warn!("the attachment was deleted or taken over; the outcome is dropped");
                if let Outcome::Stored(stored) = outcome {
                    self.give_up(&settlement.attachment, &stored.object.key)
                        .await;
                }
            }
            // The row may hold the object after all; its announcement knows.
            (Err(error), _) => {
                tracing::error!(error = %Chain(&error), "the outcome could not be written before the lease ended");
            }
        }
    }

    async fn give_up(&self, owner: &Attachment, key: &StorageKey) {
        if let Err(error) = self.db.remove_now(&owner.tenant, key).await {
            tracing::warn!(error = %Chain(&error), "an object that nobody wants goes when its announcement is due");
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// One line and one count for each outcome.
fn report(ended: &Ended) {
    let Ended { settlement, log } = ended;
    let (outcome, reason) = match &settlement.outcome {
        Outcome::Stored(_) => ("stored", ""),
        Outcome::RetryAfter { reason, .. } => ("retry", reason.as_str()),
        Outcome::Ended(reason) => ("ended", reason.as_str()),
        Outcome::Processed { processed, .. } => ("processed", processed.as_str()),
    };
    counts::attempt_ended(outcome, reason);
    tracing::info!(
        attempt.outcome = outcome,
        attempt.reason = reason,
        provider.status = log.provider_status,
        provider.request_id = log.provider_request_id,
        received_bytes = log.received_bytes,
        fetch_ms = milliseconds(log.fetch),
        store_ms = milliseconds(log.store),
        "{}",
        log.detail
    );
}
