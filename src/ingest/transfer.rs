//! The way of the bytes: from the channel through the spool into the bucket.

use super::counts;
use super::fetch::{Credential, fetch_failure, note_head};
use super::pace::Pace;
use super::spool::{Spool, SpoolError, Spooled};
use super::{Failure, Ingest};
use crate::attachment::failure::FailureReason;
use crate::attachment::journal::AttemptLog;
use crate::attachment::media::MediaLimits;
use crate::attachment::retry::spread;
use crate::attachment::status::{Attempt, StoredObject};
use crate::attachment::storage_key::StorageKey;
use crate::blob::BlobError;
use crate::egress::Fetched;
use crate::failpoint::{self, Step};
use crate::inspect::{Expectation, Inspection, Inspector};
use crate::telemetry::Chain;
use futures::StreamExt as _;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// After this an attempt looks whether the disk has room for it.
const ROOM_PAUSE: Duration = Duration::from_secs(2);
/// After this an attempt looks whether the disk works again, or another worker's does.
const DISK_PAUSE: Duration = Duration::from_secs(10);
/// After this the client signs by the store's time.
const SKEW_PAUSE: Duration = Duration::from_secs(1);

impl Ingest {
    /// Fetches, inspects and puts; `trace` learns what it saw on the way.
    pub(super) async fn transfer(
        &self,
        attempt: &Attempt,
        log: &mut AttemptLog,
    ) -> Result<StoredObject, Failure> {
        let attachment = &attempt.attachment;
        if let Some(wait) = self.outage.wait(Instant::now()) {
            "our store is away; the provider was not asked".clone_into(&mut log.detail);
            return Err(our_store(Some(wait)));
        }
        let (limits, credential) = self.channel_of(attachment, log).await?;

        let began = Instant::now();
        let received = self
            .receive(attempt, &limits, credential.as_ref(), log)
            .await;
        log.fetch = began.elapsed();
        let (inspection, spooled) = received?;
        let Spooled {
            payload,
            taken: _until_it_is_put,
        } = spooled;
        failpoint::reach(Step::Fetched).await;

        self.announce(attempt, log).await?;
        failpoint::reach(Step::Announced).await;
        let key = attempt.storage_key();
        let began = Instant::now();
        let put = self
            .bucket
            .put(
                &key,
                payload,
                inspection.sha256,
                inspection.media_type.mime(),
            )
            .await;
        log.store = began.elapsed();
        if let Err(error) = put {
            log.detail = error.to_string();
            return Err(our_store(self.outage_behind(&error, &key).await));
        }
        self.outage.succeeded(Instant::now());
        failpoint::reach(Step::Put).await;

        Ok(StoredObject {
            key,
            size_bytes: inspection.size_bytes,
            media_type: inspection.media_type,
            sha256: inspection.sha256,
        })
    }

    /// How long to put the attempt off, if it is the store that is away. What
    /// this leaves under the key is announced, and goes.
    async fn outage_behind(&self, error: &BlobError, key: &StorageKey) -> Option<Duration> {
        match error {
            BlobError::Unavailable { .. } | BlobError::Refused { .. } => {
                let tried = Instant::now();
                if Box::pin(self.bucket.takes(key)).await {
                    // It has something against this one.
                    self.outage.succeeded(Instant::now());
                    return None;
                }
                self.outage.broke(tried, Instant::now())
            }
            // Our clock was set, and no file is to blame for it.
            BlobError::Skewed { .. } => Some(SKEW_PAUSE),
            // These are about this file and say nothing of the next.
            BlobError::PayloadAltered
            | BlobError::Unsupported { .. }
            | BlobError::Missing
            | BlobError::Truncated
            | BlobError::Cut
            | BlobError::Altered => None,
        }
    }

    /// From here on the object is known, whoever dies.
    async fn announce(&self, attempt: &Attempt, log: &mut AttemptLog) -> Result<(), Failure> {
        match self.queue.announce(attempt).await {
            Ok(true) => Ok(()),
            Ok(false) => {
                "the lease was lost before the put".clone_into(&mut log.detail);
                Err(FailureReason::Interrupted.into())
            }
            Err(error) => {
                tracing::error!(error = %Chain(&error), "the object could not be announced");
                "the object could not be announced".clone_into(&mut log.detail);
                Err(FailureReason::Interrupted.into())
            }
        }
    }

    /// Reads the body into the spool while it is inspected. No more than one
    /// piece beyond the limit is ever read.
    async fn receive(
        &self,
        attempt: &Attempt,
        limits: &MediaLimits,
        credential: Option<&Credential>,
        log: &mut AttemptLog,
    ) -> Result<(Inspection, Spooled), Failure> {
        let Fetched {
            head,
            content_type,
            content_length,
            says_its_end,
            mut body,
        } = self.fetch(attempt, credential, log).await?;
        note_head(head, log);
        let attachment = &attempt.attachment;
        let expectation = Expectation {
            declared: attachment.declared_type(),
            declared_size_bytes: attachment
                .declared_size_bytes
                .filter(|_| attachment.source.keeps_its_size()),
            file_name: attachment.file_name.clone(),
            served_content_type: content_type,
            served_length: content_length,
            says_its_end,
        };
        let mut inspector = Inspector::new(expectation, limits)?;
        let settings = &self.settings;
        let mut spool = Spool::new(
            settings.spool_memory_bytes,
            &settings.spool_dir,
            &self.disk,
            content_length,
        );
        let mut pace = Pace::new(settings.floor, settings.allowance, Instant::now());
        loop {
            let left = pace.left(inspector.at_most(), Instant::now());
            let Ok(next) = timeout(left, body.next()).await else {
                return Err(too_slow(
                    "longer than its size allows (egress.total_timeout)",
                    log,
                ));
            };
            let Some(piece) = next else { break };
            let piece = piece.map_err(|error| fetch_failure(error, log))?;
            let pushed = inspector.push(&piece);
            log.received_bytes = inspector.size_bytes();
            pushed?;
            if !pace.keeps_up(log.received_bytes, Instant::now()) {
                return Err(too_slow(
                    "slower than the floor (egress.min_bytes_per_second)",
                    log,
                ));
            }
            let pushed = spool.push(&piece, inspector.at_most()).await;
            pushed.map_err(|error| spool_failure(&error, attempt, log))?;
        }
        let inspection = inspector.finish()?;
        let spooled = spool.finish().await;
        let spooled = spooled.map_err(|error| spool_failure(&error, attempt, log))?;
        Ok((inspection, spooled))
    }
}

fn too_slow(detail: &str, log: &mut AttemptLog) -> Failure {
    detail.clone_into(&mut log.detail);
    FailureReason::SourceTimeout.into()
}

/// A disk that others have, or that fails, is no fault of the file's.
fn spool_failure(error: &SpoolError, attempt: &Attempt, log: &mut AttemptLog) -> Failure {
    log.detail = error.to_string();
    let pause = match error {
        SpoolError::Full => ROOM_PAUSE,
        SpoolError::Disk(cause) => {
            counts::spool_failed();
            tracing::error!(error = %Chain(cause), "the spool failed");
            DISK_PAUSE
        }
    };
    our_store(Some(spread(pause, attempt.attachment.id, attempt.fence)))
}

/// Put off where the store is away altogether.
fn our_store(put_off: Option<Duration>) -> Failure {
    Failure {
        put_off,
        ..Failure::from(FailureReason::StorageUnavailable)
    }
}
