//! Channels as of some seconds ago at most, so that neither a registration nor
//! an attempt has to ask for its own. Callers that miss at the same time share
//! one look-up.

use super::{ChannelRecord, Db, DbError};
use crate::attachment::channel_policy::{LimitOverrides, Provider, Retention};
use crate::ids::{ChannelId, TenantId};
use moka::future::Cache;
use std::sync::Arc;
use std::time::Duration;

/// A change counts after this long at most; here, where it was made, at once.
const FRESH: Duration = Duration::from_secs(5);
const CAPACITY: u64 = 10_000;

/// A channel with what its tenant decided for it.
#[derive(Debug)]
pub struct KeptChannel {
    /// Its record; `None` when nobody has put it yet.
    pub record: Option<ChannelRecord>,
    /// Limits that differ from the service's, the tenant's included.
    pub limits: LimitOverrides,
}

impl KeptChannel {
    /// Whose files it brings; `None` when nobody has put it yet.
    #[must_use]
    pub fn provider(&self) -> Option<Provider> {
        self.record.as_ref().map(|record| record.policy.provider)
    }

    /// How long its files live.
    #[must_use]
    pub fn retention(&self) -> Retention {
        let record = self.record.as_ref();
        record.map_or(Retention::Durable, |record| record.policy.retention)
    }
}

/// Channels, kept for some seconds.
#[derive(Debug, Clone)]
pub struct KeptChannels {
    db: Db,
    known: Cache<(TenantId, ChannelId), Arc<KeptChannel>>,
}

impl KeptChannels {
    /// None are known yet.
    #[must_use]
    pub fn new(db: Db) -> Self {
        let known = Cache::builder()
            .max_capacity(CAPACITY)
            .time_to_live(FRESH)
            .build();
        Self { db, known }
    }

    /// The channel as of some seconds ago at most.
    pub async fn get(
        &self,
        tenant: &TenantId,
        channel: &ChannelId,
    ) -> Result<Arc<KeptChannel>, Arc<DbError>> {
        let key = (tenant.clone(), channel.clone());
        self.known
            .try_get_with(key, self.look_up(tenant, channel))
            .await
    }

    /// The channel as it is now.
    pub async fn read_again(
        &self,
        tenant: &TenantId,
        channel: &ChannelId,
    ) -> Result<Arc<KeptChannel>, Arc<DbError>> {
        let read = self.look_up(tenant, channel).await?;
        let key = (tenant.clone(), channel.clone());
        self.known.insert(key, read.clone()).await;
        Ok(read)
    }

    /// The channel was changed here: what is known of it is not so any more.
    pub async fn forget(&self, tenant: &TenantId, channel: &ChannelId) {
        self.known
            .invalidate(&(tenant.clone(), channel.clone()))
            .await;
    }

    async fn look_up(
        &self,
        tenant: &TenantId,
        channel: &ChannelId,
    ) -> Result<Arc<KeptChannel>, DbError> {
        Ok(Arc::new(KeptChannel {
            record: self.db.channel(tenant, channel).await?,
            limits: self.db.limits(tenant, channel).await?,
        }))
    }
}
