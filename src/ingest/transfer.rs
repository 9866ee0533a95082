//! The way of the bytes: from the provider through the spool into the bucket.

use super::Settings;
use super::download::Download;
use super::failure::Failure;
use super::measured::Measured;
use super::outage::Outage;
use super::pace::{Allowance, Floor, Pace};
use super::provider::{Channel, Provider};
use super::spool::{Spooled, Spools};
use super::verdict::{Inspection, inspect};
use crate::attachment::facts::Facts;
use crate::attachment::failure::{Consequence, FailureReason};
use crate::attachment::file_name::FileName;
use crate::attachment::language::Language;
use crate::attachment::media::{DeclaredType, MediaType};
use crate::attachment::media_limits::MediaLimits;
use crate::attachment::status::{Attempt, StoredObject};
use crate::attachment::storage_key::StorageKey;
use crate::blob::{BlobError, Bucket};
use crate::egress::Fetched;
use crate::inspect::{Announced, Hints, Intake};
use crate::sandbox::Sandbox;
use std::time::Duration;
use tokio::time::Instant;

/// After this the client signs by the store's time.
const SKEW_PAUSE: Duration = Duration::from_secs(1);

/// Takes files in, and puts them into the bucket.
#[derive(Debug)]
pub(super) struct Transfer {
    provider: Provider,
    bucket: Bucket,
    sandbox: Sandbox,
    outage: Outage,
    spools: Spools,
    /// Of channels that set none.
    limits: MediaLimits,
    floor: Floor,
    allowance: Allowance,
}

/// A whole file that waits to be put.
pub(super) struct Received {
    inspection: Inspection,
    spooled: Spooled,
    /// Its name, where only its provider knew one.
    file_name: Option<FileName>,
    /// What was measured of it.
    pub(super) measured: Measured,
}

/// A file that was put.
pub(super) struct Put {
    /// What is in the bucket.
    pub(super) object: StoredObject,
    /// What was read of it.
    pub(super) facts: Facts,
    /// Its name, where only its provider knew one.
    pub(super) file_name: Option<FileName>,
    /// What was measured on its way.
    pub(super) measured: Measured,
}

impl Transfer {
    pub(super) fn new(
        provider: Provider,
        bucket: Bucket,
        sandbox: Sandbox,
        settings: Settings,
    ) -> Self {
        Self {
            provider,
            bucket,
            sandbox,
            outage: Outage::default(),
            spools: Spools::new(
                settings.spool_memory_bytes,
                settings.spool_dir,
                settings.spool_disk_bytes,
            ),
            limits: settings.limits,
            floor: settings.floor,
            allowance: settings.allowance,
        }
    }

    /// How long attempts would only be put off: our store is unavailable, and
    /// nobody probes yet whether it is back.
    pub(super) fn paused_for(&self) -> Option<Duration> {
        self.outage.paused_for(Instant::now())
    }

    /// Fetches a file and inspects it, unless our store could not take it.
    pub(super) async fn receive(&self, attempt: &Attempt) -> Result<Received, Failure> {
        if let Some(wait) = self.outage.wait(Instant::now()) {
            let detail = "our store is unavailable; the provider was not asked";
            let reason = FailureReason::StorageUnavailable;
            return Err(Failure::not_counted(reason, detail, wait));
        }
        // What is judged anew breaks the rules that are known beforehand, or not.
        if let Err(reason) = attempt.source.admit() {
            return Err(Failure::counted(reason, reason.message(Language::English)));
        }
        let channel = self.provider.channel_of(attempt).await;
        let received = self.receive_by(attempt, channel).await;
        // Nobody is sent away for a credential that was replaced a moment ago.
        match received {
            Err(failure) if failure.reason.consequence() == Consequence::AwaitCredential => {
                let seen = failure.measured.credential_seen;
                match self.provider.channel_after(attempt, seen).await {
                    Some(channel) => self.receive_by(attempt, channel).await,
                    None => Err(failure),
                }
            }
            received => received,
        }
    }

    async fn receive_by(
        &self,
        attempt: &Attempt,
        channel: Result<Channel, Failure>,
    ) -> Result<Received, Failure> {
        let channel = channel?;
        let began = Instant::now();
        let received = self.download(attempt, &channel).await;
        let in_all = |measured| Measured {
            credential_seen: channel.credential_since,
            fetch: began.elapsed(),
            ..measured
        };
        match received {
            Ok(received) => Ok(Received {
                measured: in_all(received.measured),
                ..received
            }),
            Err(failure) => Err(failure.measuring(in_all)),
        }
    }

