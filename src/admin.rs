//! What a tenant decided: of itself, of its channels, and their credentials;
//! and what it has in all.
//!
//! Promises: a credential comes in and never goes out; it is sealed, for its
//! provider alone, before it is stored; two who change a record at the same
//! time lose nothing.

use crate::attachment::channel_policy::ChannelPolicy;
use crate::attachment::language::Language;
use crate::attachment::tenant::TenantPolicy;
use crate::attachment::usage::StatusUsage;
use crate::db::{self, ChannelRecord, Db, DbError, KeptChannels};
use crate::ids::{ChannelId, TenantId};
use crate::provider::{Owner, Sealer, SealingError};
use crate::queue::Queue;
use moka::future::Cache;
use secrecy::SecretString;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::time::timeout;

/// Tries to change a record that others change at the same time.
const TRIES: usize = 10;
/// A tenant's language counts after this long at most.
const FRESH: Duration = Duration::from_secs(10);
const CAPACITY: u64 = 10_000;
/// How long a call waits for its tenant's language; then it speaks English.
const PATIENCE: Duration = Duration::from_millis(250);

/// Keeps a tenant's record and its channels.
#[derive(Debug, Clone)]
pub struct Admin {
    db: Db,
    sealer: Arc<Sealer>,
    queue: Queue,
    kept: KeptChannels,
    languages: Cache<TenantId, Language>,
}

/// A channel as its owner sees it: not its credential, sealed or otherwise.
#[derive(Debug, Clone)]
pub struct Channel {
    /// Its id.
    pub id: ChannelId,
    /// What its owner decided.
    pub policy: ChannelPolicy,
    /// Whether it has a credential.
    pub has_credential: bool,
    /// Grows with every change.
    pub revision: u64,
    /// When it was first put.
    pub created_at: OffsetDateTime,
    /// When it was last changed.
    pub updated_at: OffsetDateTime,
}

/// A tenant's record; one that decided nothing is at revision 0.
#[derive(Debug, Clone, Default)]
pub struct TenantRecord {
    /// What it decided.
    pub policy: TenantPolicy,
    /// Grows with every change.
    pub revision: u64,
    /// When it first decided something.
    pub created_at: Option<OffsetDateTime>,
    /// When it last did.
    pub updated_at: Option<OffsetDateTime>,
}

