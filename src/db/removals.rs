//! Objects that must go, kept until they are gone.
//!
//! An object is announced here before it is put, so that none is ever there
//! without a row that knows it. The settlement takes the announcement back.

use super::{Db, DbError, to_seconds};
use crate::attachment::status::Attempt;
use crate::attachment::storage_key::StorageKey;
use crate::ids::{AttachmentId, TenantId};
use std::time::Duration;

/// Only while the attempt still holds its lease: another one's object is not wanted.
const ANNOUNCE: &str = "
insert into removals (storage_key, tenant_id, attachment_id, fence, due_at)
select $4, tenant_id, attachment_id, fence, now() + make_interval(secs => $5)
from work
where attachment_id = $2 and tenant_id = $1 and fence = $3 and leased_by is not null
on conflict (storage_key) do update set due_at = excluded.due_at,
    attachment_id = excluded.attachment_id, fence = excluded.fence";

/// A settlement whose answer was lost looks like one that was refused, so a
/// worker may believe an object lost that its record holds: the record decides.
const DOOM: &str = "
insert into removals (tenant_id, storage_key)
select $1, $3 where not exists (
    select 1 from attachments where tenant_id = $1 and id = $2 and storage_key = $3)
on conflict (storage_key) do update set due_at = now()";

/// An attempt that holds its lease may still settle; once it does not, it
/// never can, for fences only grow. An announcement that was repeated, and
/// whose first try a network held back, may come after the settlement: the
/// record decides.
const TAKE_DUE: &str = "
with due as materialized (
    select d.storage_key, exists (
        select 1 from attachments a where a.tenant_id = d.tenant_id
          and a.id = d.attachment_id and a.storage_key = d.storage_key) as is_stored
    from removals d where due_at <= now()
      and not exists (select 1 from work w where w.attachment_id = d.attachment_id
        and w.fence = d.fence and w.leased_by is not null)
    order by due_at limit $2 for update of d skip locked
), forgotten as (
    delete from removals where storage_key = any(array(
        select storage_key from due where is_stored))
)
update removals r
set due_at = now() + make_interval(secs => $1), attempt_count = r.attempt_count + 1
where r.storage_key = any(array(select storage_key from due where not is_stored))
returning r.storage_key";

impl Db {
    /// Notes the object that an attempt is about to put, to be removed after
    /// `orphaned_after` unless it is settled; false when the attempt has lost
    /// its lease and must not put it.
    pub async fn announce(
        &self,
        attempt: &Attempt,
        orphaned_after: Duration,
    ) -> Result<bool, DbError> {
        let result = sqlx::query(ANNOUNCE)
            .bind(attempt.attachment.tenant.as_str())
            .bind(attempt.attachment.id.as_uuid())
            .bind(attempt.fence)
            .bind(attempt.storage_key().as_str())
            .bind(to_seconds(orphaned_after))
            .execute(&self.pool)
            .await?;
        Ok(result.rows_affected() == 1)
    }

    /// Notes that an object of this attachment must go now, unless it is the
    /// one the attachment is stored in. It may be one that was never put.
    pub async fn doom(
        &self,
        tenant: &TenantId,
        id: AttachmentId,
        key: &StorageKey,
    ) -> Result<(), DbError> {
        sqlx::query(DOOM)
            .bind(tenant.as_str())
            .bind(id.as_uuid())
            .bind(key.as_str())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Takes up to `count` keys whose objects must go, of all tenants; those
    /// that are not forgotten come back after `again_in`.
    pub async fn take_doomed(
        &self,
        again_in: Duration,
        count: u32,
    ) -> Result<Vec<StorageKey>, DbError> {
        let keys: Vec<String> = sqlx::query_scalar(TAKE_DUE)
            .bind(to_seconds(again_in))
            .bind(i64::from(count))
            .fetch_all(&self.pool)
            .await?;
        Ok(keys.into_iter().map(StorageKey::from_stored).collect())
    }

    /// Forgets keys whose objects are gone.
    pub async fn forget_doomed(&self, keys: &[StorageKey]) -> Result<(), DbError> {
        let keys: Vec<&str> = keys.iter().map(StorageKey::as_str).collect();
        sqlx::query("delete from removals where storage_key = any($1)")
            .bind(keys)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
