//! Objects that must go, kept until they are gone.
//!
//! An object is announced here before it is put, so that none is ever there
//! without a row that knows it. The settlement takes the announcement back.

use super::{Db, DbError, to_seconds};
use crate::attachment::status::Attempt;
use crate::attachment::storage_key::StorageKey;
use crate::attachment::work::WorkKind;
use crate::ids::TenantId;
use std::time::Duration;

/// An attempt announces only while it holds its lease: the object of one that
/// lost it is not wanted.
const ANNOUNCE: &str = "
insert into removals (tenant_id, storage_key, attachment_id, kind, fence, due_at)
select tenant_id, $5, attachment_id, kind, fence, now() + make_interval(secs => $6)
from work
where tenant_id = $1 and attachment_id = $2 and kind = $3 and fence = $4 and leased_by is not null
on conflict (tenant_id, storage_key) do update set due_at = excluded.due_at,
    attachment_id = excluded.attachment_id, kind = excluded.kind, fence = excluded.fence";

/// A settlement whose answer was lost looks like one that was refused, so a
/// worker may believe an object lost that its record holds: the record decides.
const REMOVE_NOW: &str = "
insert into removals (tenant_id, storage_key)
select $1, $2 where not exists (
    select 1 from objects where tenant_id = $1 and storage_key = $2)
on conflict (tenant_id, storage_key) do update set due_at = now()";

/// An attempt that holds its lease may still settle; once it does not, it
/// never can, for fences only grow. An announcement that was repeated, and
/// whose first try a network held back, may come after the settlement: the
/// record decides.
const TAKE_DUE: &str = "
with due as materialized (
    select d.tenant_id, d.storage_key, exists (
        select 1 from objects o where o.tenant_id = d.tenant_id
          and o.storage_key = d.storage_key) as is_stored
    from removals d where due_at <= now()
      and not exists (select 1 from work w where w.tenant_id = d.tenant_id
        and w.attachment_id = d.attachment_id and w.kind = d.kind
        and w.fence = d.fence and w.leased_by is not null)
    order by due_at limit $2 for update of d skip locked
), forgotten as (
    delete from removals r using due
    where due.is_stored and r.tenant_id = due.tenant_id and r.storage_key = due.storage_key
)
update removals r
set due_at = now() + make_interval(secs => $1), attempt_count = r.attempt_count + 1
from due
where not due.is_stored and r.tenant_id = due.tenant_id and r.storage_key = due.storage_key
returning r.tenant_id, r.storage_key";

const FORGET: &str = "
delete from removals r using unnest($1::text[], $2::text[]) as k(tenant, key)
where r.tenant_id = k.tenant and r.storage_key = k.key";

/// An object that must go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// Whose it was, as the row has it: it need not be a tenant that could be.
    pub tenant: String,
    /// Its key.
    pub key: StorageKey,
}

impl Db {
    /// Notes the object that an attempt at work of this kind is about to put,
    /// to be removed after `orphaned_after` unless it is settled; false when the
    /// attempt has lost its lease and must not put it.
    pub async fn announce(
        &self,
        attempt: &Attempt,
        work: WorkKind,
        key: &StorageKey,
        orphaned_after: Duration,
    ) -> Result<bool, DbError> {
        let result = sqlx::query(ANNOUNCE)
            .bind(attempt.attachment.tenant.as_str())
            .bind(attempt.attachment.id.as_uuid())
            .bind(work.as_str())
            .bind(attempt.fence)
            .bind(key.as_str())
            .bind(to_seconds(orphaned_after))
            .execute(&self.pool)
            .await?;
        Ok(result.rows_affected() == 1)
    }

    /// Notes that an object must go now, unless an attachment is stored in it.
    /// It may be one that was never put.
    pub async fn remove_now(&self, tenant: &TenantId, key: &StorageKey) -> Result<(), DbError> {
        sqlx::query(REMOVE_NOW)
            .bind(tenant.as_str())
            .bind(key.as_str())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Takes up to `count` objects that must go, of all tenants; those that
    /// are not forgotten come back after `again_in`.
    pub async fn take_due_removals(
        &self,
        again_in: Duration,
        count: u32,
    ) -> Result<Vec<Removal>, DbError> {
        let rows: Vec<(String, String)> = sqlx::query_as(TAKE_DUE)
            .bind(to_seconds(again_in))
            .bind(i64::from(count))
            .fetch_all(&self.pool)
            .await?;
        let removals = rows.into_iter().map(|(tenant, key)| Removal {
            tenant,
            key: StorageKey::from_stored(key),
        });
        Ok(removals.collect())
    }

    /// Forgets objects that are gone.
    pub async fn forget_removals(&self, gone: &[Removal]) -> Result<(), DbError> {
        if gone.is_empty() {
            return Ok(());
        }
        let tenants: Vec<&str> = gone.iter().map(|gone| gone.tenant.as_str()).collect();
        let keys: Vec<&str> = gone.iter().map(|gone| gone.key.as_str()).collect();
        sqlx::query(FORGET)
            .bind(tenants)
            .bind(keys)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