    async fn download(&self, attempt: &Attempt, channel: &Channel) -> Result<Received, Failure> {
        let fetched = self.provider.fetch(attempt, channel).await?;
        let limits = channel.limits.over(&self.limits);
        let limits = limits.at_most(self.spools.largest_file_bytes());
        let told = Told::of(attempt, &fetched);
        let Fetched {
            head,
            content_length,
            body,
            ..
        } = fetched;
        let answered = |received_bytes| Measured {
            head,
            received_bytes,
            ..Measured::default()
        };
        let intake = match Intake::new(told.announced, told.declared, &limits) {
            Ok(intake) => intake,
            Err(refused) => {
                return Err(Failure::from(refused).measuring(|seen| answered(0).judged(seen)));
            }
        };
        let mut download = Download {
            attempt,
            intake,
            spool: self.spools.open(&attempt.attachment.tenant, content_length),
            pace: Pace::new(self.floor, self.allowance, Instant::now()),
        };
        let taken = download.take_in(body).await;
        let measured = answered(download.received_bytes());
        let finished = match taken {
            Ok(()) => download.finish().await,
            Err(failure) => Err(failure),
        };
        let judged = match finished {
            Ok((arrived, spooled)) => {
                let hints = told.hints(&limits, arrived.is_whole);
                let payload = &spooled.payload;
                inspect(&self.sandbox, attempt, payload, arrived, hints, &limits)
                    .await
                    .map(|inspection| (inspection, spooled))
            }
            Err(failure) => Err(failure),
        };
        match judged {
            Ok((inspection, spooled)) => Ok(Received {
                inspection,
                spooled,
                file_name: told.learned_name(attempt),
                measured,
            }),
            Err(failure) => Err(failure.measuring(|seen| measured.judged(seen))),
        }
    }

    /// Puts a file under its key, which must have been announced.
    pub(super) async fn put(&self, key: StorageKey, received: Received) -> Result<Put, Failure> {
        let Received {
            inspection,
            spooled,
            file_name,
            measured,
        } = received;
        let Spooled {
            payload,
            taken: _until_it_is_put,
        } = spooled;
        let began = Instant::now();
        let mime = inspection.media_type.mime();
        let put = self.bucket.put(&key, payload, inspection.sha256, mime);
        let put = put.await;
        let measured = Measured {
            store: began.elapsed(),
            ..measured
        };
        if let Err(error) = put {
            let (reason, detail) = (FailureReason::StorageUnavailable, error.to_string());
            let failure = match self.outage_behind(&error, &key).await {
                Some(wait) => Failure::not_counted(reason, detail, wait),
                None => Failure::counted(reason, detail),
            };
            return Err(failure.of_a_put().measuring(|_| measured));
        }
        self.outage.succeeded(Instant::now());
        let object = StoredObject {
            key,
            size_bytes: inspection.size_bytes,
            media_type: inspection.media_type,
            sha256: inspection.sha256,
        };
        Ok(Put {
            object,
            facts: inspection.facts,
            file_name,
            measured,
        })
    }

    /// How long to put the attempt off, if it is the store that is unavailable.
    /// What this leaves under the key is announced, and goes.
    async fn outage_behind(&self, error: &BlobError, key: &StorageKey) -> Option<Duration> {
        match error {
            BlobError::Unavailable { .. } | BlobError::Refused { .. } => {
                let tried = Instant::now();
                if Box::pin(self.bucket.accepts_probe(key)).await {
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
}

/// What is known of a file before its first byte: by its sender, and where
/// that says nothing by its provider.
struct Told {
    announced: Announced,
    declared: DeclaredType,
    file_name: FileName,
    served: Option<MediaType>,
}

impl Told {
    fn of(attempt: &Attempt, fetched: &Fetched) -> Self {
        let attachment = &attempt.attachment;
        let known = &fetched.known;
        let declared_bytes = attachment.declared_size_bytes.or(known.size_bytes);
        let declared = match (attachment.declared_type(), &known.content_type) {
            (DeclaredType::Nothing, Some(mime)) => DeclaredType::of(mime),
            (declared, _) => declared,
        };
        let file_name = match &known.file_name {
            Some(name) if attachment.file_name.as_str().is_empty() => FileName::new(name),
            _ => attachment.file_name.clone(),
        };
        Self {
            announced: Announced {
                declared_bytes: declared_bytes.filter(|_| attempt.source.keeps_its_size()),
                served_bytes: fetched.content_length,
                says_its_end: fetched.says_its_end,
            },
            declared,
            file_name,
            served: MediaType::from_mime(&fetched.content_type),
        }
    }

    fn hints(&self, limits: &MediaLimits, is_whole: bool) -> Hints {
        Hints {
            declared: self.declared,
            by_name: MediaType::from_file_name(&self.file_name),
            served: self.served,
            takes_html: limits.allows(MediaType::Html),
            is_whole_by_length: is_whole,
            language: Language::default(),
        }
    }

    /// The name, where the record has none.
    fn learned_name(&self, attempt: &Attempt) -> Option<FileName> {
        let recorded = attempt.attachment.file_name.as_str();
        let learned = recorded.is_empty() && !self.file_name.as_str().is_empty();
        learned.then(|| self.file_name.clone())
    }
}
