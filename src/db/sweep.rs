//! The sweeper's statements. They serve all tenants: each acts on rows by
//! their own ids and gives counts only.

use super::{Db, DbError};

/// Attempts that are used up although the last one never settled: the worker
/// died with the last try in its hands.
const END_EXHAUSTED: &str = "
with spent as (
    delete from work where attachment_id = any(array(
        select attachment_id from work
        where due_at <= now() and attempt_count >= max_attempts
        order by due_at limit $1 for update skip locked))
    returning *
), entries as (
    insert into attempts (attachment_id, fence, tenant_id, started_at, failure_reason, worker, detail)
    select attachment_id, fence, tenant_id, started_at, 'INTERRUPTED', leased_by,
        'the worker died or lost its lease'
    from spent where leased_by is not null
    on conflict do nothing
)
update attachments a
set status = 'failed', failure_reason = coalesce(
        case when spent.leased_by is not null then 'INTERRUPTED' end,
        spent.failure_reason, 'INTERRUPTED'),
    attempt_count = spent.attempt_count, updated_at = now()
from spent
where a.tenant_id = spent.tenant_id and a.id = spent.attachment_id and a.status = 'open'";

/// Work is locked before attachments, as a settle does.
const EXPIRE: &str = "
with wanted as materialized (
    select tenant_id, id from attachments
    where expires_at <= now() and status <> 'deleted'
    order by expires_at limit $1
), halted as (
    delete from work where attachment_id = any(array(
        select attachment_id from work where attachment_id = any(array(select id from wanted))
        order by attachment_id for update))
    returning attachment_id, attempt_count
), target as (
    select a.tenant_id, a.id, a.storage_key
    from wanted w join attachments a on a.tenant_id = w.tenant_id and a.id = w.id
    where a.status <> 'deleted' and a.expires_at <= now() and (select count(*) from halted) <= $1
    for update of a skip locked
), doomed as (
    insert into removals (storage_key, tenant_id)
    select storage_key, tenant_id from target where storage_key is not null
    on conflict do nothing
)
update attachments a
set status = 'deleted', failure_reason = 'RETENTION_EXPIRED', storage_key = null,
    checksum_sha256 = null, file_name = '', updated_at = now(),
    attempt_count = coalesce((select attempt_count from halted h
        where h.attachment_id = t.id), a.attempt_count)
from target t where a.tenant_id = t.tenant_id and a.id = t.id";

impl Db {
    /// Ends attachments whose last attempt died; gives how many.
    pub async fn end_exhausted(&self, count: u32) -> Result<u64, DbError> {
        let result = sqlx::query(END_EXHAUSTED)
            .bind(i64::from(count))
            .execute(&self.pool)
            .await?;
        Ok(result.rows_affected())
    }

    /// Deletes attachments whose retention has ended; gives how many.
    pub async fn expire(&self, count: u32) -> Result<u64, DbError> {
        let result = sqlx::query(EXPIRE)
            .bind(i64::from(count))
            .execute(&self.pool)
            .await?;
        Ok(result.rows_affected())
    }
}
