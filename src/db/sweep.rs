//! The sweeper's statements. They serve all tenants: each acts on rows by
//! their own keys and gives counts only.

use super::{Db, DbError};

/// Attempts that are used up although the last one never settled: the worker
/// died while it ran.
const END_EXHAUSTED: &str = "
with exhausted as (
    delete from work d using (
        select tenant_id, attachment_id, kind from work
        where due_at <= now() and attempt_count >= max_attempts
        order by due_at limit $1 for update skip locked) as picked
    where d.tenant_id = picked.tenant_id and d.attachment_id = picked.attachment_id
      and d.kind = picked.kind
    returning d.*
), entries as (
    insert into attempts (tenant_id, attachment_id, kind, fence, started_at, counted,
        failure_reason, worker, detail)
    select tenant_id, attachment_id, kind, fence, started_at, true, 'INTERRUPTED', leased_by,
        'the worker died or lost its lease'
    from exhausted where leased_by is not null
    on conflict do nothing
), ended as (
    update attachments a
    set status = 'failed', failure_reason = coalesce(
            case when exhausted.leased_by is not null then 'INTERRUPTED' end,
            exhausted.failure_reason, 'INTERRUPTED'),
        attempt_count = exhausted.attempt_count, updated_at = now()
    from exhausted
    where exhausted.kind = 'ingest' and a.tenant_id = exhausted.tenant_id and a.id = exhausted.attachment_id
      and a.status = 'open'
    returning a.id
), unprocessed as (
    update attachments a
    set processing_status = 'failed', processing_error = 'EXTRACTOR_FAILED', updated_at = now()
    from exhausted
    where exhausted.kind = 'content' and a.tenant_id = exhausted.tenant_id and a.id = exhausted.attachment_id
      and a.processing_status = 'open'
    returning a.id
)
select (select count(*) from ended) + (select count(*) from unprocessed)";

impl Db {
    /// Ends work whose last attempt died; gives how much.
    pub async fn end_exhausted(&self, count: u32) -> Result<u64, DbError> {
        let ended: i64 = sqlx::query_scalar(END_EXHAUSTED)
            .bind(i64::from(count))
            .fetch_one(&self.pool)
            .await?;
        Ok(ended.unsigned_abs())
    }
}
