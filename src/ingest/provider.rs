//! Asking the provider: with which credential, and whether at all.

use super::credentials::{CredentialId, Credentials, Refusal};
use super::failure::Failure;
use super::measured::Measured;
use crate::attachment::Attachment;
use crate::attachment::channel_policy::LimitOverrides;
use crate::attachment::failure::FailureReason;
use crate::attachment::retry::{RetryPolicy, spread};
use crate::attachment::source::MediaSource;
use crate::attachment::status::Attempt;
use crate::db::{ChannelRecord, Db, DbError, KeptChannel, KeptChannels};
use crate::egress::Fetched;
use crate::provider::{Owner, Providers, Sealer};
use crate::telemetry::Chain;
use secrecy::SecretString;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::time::Instant;

/// An attempt whose channel could not be read is put off for so long.
const CHANNEL_PAUSE: Duration = Duration::from_secs(2);

/// Asks providers for files, with the credentials of their channels.
#[derive(Debug)]
pub(super) struct Provider {
    db: Db,
    channels: KeptChannels,
    sealer: Arc<Sealer>,
    providers: Providers,
    credentials: Credentials,
}

/// A channel as one attempt finds it; one that nobody has put yet has its
/// tenant's limits and no credential.
#[derive(Default)]
pub(super) struct Channel {
    /// The limits that it and its tenant set.
    pub(super) limits: LimitOverrides,
    /// Since when its credential has been taken for good.
    pub(super) credential_since: Option<OffsetDateTime>,
    credential: Option<Credential>,
}

/// A channel's credential as one attempt uses it.
struct Credential {
    secret: SecretString,
    id: CredentialId,
}

/// The sealed credential that a file of this source is fetched with. One that
/// another provider has gets none, for LINE's token is not Slack's to see; and
/// a plain URL is called without.
fn sealed_for<'a>(record: &'a ChannelRecord, source: &MediaSource) -> Option<&'a [u8]> {
    match source {
        MediaSource::Url(_) => None,
        MediaSource::Line(_) | MediaSource::Slack(_) => record
            .sealed_credential
            .as_deref()
            .filter(|_| record.policy.provider == source.provider()),
    }
}

impl Provider {
    /// The policy says how long to slow down where a provider does not.
    pub(super) fn new(
        db: Db,
        channels: KeptChannels,
        sealer: Arc<Sealer>,
        providers: Providers,
        policy: RetryPolicy,
    ) -> Self {
        Self {
            db,
            channels,
            sealer,
            providers,
            credentials: Credentials::new(policy),
        }
    }

    /// The limits and the credential of a file's channel, as of some seconds ago.
    pub(super) async fn channel_of(&self, attempt: &Attempt) -> Result<Channel, Failure> {
        let attachment = &attempt.attachment;
        let (tenant, channel) = (&attachment.tenant, &attachment.channel);
        let kept = self.channels.get(tenant, channel).await;
        let kept = kept.map_err(|error| unread(&error))?;
        self.as_found_by(attempt, &kept)
    }

    /// The channel as it is now, where its credential is another than the one
    /// that was taken for good since `seen`.
    pub(super) async fn channel_after(
        &self,
        attempt: &Attempt,
        seen: Option<OffsetDateTime>,
    ) -> Option<Result<Channel, Failure>> {
        let attachment = &attempt.attachment;
        let (tenant, channel) = (&attachment.tenant, &attachment.channel);
        // One that cannot be read is as it was.
        let fresh = self.channels.read_again(tenant, channel).await.ok()?;
        let since = fresh.record.as_ref()?.credential_since;
        (since != seen).then(|| self.as_found_by(attempt, &fresh))
    }

