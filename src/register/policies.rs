//! Channel policies, kept for a few seconds so that a registration costs one
//! round trip. Callers that miss at the same time share one look-up.

use crate::attachment::channel_policy::ChannelPolicy;
use crate::db::{Db, DbError};
use crate::ids::{ChannelId, TenantId};
use moka::future::Cache;
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
    ) -> Result<Known, Arc<DbError>> {
        let look_up = async {
            let record = self.db.channel(tenant, channel).await?;
            Ok(record.map(|record| Arc::new(record.policy)))
        };
        self.known
            .try_get_with((tenant.clone(), channel.clone()), look_up)
            .await
    }
}
