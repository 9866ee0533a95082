//! Channel policies, kept for a few seconds so that a registration costs one
//! round trip.

use crate::attachment::channel_policy::ChannelPolicy;
use crate::db::{Db, DbError};
use crate::ids::{ChannelId, TenantId};
use moka::sync::Cache;
use std::sync::Arc;
use std::time::Duration;

/// A changed policy counts for new registrations after this long at most.
const FRESH: Duration = Duration::from_secs(5);
const CAPACITY: u64 = 10_000;

type Known = Option<Arc<ChannelPolicy>>;

#[derive(Debug, Clone)]
pub(super) struct Policies {
    db: Db,
    known: Cache<(TenantId, ChannelId), Known>,
}

impl Policies {
    pub(super) fn new(db: Db) -> Self {
        let known = Cache::builder()
            .max_capacity(CAPACITY)
            .time_to_live(FRESH)
            .build();
        Self { db, known }
    }

    /// The channel's policy; `None` when nobody has put the channel yet.
    pub(super) async fn get(
        &self,
        tenant: &TenantId,
        channel: &ChannelId,
    ) -> Result<Known, DbError> {
        let name = (tenant.clone(), channel.clone());
        if let Some(known) = self.known.get(&name) {
            return Ok(known);
        }
        let record = self.db.channel(tenant, channel).await?;
        let policy = record.map(|record| Arc::new(record.policy));
        self.known.insert(name, policy.clone());
        Ok(policy)
    }
}
