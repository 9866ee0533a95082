//! What owners decided for the files of a channel, kept for a few seconds so
//! that a registration costs one round trip. Callers that miss at the same time
//! share one look-up.

use crate::attachment::channel_policy::{LimitOverrides, Provider, Retention};
use crate::db::{Db, DbError};
use crate::ids::{ChannelId, TenantId};
use moka::future::Cache;
use std::sync::Arc;
use std::time::Duration;

/// A changed policy counts for new registrations after this long at most.
const FRESH: Duration = Duration::from_secs(5);
const CAPACITY: u64 = 10_000;

/// What is decided for the files of one channel, the tenant's part included.
#[derive(Debug)]
pub(super) struct Policy {
    /// Who sends them; `None` when nobody has put the channel yet.
    pub(super) provider: Option<Provider>,
    /// How long they live.
    pub(super) retention: Retention,
    /// Limits that differ from the service's.
    pub(super) limits: LimitOverrides,
}

#[derive(Debug, Clone)]
pub(super) struct Policies {
    db: Db,
    known: Cache<(TenantId, ChannelId), Arc<Policy>>,
}

impl Policies {
    pub(super) fn new(db: Db) -> Self {
        let known = Cache::builder()
            .max_capacity(CAPACITY)
            .time_to_live(FRESH)
            .build();
        Self { db, known }
    }

    /// What is decided, as of some seconds ago at most.
    pub(super) async fn get(
        &self,
        tenant: &TenantId,
        channel: &ChannelId,
    ) -> Result<Arc<Policy>, Arc<DbError>> {
        self.known
            .try_get_with(
                (tenant.clone(), channel.clone()),
                self.look_up(tenant, channel),
            )
            .await
    }

    /// What is decided now.
    pub(super) async fn read_again(
        &self,
        tenant: &TenantId,
        channel: &ChannelId,
    ) -> Result<Arc<Policy>, Arc<DbError>> {
        let policy = self.look_up(tenant, channel).await?;
        let key = (tenant.clone(), channel.clone());
        self.known.insert(key, policy.clone()).await;
        Ok(policy)
    }

    async fn look_up(
        &self,
        tenant: &TenantId,
        channel: &ChannelId,
    ) -> Result<Arc<Policy>, DbError> {
        let record = self.db.channel(tenant, channel).await?;
        let limits = self.db.limits(tenant, channel).await?;
        Ok(Arc::new(Policy {
            provider: record.as_ref().map(|record| record.policy.provider),
            retention: record.map_or(Retention::Durable, |record| record.policy.retention),
            limits,
        }))
    }
}
