//! How far the files of a group are.

use super::{Db, DbError};
use crate::attachment::listing::ListFilter;
use crate::ids::{CorrelationId, MessageId, TenantId};

/// By correlation id or by messages, each with its index. What waits for
/// another try is open, and so is what is stored and not made ready.
const PROGRESS: &str = "
select count(*), count(*) filter (where (a.expires_at > now()) is not false
    and (a.status = 'open' or a.status = 'stored' and a.processing_status = 'open'))
from attachments a
where a.tenant_id = $1 and ($2::text is null or a.correlation_id = $2)
  and ($3::text[] is null or a.message_id = any($3))";

/// How far the files of a group are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Files in it, those that have ended badly and the deleted ones too.
    pub files: u64,
    /// Files that are still to be brought in or made ready.
    pub pending: u64,
}

impl Db {
    /// How far the files of a correlation id or of messages are; nothing else
    /// of the filter is looked at.
    pub async fn progress(
        &self,
        tenant: &TenantId,
        group: &ListFilter,
    ) -> Result<Progress, DbError> {
        let messages: Vec<_> = group.message_ids.iter().map(MessageId::as_str).collect();
        let (files, pending): (i64, i64) = sqlx::query_as(PROGRESS)
            .bind(tenant.as_str())
            .bind(group.correlation_id.as_ref().map(CorrelationId::as_str))
            .bind(Some(messages).filter(|messages| !messages.is_empty()))
            .persistent(false)
            .fetch_one(&self.pool)
            .await?;
        Ok(Progress {
            files: files.unsigned_abs(),
            pending: pending.unsigned_abs(),
        })
    }
}
