//! What is forgotten: days of events, weeks of attempts, and the records of
//! what was deleted long ago.
//!
//! Days and weeks are partitions, made and dropped by functions of whoever owns
//! the tables. Where those do not get their lock in a moment they do nothing
//! and say so, and nobody else has waited for longer.

use super::{Db, DbError, to_seconds};
use std::time::Duration;

/// Which of the tables that are kept by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Status changes, by the day.
    Events,
    /// The journal, by the week of registration.
    Attempts,
}

const DROP_EVENTS: &str = "select drop_events(now() - make_interval(secs => $1))";
const DROP_ATTEMPTS: &str = "select drop_attempts(now() - make_interval(secs => $1))";

/// Rows that have no partition: few, or none.
const FORGET_EVENTS: &str = "
delete from events_rest where ctid = any(array(
    select ctid from events_rest where created_at < now() - make_interval(secs => $1)
    order by created_at limit $2))";
const FORGET_ATTEMPTS: &str = "
delete from attempts_rest where ctid = any(array(
    select ctid from attempts_rest where ended_at < now() - make_interval(secs => $1)
    order by ended_at limit $2))";

/// The record goes, and its journal; that its file came once stays, so that it
/// does not come again.
const FORGET_RECORDS: &str = "
with old as (
    select tenant_id, id, channel_id, media_id, part, occurrence, failure_reason
    from attachments
    where status = 'deleted' and updated_at < now() - make_interval(secs => $1)
    order by updated_at limit $2 for update skip locked
), kept as (
    insert into forgotten (tenant_id, occurrence, failure_reason)
    select tenant_id, occurrence_hash(channel_id, media_id, part, occurrence), failure_reason
    from old
    on conflict (tenant_id, occurrence) do nothing
), journal as (
    delete from attempts t using old o where t.tenant_id = o.tenant_id and t.attachment_id = o.id
), gone as (
    delete from attachments a using old o where a.tenant_id = o.tenant_id and a.id = o.id
)
select count(*) from old";

impl Db {
    /// Makes the partitions of the days to come; false when one has to be asked
    /// for again.
    pub async fn make_partitions(&self) -> Result<bool, DbError> {
        Ok(sqlx::query_scalar("select make_partitions()")
            .fetch_one(&self.pool)
            .await?)
    }

    /// Drops the oldest partition that holds nothing younger than `age`; false
    /// when there is none, or when it has to be asked for again.
    pub async fn drop_partition(&self, kept: Kept, age: Duration) -> Result<bool, DbError> {
        let statement = match kept {
            Kept::Events => DROP_EVENTS,
            Kept::Attempts => DROP_ATTEMPTS,
        };
        Ok(sqlx::query_scalar(statement)
            .bind(to_seconds(age))
            .fetch_one(&self.pool)
            .await?)
    }

    /// Forgets up to `count` rows that lie in no partition and are older than
    /// `age`; gives how many.
    pub async fn forget_rest(&self, kept: Kept, age: Duration, count: u32) -> Result<u64, DbError> {
        let statement = match kept {
            Kept::Events => FORGET_EVENTS,
            Kept::Attempts => FORGET_ATTEMPTS,
        };
        let result = sqlx::query(statement)
            .bind(to_seconds(age))
            .bind(i64::from(count))
            .execute(&self.pool)
            .await?;
        Ok(result.rows_affected())
    }

    /// Forgets up to `count` records that were deleted longer than `age` ago;
    /// gives how many.
    pub async fn forget_records(&self, age: Duration, count: u32) -> Result<u64, DbError> {
        let forgotten: i64 = sqlx::query_scalar(FORGET_RECORDS)
            .bind(to_seconds(age))
            .bind(i64::from(count))
            .fetch_one(&self.pool)
            .await?;
        Ok(forgotten.unsigned_abs())
    }
}
