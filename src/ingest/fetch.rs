//! Asking the provider: with which credential, under which limits, and
//! whether at all.

use super::credentials::{CredentialId, Refusal};
use super::{Failure, Ingest};
use crate::attachment::Attachment;
use crate::attachment::failure::FailureReason;
use crate::attachment::journal::AttemptLog;
use crate::attachment::media::MediaLimits;
use crate::attachment::retry::spread;
use crate::attachment::source::MediaSource;
use crate::attachment::status::Attempt;
use crate::db::ChannelRecord;
use crate::egress::{FetchError, Fetched, ResponseHead};
use crate::provider::Owner;
use secrecy::SecretString;
use std::time::Duration;
use tokio::time::Instant;

/// An attempt whose channel could not be read is put off for so long.
const CHANNEL_PAUSE: Duration = Duration::from_secs(2);

/// A channel's credential as one attempt uses it.
pub(super) struct Credential {
    secret: SecretString,
    id: CredentialId,
}

/// The sealed credential that a file of this source is fetched with. One that
/// another provider has gets none, for LINE's token is not Slack's to see; and
/// a plain URL is called without.
pub(super) fn sealed_for<'a>(record: &'a ChannelRecord, source: &MediaSource) -> Option<&'a [u8]> {
    match source {
        MediaSource::Url(_) => None,
        MediaSource::Line(_) | MediaSource::Slack(_) => record
            .sealed_credential
            .as_deref()
            .filter(|_| record.policy.provider == source.provider()),
    }
}

impl Ingest {
    /// The limits in force and the credential, as they are at this attempt.
    pub(super) async fn channel_of(
        &self,
        attachment: &Attachment,
        log: &mut AttemptLog,
    ) -> Result<(MediaLimits, Option<Credential>), Failure> {
        let (tenant, channel) = (&attachment.tenant, &attachment.channel);
        let record = self.db.channel(tenant, channel).await.map_err(|error| {
            tracing::warn!(%error, "the channel could not be read");
            "the channel could not be read".clone_into(&mut log.detail);
            Failure {
                // Our outage, not the file's.
                put_off: error.is_unavailable().then_some(CHANNEL_PAUSE),
                ..Failure::from(FailureReason::Interrupted)
            }
        })?;
        log.credential_seen = record.as_ref().and_then(|record| record.credential_since);
        let Some(record) = record else {
            let limits = self.settings.limits.clone();
            return Ok((limits.at_most(self.settings.spool_disk_bytes), None));
        };
        let credential = match sealed_for(&record, &attachment.source) {
            None => None,
            Some(sealed) => {
                let id = CredentialId::of(tenant, channel, sealed);
                let owner = Owner {
                    tenant,
                    channel,
                    // The file's, whatever the channel says: it is who is called.
                    provider: attachment.source.provider(),
                };
                let opened = self.sealer.open(owner, sealed);
                let secret = opened.map_err(|error| {
                    tracing::error!(%error, "the channel's credential does not open");
                    "the channel's credential does not open".clone_into(&mut log.detail);
                    Failure::from(FailureReason::CredentialMissing)
                })?;
                Some(Credential { secret, id })
            }
        };
        let limits = record.policy.limits.over(&self.settings.limits);
        Ok((limits.at_most(self.settings.spool_disk_bytes), credential))
    }

    /// Begins the download, unless the credential's record says what would
    /// come of it.
    pub(super) async fn fetch(
        &self,
        attempt: &Attempt,
        credential: Option<&Credential>,
        log: &mut AttemptLog,
    ) -> Result<Fetched, Failure> {
        let id = credential.map(|credential| credential.id);
        if let Some(id) = id
            && let Err(hold) = self.credentials.admit(id, Instant::now())
        {
            return Err(held(hold, attempt, log));
        }
        let attachment = &attempt.attachment;
        let secret = credential.map(|credential| &credential.secret);
        let fetched = self
            .providers
            .fetch(&attachment.source, attachment.declared_type(), secret)
            .await;
        if let Some(id) = id {
            let failure = fetched.as_ref().err();
            if self.credentials.learn(id, failure, Instant::now()) {
                self.trust_again(attachment).await;
            }
        }
        fetched.map_err(|error| fetch_failure(error, log))
    }

    /// The sweeper puts back what was parked while the credential was refused.
    /// Said until it is heard, for nobody will say it again.
    async fn trust_again(&self, working: &Attachment) {
        tracing::info!("the credential works again");
        let (tenant, channel) = (&working.tenant, &working.channel);
        while let Err(error) = self.db.trust_credential(tenant, channel).await {
            tracing::warn!(%error, "what is parked cannot be put back yet");
            if !error.is_unavailable() {
                return;
            }
            tokio::time::sleep(CHANNEL_PAUSE).await;
        }
    }
}

/// A refused credential parks the file; a slow-down costs it nothing but time.
fn held(hold: Refusal, attempt: &Attempt, log: &mut AttemptLog) -> Failure {
    match hold {
        Refusal::Refused(reason) => {
            "the provider refuses this credential and was not asked again"
                .clone_into(&mut log.detail);
            reason.into()
        }
        Refusal::Slowed(wait) => {
            "the provider asked to slow down and was not asked".clone_into(&mut log.detail);
            Failure {
                put_off: Some(spread(wait, attempt.attachment.id, attempt.fence)),
                ..Failure::from(FailureReason::SourceRateLimited)
            }
        }
    }
}

pub(super) fn note_head(head: ResponseHead, log: &mut AttemptLog) {
    log.provider_status = head.status;
    log.provider_request_id = head.request_id;
}

pub(super) fn fetch_failure(error: FetchError, log: &mut AttemptLog) -> Failure {
    error.detail.clone_into(&mut log.detail);
    if error.head.status.is_some() {
        note_head(error.head, log);
    }
    Failure {
        retry_after: error.retry_after,
        ..Failure::from(error.reason)
    }
}