    fn as_found_by(&self, attempt: &Attempt, kept: &KeptChannel) -> Result<Channel, Failure> {
        let limits = kept.limits.clone();
        let Some(record) = &kept.record else {
            return Ok(Channel {
                limits,
                ..Channel::default()
            });
        };
        let credential_since = record.credential_since;
        let credential = self.credential_of(attempt, record).map_err(|failure| {
            failure.measuring(|measured| Measured {
                credential_seen: credential_since,
                ..measured
            })
        })?;
        Ok(Channel {
            limits,
            credential_since,
            credential,
        })
    }

    fn credential_of(
        &self,
        attempt: &Attempt,
        record: &ChannelRecord,
    ) -> Result<Option<Credential>, Failure> {
        let attachment = &attempt.attachment;
        let (tenant, channel) = (&attachment.tenant, &attachment.channel);
        let Some(sealed) = sealed_for(record, &attempt.source) else {
            return Ok(None);
        };
        let owner = Owner {
            tenant,
            channel,
            // The file's, whatever the channel says: it is who is called.
            provider: attempt.source.provider(),
        };
        let secret = self.sealer.open(owner, sealed).map_err(|error| {
            tracing::error!(error = %Chain(&error), "the channel's credential does not open");
            let detail = "the channel's credential does not open: it was sealed with a key that is \
                          not in sealing, or in an older form; put it again";
            Failure::counted(FailureReason::CredentialMissing, detail)
        })?;
        let id = CredentialId::of(tenant, channel, sealed);
        Ok(Some(Credential { secret, id }))
    }

    /// Begins the download, unless the credential's record says what would
    /// come of it.
    pub(super) async fn fetch(
        &self,
        attempt: &Attempt,
        channel: &Channel,
    ) -> Result<Fetched, Failure> {
        let credential = channel.credential.as_ref();
        let id = credential.map(|credential| credential.id);
        if let Some(id) = id {
            self.credentials
                .admit(id, attempt.source.first_asked_by(), Instant::now())
                .map_err(|refusal| not_asked(refusal, attempt))?;
        }
        let attachment = &attempt.attachment;
        let secret = credential.map(|credential| &credential.secret);
        let fetched = self
            .providers
            .fetch(&attempt.source, attachment.declared_type(), secret)
            .await;
        if let Some(id) = id {
            let failure = fetched.as_ref().err();
            if self.credentials.learn(id, failure, Instant::now()) {
                self.trust_again(attachment).await;
            }
        }
        Ok(fetched?)
    }

    /// The sweeper puts back what was parked while the credential was refused.
    /// Retried until it is written, for no later event repeats it.
    async fn trust_again(&self, working: &Attachment) {
        tracing::info!("the credential works again");
        let (tenant, channel) = (&working.tenant, &working.channel);
        while let Err(error) = self.db.trust_credential(tenant, channel).await {
            tracing::warn!(error = %Chain(&error), "what is parked cannot be put back yet");
            if !error.is_unavailable() {
                return;
            }
            tokio::time::sleep(CHANNEL_PAUSE).await;
        }
    }
}

/// A channel that cannot be read for our own database's sake costs no attempt.
fn unread(error: &DbError) -> Failure {
    tracing::warn!(error = %Chain(error), "the channel could not be read");
    let (reason, detail) = (FailureReason::Interrupted, "the channel could not be read");
    if error.is_unavailable() {
        Failure::not_counted(reason, detail, CHANNEL_PAUSE)
    } else {
        Failure::counted(reason, detail)
    }
}

/// A refused credential parks the file; a slow-down costs it nothing but time.
fn not_asked(refusal: Refusal, attempt: &Attempt) -> Failure {
    match refusal {
        Refusal::Refused(reason) => {
            let detail = "the provider refuses this credential and was not asked again";
            Failure::counted(reason, detail)
        }
        Refusal::Slowed(wait) => {
            let detail = "the provider asked to slow down and was not asked";
            let wait = spread(wait, attempt.attachment.id, attempt.fence);
            Failure::not_counted(FailureReason::SourceRateLimited, detail, wait)
        }
    }
}
