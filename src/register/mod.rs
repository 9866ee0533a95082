//! Recording an attachment, once per file of its channel.
//!
//! Promises: one answer in one round trip to the database and to nothing
//! else; a file that breaks a rule known beforehand is recorded as what it
//! is, never refused; once the answer is out, row and work are durable.

mod recorder;

pub use recorder::Settings as RecorderSettings;

use crate::attachment::channel_policy::Provider;
use crate::attachment::media::DeclaredType;
use crate::attachment::media_limits::MediaLimits;
use crate::attachment::{NewAttachment, Registered, Registration};
use crate::db::{Db, DbError, KeptChannel, KeptChannels};
use crate::ids::{AttachmentId, TenantId};
use crate::queue::Queue;
use recorder::Recorder;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// What is recorded where a channel decides nothing else.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Limits of channels that set none.
    pub limits: MediaLimits,
    /// Attempts that may be counted.
    pub max_attempts: u16,
    /// How long a call waits for its answers.
    pub patience: Duration,
    /// How registrations are gathered into statements.
    pub recorder: RecorderSettings,
}

/// Records attachments.
#[derive(Debug, Clone)]
pub struct Register {
    settings: Arc<Settings>,
    channels: KeptChannels,
    recorder: Recorder,
    queue: Queue,
}

/// A registration that was not recorded. Repeating it is safe.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RegisterError {
    /// More callers wait than the queue holds.
    #[error("too many registrations are waiting")]
    Overloaded,
    /// It was not answered in time, and may be recorded all the same.
    #[error("the registration was not answered in time")]
    Late,
    /// The channel is another provider's.
    #[error("the channel is of {channel} and the source of {source_of}")]
    WrongProvider {
        /// Whose the channel is.
        channel: Provider,
        /// Whose the source is.
        source_of: Provider,
    },
    /// The database failed; the cause was logged where it happened.
    #[error("the registration could not be written")]
    Database(#[source] Arc<DbError>),
}

impl Register {
    /// Prepares to record; spawns the flushers, so it wants a runtime.
    #[must_use]
    pub fn new(db: &Db, channels: KeptChannels, queue: Queue, settings: Settings) -> Self {
        Self {
            channels,
            recorder: Recorder::new(db, &settings.recorder),
            settings: Arc::new(settings),
            queue,
        }
    }

    /// Records files of a tenant; the answers stand in their order, and one
    /// file that fails does not cost the others. A provider waits for whoever
    /// called, so nothing is waited for without an end.
    pub async fn register(
        &self,
        tenant: &TenantId,
        files: Vec<NewAttachment>,
    ) -> Vec<Result<Registered, RegisterError>> {
        let deadline = Instant::now() + self.settings.patience;
        let mut waiting = Vec::with_capacity(files.len());
        for new in files {
            waiting.push(match timeout_at(deadline, self.decide(tenant, new)).await {
                Ok(Ok(registration)) => self.recorder.record(registration),
                Ok(Err(error)) => Err(error),
                Err(_) => Err(RegisterError::Late),
            });
        }
        let mut answers = Vec::with_capacity(waiting.len());
        for answer in waiting {
            answers.push(match answer {
                Ok(answer) => match timeout_at(deadline, answer.wait()).await {
                    Ok(answer) => answer.map_err(RegisterError::from),
                    Err(_) => Err(RegisterError::Late),
                },
                Err(error) => Err(error),
            });
        }
        // A repeat brings no work, and a late one may have.
        let brings_work = |answer: &Result<Registered, _>| match answer {
            Ok(registered) => !registered.duplicate,
            Err(error) => matches!(error, RegisterError::Late),
        };
        if answers.iter().any(brings_work) {
            self.queue.ring();
        }
        answers
    }

    /// Adds what is known before any byte has come.
    async fn decide(
        &self,
        tenant: &TenantId,
        new: NewAttachment,
    ) -> Result<Registration, RegisterError> {
        let channel = self.channel_of(tenant, &new).await?;
        let limits = channel.limits.over(&self.settings.limits);
        let declared = DeclaredType::of(&new.declared_content_type);
        let refused = new
            .source
            .admit()
            .and_then(|()| limits.admit_declared(declared, new.declared_size_bytes))
            .err();
        Ok(Registration {
            id: AttachmentId::generate(),
            tenant: tenant.clone(),
            retention: channel.retention(),
            max_attempts: self.settings.max_attempts,
            max_files_per_message: limits.max_files_per_message,
            new,
            refused,
        })
    }

    /// What its owners decided for files of this channel. A source of another
    /// provider is refused, but not by what was decided some seconds ago.
    async fn channel_of(
        &self,
        tenant: &TenantId,
        new: &NewAttachment,
    ) -> Result<Arc<KeptChannel>, RegisterError> {
        let source_of = new.source.provider();
        let fits =
            |known: &KeptChannel| known.provider().is_none_or(|channel| channel == source_of);
        let known = self.channels.get(tenant, &new.channel).await;
        let known = known.map_err(RegisterError::Database)?;
        if fits(&known) {
            return Ok(known);
        }
        let fresh = self.channels.read_again(tenant, &new.channel).await;
        let fresh = fresh.map_err(RegisterError::Database)?;
        match fresh.provider() {
            Some(channel) if channel != source_of => {
                Err(RegisterError::WrongProvider { channel, source_of })
            }
            _ => Ok(fresh),
        }
    }
}
