//! The attempts of one attachment, told in order.

use super::{Db, DbError};
use crate::attachment::failure::FailureReason;
use crate::attachment::journal::{AttemptLog, Ending, JournalEntry};
use crate::ids::{AttachmentId, TenantId};
use std::str::FromStr as _;
use std::time::Duration;
use time::OffsetDateTime;

/// Ended attempts from the journal, then the running one from the queue.
const ENTRIES: &str = "
select fence, started_at, ended_at, failure_reason, worker, detail, provider_request_id,
    provider_status, received_bytes, fetch_ms, store_ms, credential_seen
from attempts where tenant_id = $1 and attachment_id = $2
union all
select fence, started_at, null, null, leased_by, '', null, null, 0, 0, 0, null
from work where tenant_id = $1 and attachment_id = $2 and leased_by is not null
order by fence";

#[derive(Debug, sqlx::FromRow)]
struct EntryRow {
    started_at: OffsetDateTime,
    ended_at: Option<OffsetDateTime>,
    failure_reason: Option<String>,
    worker: String,
    detail: String,
    provider_request_id: Option<String>,
    provider_status: Option<i16>,
    received_bytes: i64,
    fetch_ms: i64,
    store_ms: i64,
    credential_seen: Option<OffsetDateTime>,
}

impl Db {
    /// What was tried on an attachment, first to last.
    pub async fn journal(
        &self,
        tenant: &TenantId,
        id: AttachmentId,
    ) -> Result<Vec<JournalEntry>, DbError> {
        let rows: Vec<EntryRow> = sqlx::query_as(ENTRIES)
            .bind(tenant.as_str())
            .bind(id.as_uuid())
            .fetch_all(&self.pool)
            .await?;
        rows.into_iter().map(|row| row.into_entry(id)).collect()
    }
}

impl EntryRow {
    fn into_entry(self, id: AttachmentId) -> Result<JournalEntry, DbError> {
        let reason = self
            .failure_reason
            .as_deref()
            .map(FailureReason::from_str)
            .transpose()
            .map_err(|unknown| DbError::Inconsistent {
                table: "attempts",
                id: id.as_uuid(),
                what: unknown.to_string(),
            })?;
        Ok(JournalEntry {
            started_at: self.started_at,
            ended_at: self.ended_at,
            ending: match (self.ended_at, reason) {
                (None, _) => Ending::Running,
                (Some(_), None) => Ending::Stored,
                (Some(_), Some(reason)) => Ending::Failed(reason),
            },
            worker: self.worker,
            log: AttemptLog {
                credential_seen: self.credential_seen,
                detail: self.detail,
                provider_request_id: self.provider_request_id,
                provider_status: self.provider_status.map(i16::unsigned_abs),
                received_bytes: self.received_bytes.unsigned_abs(),
                fetch: Duration::from_millis(self.fetch_ms.unsigned_abs()),
                store: Duration::from_millis(self.store_ms.unsigned_abs()),
            },
        })
    }
}
