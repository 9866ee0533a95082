//! Putting back what was parked for want of a credential.

use super::Queue;
use crate::db::DbError;
use crate::ids::{ChannelId, TenantId};

/// Attachments that one statement puts back.
const BATCH: u32 = 500;

impl Queue {
    /// Puts back what is parked in this channel, each with a fresh budget, and
    /// gives how many. What is parked again meanwhile stays so, or this might
    /// go round for ever; the sweeper sees whether it was a late one.
    pub async fn resume(&self, tenant: &TenantId, channel: &ChannelId) -> Result<u64, DbError> {
        let now = self.db.now().await?;
        let mut resumed = 0;
        loop {
            let batch = self.db.resume_channel(tenant, channel, now, BATCH).await?;
            if batch == 0 {
                return Ok(resumed);
            }
            resumed += batch;
            self.ring();
        }
    }
}
