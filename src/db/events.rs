//! The outbox of status changes, read in an order that nothing can slip behind.

use super::listing::{kind_names, message_names, reason_names, status_names};
use super::{Db, DbError};
use crate::attachment::change::{Cursor, StatusChange};
use crate::attachment::failure::FailureReason;
use crate::attachment::listing::ListFilter;
use crate::attachment::status_name::StatusName;
use crate::ids::{ChannelId, ConversationId, CorrelationId, SenderId, TenantId};
use crate::telemetry::Chain;
use std::str::FromStr;
use time::OffsetDateTime;
use uuid::Uuid;

/// Changes in order, those that match and the last one that was looked at:
/// the cursor moves on over all the others.
const AFTER: &str = "
with seen as materialized (
    select * from events
    where tenant_id = $1 and (xid, seq) > ($2::text::xid8, $3)
      and xid < pg_snapshot_xmin(pg_current_snapshot())
    order by xid, seq limit $14
), asked as (
    select e.*, (cardinality($4::text[]) = 0 or e.message_id = any($4))
        and ($5::text is null or e.conversation_id = $5)
        and ($6::text is null or e.correlation_id = $6)
        and ($7::text is null or e.sender_id = $7)
        and ($8::text is null or e.channel_id = $8)
        and (cardinality($9::text[]) = 0 or e.status = any($9))
        and (cardinality($10::text[]) = 0 or e.kind = any($10))
        and (cardinality($11::text[]) = 0 or e.failure_reason = any($11))
        and ($12::timestamptz is null or e.registered_at >= $12)
        and ($13::timestamptz is null or e.registered_at < $13) as is_asked
    from seen e
)
select xid::text, seq, attachment_id, status, failure_reason, attempt_count, next_attempt_at,
    created_at, coalesce(is_asked, false) as matches
from asked
where is_asked or (xid, seq) = (select xid, seq from seen order by xid desc, seq desc limit 1)
order by asked.xid, asked.seq";

/// A stretch of the outbox.
#[derive(Debug)]
pub struct EventPage {
    /// The changes that were asked for.
    pub changes: Vec<StatusChange>,
    /// How far it was looked; `None` when nothing is there yet.
    pub seen: Option<Cursor>,
}

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
    matches: bool,
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

    /// Looks at up to `limit` changes of a tenant after `cursor`, in order. One
    /// that cannot be read is passed over, or nobody would ever get behind it.
    pub async fn events_after(
        &self,
        tenant: &TenantId,
        filter: &ListFilter,
        cursor: Cursor,
        limit: u16,
    ) -> Result<EventPage, DbError> {
        let rows: Vec<EventRow> = sqlx::query_as(AFTER)
            .bind(tenant.as_str())
            .bind(cursor.xid.to_string())
            .bind(cursor.seq)
            .bind(message_names(filter))
            .bind(filter.conversation_id.as_ref().map(ConversationId::as_str))
            .bind(filter.correlation_id.as_ref().map(CorrelationId::as_str))
            .bind(filter.sender_id.as_ref().map(SenderId::as_str))
            .bind(filter.channel.as_ref().map(ChannelId::as_str))
            .bind(status_names(filter))
            .bind(kind_names(filter))
            .bind(reason_names(&filter.reasons))
            .bind(filter.created_after)
            .bind(filter.created_before)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await?;
        let seen = rows.last().map(EventRow::cursor).transpose()?;
        let changes = rows.into_iter().filter(|row| row.matches);
        let changes = changes.filter_map(|row| {
            StatusChange::try_from(row)
                .inspect_err(
                    |error| tracing::error!(error = %Chain(error), "a change cannot be read"),
                )
                .ok()
        });
        Ok(EventPage {
            changes: changes.collect(),
            seen,
        })
    }
}

impl EventRow {
    fn cursor(&self) -> Result<Cursor, DbError> {
        let xid = self.xid.parse();
        Ok(Cursor {
            xid: xid.map_err(|_| self.inconsistent(format!("xid {:?}", self.xid)))?,
            seq: self.seq,
            at: self.created_at.unix_timestamp(),
        })
    }

    fn inconsistent(&self, what: String) -> DbError {
        DbError::inconsistent("events", self.attachment_id, what)
    }
}

impl TryFrom<EventRow> for StatusChange {
    type Error = DbError;

    fn try_from(row: EventRow) -> Result<Self, DbError> {
        let reason = row.failure_reason.as_deref();
        let reason = reason.map(FailureReason::from_str).transpose();
        let status = row.status.parse::<StatusName>();
        Ok(Self {
            cursor: row.cursor()?,
            id: row.attachment_id.into(),
            reason: reason.map_err(|unknown| row.inconsistent(unknown.to_string()))?,
            status: status.map_err(|unknown| row.inconsistent(unknown.to_string()))?,
            attempts: row.attempt_count.unsigned_abs(),
            next_attempt_at: row.next_attempt_at,
            at: row.created_at,
        })
    }
}