/// Something could not be kept or found.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The tenant has no such channel.
    #[error("there is no such channel")]
    NotFound,
    /// Somebody else changed the record since the caller read it.
    #[error("the record was changed since")]
    Changed,
    /// The credential could not be sealed.
    #[error("the credential could not be sealed")]
    Sealing(#[from] SealingError),
    /// The database failed.
    #[error("the tenant's records could not be read or written")]
    Database(#[from] DbError),
}

impl Admin {
    /// Prepares to keep records. The queue is that of the ingest.
    #[must_use]
    pub fn new(db: Db, kept: KeptChannels, sealer: Arc<Sealer>, queue: Queue) -> Self {
        let languages = Cache::builder()
            .max_capacity(CAPACITY)
            .time_to_live(FRESH)
            .build();
        Self {
            db,
            sealer,
            queue,
            kept,
            languages,
        }
    }

    /// Creates a channel, or changes it into what `decide` makes of it as it
    /// is; says whether it is new. With `expected`, only at that revision.
    pub async fn put_channel<E: From<AdminError>>(
        &self,
        tenant: &TenantId,
        id: &ChannelId,
        expected: Option<u64>,
        decide: impl Fn(Option<Channel>) -> Result<ChannelPolicy, E>,
    ) -> Result<(Channel, bool), E> {
        for _ in 0..TRIES {
            let current = self
                .db
                .channel(tenant, id)
                .await
                .map_err(AdminError::from)?;
            let revision = current.as_ref().map_or(0, |record| record.revision);
            if expected.is_some_and(|expected| expected != revision) {
                return Err(AdminError::Changed.into());
            }
            let policy = decide(current.map(Channel::from))?;
            let put = self.db.put_channel(tenant, id, &policy, revision).await;
            if let Some(record) = put.map_err(AdminError::from)? {
                self.kept.forget(tenant, id).await;
                return Ok((record.into(), revision == 0));
            }
        }
        Err(AdminError::Changed.into())
    }

    /// Sets a channel's credential and puts back what had failed for want of
    /// it; gives how many.
    pub async fn set_credential(
        &self,
        tenant: &TenantId,
        id: &ChannelId,
        credential: &SecretString,
    ) -> Result<(Channel, u64), AdminError> {
        for _ in 0..TRIES {
            let current = self.db.channel(tenant, id).await?;
            let provider = current.ok_or(AdminError::NotFound)?.policy.provider;
            let owner = Owner {
                tenant,
                channel: id,
                provider,
            };
            let sealed = self.sealer.seal(owner, credential)?;
            let set = self
                .db
                .set_credential(tenant, id, provider, &sealed)
                .await?;
            // `None`: the channel has become another provider's meanwhile, and the
            // credential is not for that one.
            if let Some(record) = set {
                self.kept.forget(tenant, id).await;
                // The credential is in force by now, so a call that fails here
                // is made again.
                let resumed = self.queue.resume(tenant, id).await?;
                tracing::info!(channel.id = %id, resumed, "a new credential");
                return Ok((record.into(), resumed));
            }
        }
        Err(AdminError::Changed)
    }

    /// Removes a channel's credential.
    pub async fn clear_credential(
        &self,
        tenant: &TenantId,
        id: &ChannelId,
    ) -> Result<Channel, AdminError> {
        let record = self.db.clear_credential(tenant, id).await?;
        self.kept.forget(tenant, id).await;
        record.map(Channel::from).ok_or(AdminError::NotFound)
    }

    /// One channel.
    pub async fn channel(&self, tenant: &TenantId, id: &ChannelId) -> Result<Channel, AdminError> {
        let record = self.db.channel(tenant, id).await?;
        record.map(Channel::from).ok_or(AdminError::NotFound)
    }

    /// A page of channels by id, those after `after`.
    pub async fn channels(
        &self,
        tenant: &TenantId,
        after: Option<&ChannelId>,
        limit: u16,
    ) -> Result<Vec<Channel>, AdminError> {
        let records = self.db.list_channels(tenant, after, limit).await?;
        Ok(records.into_iter().map(Channel::from).collect())
    }

    /// Deletes a channel and its credential.
    pub async fn delete_channel(
        &self,
        tenant: &TenantId,
        id: &ChannelId,
    ) -> Result<(), AdminError> {
        if self.db.delete_channel(tenant, id).await? {
            self.kept.forget(tenant, id).await;
            Ok(())
        } else {
            Err(AdminError::NotFound)
        }
    }

    /// What the tenant decided.
    pub async fn tenant(&self, tenant: &TenantId) -> Result<TenantRecord, AdminError> {
        let record = self.db.tenant(tenant).await?;
        Ok(record.map(TenantRecord::from).unwrap_or_default())
    }

    /// Changes the tenant's record into what `decide` makes of it as it is.
    /// With `expected`, only at that revision.
    pub async fn put_tenant<E: From<AdminError>>(
        &self,
        tenant: &TenantId,
        expected: Option<u64>,
        decide: impl Fn(TenantRecord) -> Result<TenantPolicy, E>,
    ) -> Result<TenantRecord, E> {
        for _ in 0..TRIES {
            let current = self.tenant(tenant).await?;
            let revision = current.revision;
            if expected.is_some_and(|expected| expected != revision) {
                return Err(AdminError::Changed.into());
            }
            let policy = decide(current)?;
            let put = self.db.put_tenant(tenant, &policy, revision).await;
            if let Some(record) = put.map_err(AdminError::from)? {
                self.languages.invalidate(tenant).await;
                return Ok(record.into());
            }
        }
        Err(AdminError::Changed.into())
    }

    /// The first language that a tenant decided. It is worth no wait: where the
    /// record is not read at once, English.
    pub async fn language(&self, tenant: &TenantId) -> Language {
        if let Some(known) = self.languages.get(tenant).await {
            return known;
        }
        let read = timeout(PATIENCE, self.db.tenant(tenant)).await;
        let Ok(Ok(record)) = read else {
            return Language::English;
        };
        let language = record.and_then(|record| record.policy.languages.first().copied());
        let language = language.unwrap_or_default();
        self.languages.insert(tenant.clone(), language).await;
        language
    }

    /// Counts and bytes by status.
    pub async fn usage(&self, tenant: &TenantId) -> Result<Vec<StatusUsage>, AdminError> {
        Ok(self.db.usage(tenant).await?)
    }
}

impl From<ChannelRecord> for Channel {
    fn from(record: ChannelRecord) -> Self {
        Self {
            id: record.id,
            policy: record.policy,
            has_credential: record.sealed_credential.is_some(),
            revision: record.revision,
            created_at: record.created_at,
            updated_at: record.updated_at,
        }
    }
}

impl From<db::TenantRecord> for TenantRecord {
    fn from(record: db::TenantRecord) -> Self {
        Self {
            policy: record.policy,
            revision: record.revision,
            created_at: Some(record.created_at),
            updated_at: Some(record.updated_at),
        }
    }
}
