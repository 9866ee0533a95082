//! A tenant's channels: what it decided about them, and their credentials; and
//! what the tenant has in all.
//!
//! Promises: a credential comes in and never goes out; it is sealed before it
//! is stored; and it does not outlive its channel's move to another provider.

use crate::attachment::channel_policy::ChannelPolicy;
use crate::attachment::usage::StatusUsage;
use crate::db::{ChannelRecord, CredentialChange, Db, DbError};
use crate::ids::{ChannelId, TenantId};
use crate::provider::{Owner, Sealer, SealingError};
use crate::queue::Queue;
use secrecy::SecretString;
use std::sync::Arc;
use time::OffsetDateTime;

/// Keeps channels.
#[derive(Debug, Clone)]
pub struct Admin {
    db: Db,
    sealer: Arc<Sealer>,
    queue: Queue,
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
    /// When it was first put.
    pub created_at: OffsetDateTime,
    /// When it was last put.
    pub updated_at: OffsetDateTime,
}

impl From<ChannelRecord> for Channel {
    fn from(record: ChannelRecord) -> Self {
        Self {
            id: record.id,
            policy: record.policy,
            has_credential: record.sealed_credential.is_some(),
            created_at: record.created_at,
            updated_at: record.updated_at,
        }
    }
}

/// A channel could not be kept or found.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The tenant has no such channel.
    #[error("there is no such channel")]
    NotFound,
    /// The credential could not be sealed.
    #[error("the credential could not be sealed")]
    Sealing(#[from] SealingError),
    /// The database failed.
    #[error("the channels or their usage could not be read or written")]
    Database(#[from] DbError),
}

impl Admin {
    /// Prepares to keep channels.
    #[must_use]
    pub fn new(db: Db, sealer: Arc<Sealer>, queue: Queue) -> Self {
        Self { db, sealer, queue }
    }

    /// Creates or replaces a channel; without a credential the stored one
    /// stays, unless it is another provider's: that one is dropped. A new one
    /// wakes what had failed for want of it.
    pub async fn put_channel(
        &self,
        tenant: &TenantId,
        id: &ChannelId,
        policy: &ChannelPolicy,
        credential: Option<&SecretString>,
    ) -> Result<Channel, AdminError> {
        let change = match credential {
            None => CredentialChange::KeepOfProvider,
            Some(clear) => {
                let owner = Owner {
                    tenant,
                    channel: id,
                    provider: policy.provider,
                };
                CredentialChange::Replace(self.sealer.seal(owner, clear)?)
            }
        };
        let is_new = matches!(change, CredentialChange::Replace(_));
        let record = self.db.put_channel(tenant, id, policy, change).await?;
        // The credential is in force by now, so a call that fails here is
        // made again.
        if is_new {
            let resumed = self.queue.resume(tenant, id).await?;
            tracing::info!(tenant.id = %tenant, channel.id = %id, resumed, "a new credential");
        }
        Ok(record.into())
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

    /// Counts and bytes by status.
    pub async fn usage(&self, tenant: &TenantId) -> Result<Vec<StatusUsage>, AdminError> {
        Ok(self.db.usage(tenant).await?)
    }

    /// Deletes a channel and its credential.
    pub async fn delete_channel(
        &self,
        tenant: &TenantId,
        id: &ChannelId,
    ) -> Result<(), AdminError> {
        if self.db.delete_channel(tenant, id).await? {
            Ok(())
        } else {
            Err(AdminError::NotFound)
        }
    }
}
