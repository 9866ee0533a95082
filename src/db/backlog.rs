//! What waits to be done, as an alarm wants to know it.
//!
//! Each figure is a few steps of an index, for it is asked at every sweep:
//! counts end at ten thousand, however many more there are.

use super::{Db, DbError};

/// What waits to be done, of all tenants.
#[derive(Debug, Clone, Copy, Default, PartialEq, sqlx::FromRow)]
pub struct Backlog {
    /// Attempts that may be claimed now; 10,000 at most.
    pub due_work: f64,
    /// For how long the oldest of them has been due, in seconds.
    pub oldest_due_seconds: f64,
    /// Attempts that hold their lease; 10,000 at most.
    pub running_attempts: f64,
    /// Objects that may be removed now; 10,000 at most.
    pub due_removals: f64,
    /// For how long the oldest of them has been due, in seconds.
    pub oldest_removal_seconds: f64,
    /// Objects whose removal was tried five times or more; 10,000 at most.
    pub failing_removals: f64,
}

const BACKLOG: &str = "
with kinds as (select unnest(array['ingest', 'content']) as kind)
select (select count(*) from (select from kinds k cross join lateral (
        select from work w where w.ready and w.kind = k.kind limit 10000) as due
        limit 10000) as t)::float8 as due_work,
    coalesce((select extract(epoch from now() - min(due.due_at)) from kinds k cross join lateral (
        select w.due_at from work w where w.ready and w.kind = k.kind
        order by w.due_at limit 1) as due), 0)::float8 as oldest_due_seconds,
    (select count(*) from (select from work where leased_by is not null and (due_at > now()) is true
        limit 10000) as t)::float8 as running_attempts,
    (select count(*) from (select from removals where due_at <= now() limit 10000) as t)::float8
        as due_removals,
    coalesce((select extract(epoch from now() - due_at) from removals
        where due_at <= now() order by due_at limit 1), 0)::float8 as oldest_removal_seconds,
    (select count(*) from (select from removals where attempt_count >= 5
        limit 10000) as t)::float8 as failing_removals";

impl Db {
    /// What waits to be done.
    pub async fn backlog(&self) -> Result<Backlog, DbError> {
        Ok(sqlx::query_as(BACKLOG).fetch_one(&self.pool).await?)
    }
}
