//! The attempts of one attachment, told in order.

use super::{Db, DbError};
use crate::attachment::failure::FailureReason;
use crate::attachment::journal::{AttemptLog, Ending, JournalEntry, Measured};
use crate::attachment::media::MediaType;
use crate::attachment::work::WorkKind;
use crate::ids::{AttachmentId, TenantId};
use std::str::FromStr as _;
use std::time::Duration;
use time::OffsetDateTime;

/// Ended attempts from the journal, then the running ones from the queue; those
/// at the ingest first.
const ENTRIES: &str = "
select kind, fence, started_at, ended_at, counted, failure_reason, worker, detail,
    provider_request_id, provider_status, received_bytes, fetch_ms, store_ms, credential_seen,
    measured_bytes, limit_bytes, declared_content_type, detected_content_type
from attempts where tenant_id = $1 and attachment_id = $2
union all
select kind, fence, started_at, null, true, null, leased_by, '', null, null, 0, 0, 0, null,
    null, null, null, null
from work where tenant_id = $1 and attachment_id = $2 and leased_by is not null
order by kind desc, fence";

#[derive(Debug, sqlx::FromRow)]
struct EntryRow {
    kind: String,
    counted: bool,
    measured_bytes: Option<i64>,
    limit_bytes: Option<i64>,
    declared_content_type: Option<String>,
    detected_content_type: Option<String>,
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
            .map_err(|unknown| DbError::inconsistent("attempts", id, unknown.to_string()))?;
        let work = [WorkKind::Ingest, WorkKind::Content]
            .into_iter()
            .find(|work| work.as_str() == self.kind)
            .ok_or_else(|| {
                DbError::inconsistent("attempts", id, format!("kind {:?}", self.kind))
            })?;
        Ok(JournalEntry {
            work,
            counted: self.counted,
            started_at: self.started_at,
            ended_at: self.ended_at,
            ending: match (self.ended_at, reason) {
                (None, _) => Ending::Running,
                (Some(_), None) => Ending::Succeeded,
                (Some(_), Some(reason)) => Ending::Failed(reason),
            },
            worker: self.worker,
            log: AttemptLog {
                measured: Measured {
                    bytes: self.measured_bytes.map(i64::unsigned_abs),
                    limit_bytes: self.limit_bytes.map(i64::unsigned_abs),
                    declared_type: self.declared_content_type,
                    detected_type: self
                        .detected_content_type
                        .as_deref()
                        .and_then(MediaType::from_mime),
                },
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
