//! The outbox of status changes, read in an order that nothing can slip behind.

use super::listing::status_names;
use super::{Db, DbError, to_seconds};
use crate::attachment::change::{Cursor, StatusChange};
use crate::attachment::failure::FailureReason;
use crate::attachment::listing::ListFilter;
use crate::ids::{ConversationId, CorrelationId, MessageId, TenantId};
use std::str::FromStr;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

const AFTER: &str = "
select e.xid::text, e.seq, e.attachment_id, e.status, e.failure_reason, e.attempt_count,
    e.next_attempt_at, e.created_at
from events e join attachments a on a.tenant_id = e.tenant_id and a.id = e.attachment_id
where e.tenant_id = $1
  and (e.xid, e.seq) > ($2::text::xid8, $3)
  and e.xid < pg_snapshot_xmin(pg_current_snapshot())
  and ($4::text is null or a.message_id = $4)
  and ($5::text is null or a.conversation_id = $5)
  and ($6::text is null or a.correlation_id = $6)
  and (cardinality($7::text[]) = 0 or e.status = any($7))
order by e.xid, e.seq limit $8";

#[derive(Debug, sqlx::FromRow)]
struct EventRow {
    xid: String,
    seq: i64,
    attachment_id: Uuid,
    status: String,
    failure_reason: Option<String>,
    attempt_count: i16,
    next_attempt_at: Option<OffsetDateTime>,
    created_at: OffsetDateTime,
}

impl Db {
    /// The place behind which everything is settled now.
    pub async fn event_head(&self) -> Result<Cursor, DbError> {
        let (xid, now): (String, OffsetDateTime) =
            sqlx::query_as("select pg_snapshot_xmin(pg_current_snapshot())::text, now()")
                .fetch_one(&self.pool)
                .await?;
        // Sequence numbers count from 1, so 0 stands before all of a transaction's.
        Ok(Cursor {
            xid: xid.parse().unwrap_or_default(),
            seq: 0,
            at: now.unix_timestamp(),
        })
    }

    /// Up to `limit` changes of a tenant after `cursor`, in order.
    pub async fn events_after(
        &self,
        tenant: &TenantId,
        filter: &ListFilter,
        cursor: Cursor,
        limit: u16,
    ) -> Result<Vec<StatusChange>, DbError> {
        let rows: Vec<EventRow> = sqlx::query_as(AFTER)
            .bind(tenant.as_str())
            .bind(cursor.xid.to_string())
            .bind(cursor.seq)
            .bind(filter.message_id.as_ref().map(MessageId::as_str))
            .bind(filter.conversation_id.as_ref().map(ConversationId::as_str))
            .bind(filter.correlation_id.as_ref().map(CorrelationId::as_str))
            .bind(status_names(filter))
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await?;
        rows.into_iter().map(StatusChange::try_from).collect()
    }

    /// Forgets changes older than `age`; gives how many.
    pub async fn forget_events(&self, age: Duration, limit: u32) -> Result<u64, DbError> {
        let result = sqlx::query(
            "delete from events where seq = any(array(
                select seq from events where created_at < now() - make_interval(secs => $1)
                order by created_at limit $2))",
        )
        .bind(to_seconds(age))
        .bind(i64::from(limit))
        .execute(&self.pool)
        .await?;
        Ok(result.rows_affected())
    }
}

impl TryFrom<EventRow> for StatusChange {
    type Error = DbError;

    fn try_from(row: EventRow) -> Result<Self, DbError> {
        let inconsistent = |what: String| DbError::Inconsistent {
            table: "events",
            id: row.attachment_id,
            what,
        };
        Ok(Self {
            cursor: Cursor {
                xid: row
                    .xid
                    .parse()
                    .map_err(|_| inconsistent(format!("xid {:?}", row.xid)))?,
                seq: row.seq,
                at: row.created_at.unix_timestamp(),
            },
            id: row.attachment_id.into(),
            status: row.status,
            reason: row
                .failure_reason
                .as_deref()
                .map(FailureReason::from_str)
                .transpose()
                .map_err(|unknown| inconsistent(unknown.to_string()))?,
            attempts: row.attempt_count.unsigned_abs(),
            next_attempt_at: row.next_attempt_at,
            at: row.created_at,
        })
    }
}
