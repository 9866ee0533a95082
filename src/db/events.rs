//! The outbox of status changes, read in an order that nothing can slip behind.

use super::{Db, DbError};
use crate::attachment::change::{Cursor, StatusChange};
use crate::ids::TenantId;
use crate::telemetry::Chain;
use sqlx::postgres::PgRow;
use sqlx::{FromRow as _, Row as _};
use std::str::FromStr;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// Changes after a place in order, of whom `$of` says, with where the outbox
/// ends for now. What is beyond that end is there and waits for an older
/// transaction. With no change there is one row, of the ends alone.
macro_rules! events_after {
    ($of:literal) => {
        concat!(
            "with head as materialized (
                select pg_snapshot_xmin(pg_current_snapshot()) as xid, now() as at
            ), ends as materialized (
                select xid, at, (select created_at from events where xid >= head.xid
                    order by xid, seq limit 1) as held_since
                from head
            )
            select ends.xid::text as head_xid, ends.at as head_at, ends.held_since,
                e.xid::text as xid, e.seq, e.tenant_id, e.attachment_id, e.channel_id,
                e.message_id, e.conversation_id, e.correlation_id, e.sender_id, e.kind,
                e.registered_at, e.status, e.failure_reason, e.attempt_count, e.next_attempt_at,
                e.created_at
            from ends left join lateral (
                select * from events where ",
            $of,
            "(xid, seq) > ($1::text::xid8, $2) and xid < ends.xid
                order by xid, seq limit $3
            ) e on true
            order by e.xid, e.seq"
        )
    };
}

const AFTER: &str = events_after!("");
const OF_TENANT_AFTER: &str = events_after!("tenant_id = $4 and ");

/// A stretch of the outbox.
#[derive(Debug)]
pub struct EventPage {
    /// The changes in it, in order, without those that cannot be read: nobody
    /// would ever get behind one.
    pub changes: Vec<StatusChange>,
    /// How far it reaches.
    pub reached: Cursor,
    /// Whether there may be more behind it by now.
    pub is_full: bool,
    /// The place behind which everything was settled when it was read.
    pub head: Cursor,
    /// For how long the oldest change that it does not reach has been there.
    pub lag: Duration,
}

impl EventPage {
    /// One that holds nothing and reaches up to this head.
    #[must_use]
    pub const fn empty(head: Cursor) -> Self {
        Self {
            changes: Vec::new(),
            reached: head,
            is_full: false,
            head,
            lag: Duration::ZERO,
        }
    }
}

#[derive(Debug, sqlx::FromRow)]
struct EventRow {
    xid: String,
    seq: i64,
    tenant_id: String,
    attachment_id: Uuid,
    channel_id: String,
    message_id: String,
    conversation_id: Option<String>,
    correlation_id: Option<String>,
    sender_id: Option<String>,
    kind: Option<String>,
    registered_at: OffsetDateTime,
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
        Ok(head(&xid, now))
    }

    /// Up to `limit` changes of all tenants after `cursor`, in order.
    pub async fn events_of_all_after(
        &self,
        cursor: Cursor,
        limit: u16,
    ) -> Result<EventPage, DbError> {
        let query = sqlx::query(AFTER)
            .bind(cursor.xid.to_string())
            .bind(cursor.seq)
            .bind(i64::from(limit));
        page(&query.fetch_all(&self.pool).await?, limit)
    }

    /// Up to `limit` changes of a tenant after `cursor`, in order.
    pub async fn events_after(
        &self,
        tenant: &TenantId,
        cursor: Cursor,
        limit: u16,
    ) -> Result<EventPage, DbError> {
        let query = sqlx::query(OF_TENANT_AFTER)
            .bind(cursor.xid.to_string())
            .bind(cursor.seq)
            .bind(i64::from(limit))
            .bind(tenant.as_str());
        page(&query.fetch_all(&self.pool).await?, limit)
    }
}

/// Sequence numbers count from 1, so 0 stands before all of a transaction's.
fn head(xid: &str, now: OffsetDateTime) -> Cursor {
    Cursor {
        xid: xid.parse().unwrap_or_default(),
        seq: 0,
        at: now.unix_timestamp(),
    }
}

fn page(rows: &[PgRow], limit: u16) -> Result<EventPage, DbError> {
    let ends = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    let now: OffsetDateTime = ends.try_get("head_at")?;
    let head = head(ends.try_get("head_xid")?, now);
    let held_since: Option<OffsetDateTime> = ends.try_get("held_since")?;
    let events = match ends.try_get::<Option<i64>, _>("seq")? {
        Some(_) => rows,
        None => &[],
    };
    let events: Vec<_> = events
        .iter()
        .map(EventRow::from_row)
        .collect::<Result<_, _>>()?;
    let last = events.last().filter(|_| events.len() >= limit.into());
    let (reached, unread_since) = match last {
        Some(last) => (last.cursor()?, Some(last.created_at)),
        None => (head, held_since),
    };
    let lag = unread_since.and_then(|since| Duration::try_from(now - since).ok());
    Ok(EventPage {
        is_full: last.is_some(),
        reached,
        head,
        lag: lag.unwrap_or_default(),
        changes: events.into_iter().flat_map(readable).collect(),
    })
}

fn readable(row: EventRow) -> Result<StatusChange, DbError> {
    StatusChange::try_from(row)
        .inspect_err(|error| tracing::error!(error = %Chain(error), "a change cannot be read"))
}

impl EventRow {
    fn cursor(&self) -> Result<Cursor, DbError> {
        let xid = self.xid.parse();
        Ok(Cursor {
            xid: xid.map_err(|_| self.inconsistent("xid", &self.xid))?,
            seq: self.seq,
            at: self.created_at.unix_timestamp(),
        })
    }

    fn named<T: FromStr>(&self, column: &str, text: &str) -> Result<T, DbError> {
        text.parse().map_err(|_| self.inconsistent(column, text))
    }

    fn maybe<T: FromStr>(&self, column: &str, text: Option<&str>) -> Result<Option<T>, DbError> {
        text.map(|text| self.named(column, text)).transpose()
    }

    fn inconsistent(&self, column: &str, text: &str) -> DbError {
        DbError::inconsistent("events", self.attachment_id, format!("{column} {text:?}"))
    }
}

impl TryFrom<EventRow> for StatusChange {
    type Error = DbError;

    fn try_from(row: EventRow) -> Result<Self, DbError> {
        Ok(Self {
            cursor: row.cursor()?,
            tenant: row.named("tenant_id", &row.tenant_id)?,
            id: row.attachment_id.into(),
            channel: row.named("channel_id", &row.channel_id)?,
            message_id: row.named("message_id", &row.message_id)?,
            conversation_id: row.maybe("conversation_id", row.conversation_id.as_deref())?,
            correlation_id: row.maybe("correlation_id", row.correlation_id.as_deref())?,
            sender_id: row.maybe("sender_id", row.sender_id.as_deref())?,
            kind: row.maybe("kind", row.kind.as_deref())?,
            registered_at: row.registered_at,
            status: row.named("status", &row.status)?,
            reason: row.maybe("failure_reason", row.failure_reason.as_deref())?,
            attempts: row.attempt_count.unsigned_abs(),
            next_attempt_at: row.next_attempt_at,
            at: row.created_at,
        })
    }
}
