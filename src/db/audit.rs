//! What the audit asks of the tables. It serves the operator, not a tenant.

use super::{Db, DbError, to_seconds};
use crate::attachment::storage_key::StorageKey;
use crate::ids::{AttachmentId, TenantId};
use futures::stream::{BoxStream, StreamExt as _};
use std::time::Duration;
use uuid::Uuid;

/// An object that a row says is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedObject {
    /// Whose it is.
    pub tenant: TenantId,
    /// The row.
    pub id: AttachmentId,
    /// The object's key.
    pub key: StorageKey,
    /// Its size in bytes.
    pub size_bytes: u64,
}

/// Something that the tables alone show to be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFault {
    /// An open attachment has no work: nobody would ever finish it.
    LostWork,
    /// Work is there for an attachment that is not open.
    StrayWork,
    /// Work has been due for longer than anybody should take.
    OverdueWork,
    /// More attempts were begun than are allowed.
    TooManyAttempts,
}

impl TableFault {
    const fn query(self) -> &'static str {
        match self {
            Self::LostWork => {
                "select a.id from attachments a where a.status = 'open'
                 and a.created_at < now() - make_interval(secs => $1)
                 and not exists (select 1 from work w where w.attachment_id = a.id)"
            }
            Self::StrayWork => {
                "select w.attachment_id from work w where w.updated_at < now() - make_interval(secs => $1)
                 and not exists (select 1 from attachments a
                    where a.tenant_id = w.tenant_id and a.id = w.attachment_id and a.status = 'open')"
            }
            Self::OverdueWork => {
                "select attachment_id from work where due_at < now() - make_interval(secs => $1)"
            }
            Self::TooManyAttempts => {
                "select attachment_id from work where attempt_count > max_attempts
                 union all select id from attachments where attempt_count > max_attempts
                    and $1::float8 >= 0"
            }
        }
    }
}

/// In the order in which a store lists keys.
const EXPECTED: &str = "
select tenant_id, id, storage_key, size_bytes from attachments
where status = 'stored' order by storage_key collate \"C\"";

/// Rows whose objects are gone go back to be downloaded again; where the
/// provider has lost the file too, they end as what they then are.
const REOPEN: &str = "
with reopened as (
    update attachments
    set status = 'open', storage_key = null, content_type = null, size_bytes = null,
        checksum_sha256 = null, stored_at = null, attempt_count = 0, updated_at = now()
    from unnest($1::text[], $2::uuid[]) as k(tenant, attachment)
    where tenant_id = tenant and id = attachment and status = 'stored'
    returning id, tenant_id, max_attempts
)
insert into work (attachment_id, tenant_id, max_attempts, fence)
select r.id, r.tenant_id, r.max_attempts,
    coalesce((select max(fence) from attempts where attachment_id = r.id), 0)
from reopened r";

/// An object that no row names, unless somebody stores or removes it just
/// now. The key itself says which row to look at.
const UNREFERENCED: &str = "
with named as (
    select key, split_part(key, '/', 3) as tenant, case
        when split_part(key, '/', 5) ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
        then split_part(key, '/', 5)::uuid end as id
    from unnest($1::text[]) as k(key)
)
select n.key from named n
where not exists (select 1 from attachments a
        where a.tenant_id = n.tenant and a.id = n.id and a.storage_key = n.key)
  and not exists (select 1 from removals r where r.storage_key = n.key)
  and not exists (select 1 from work w where w.attachment_id = n.id and w.leased_by is not null
        and split_part(n.key, '/', 6) like w.fence || '-%')";

impl Db {
    /// The rows that are at fault for longer than `grace`.
    pub async fn table_fault(
        &self,
        fault: TableFault,
        grace: Duration,
    ) -> Result<Vec<AttachmentId>, DbError> {
        let ids: Vec<Uuid> = sqlx::query_scalar(fault.query())
            .bind(to_seconds(grace))
            .fetch_all(&self.pool)
            .await?;
        Ok(ids.into_iter().map(AttachmentId::from).collect())
    }

    /// Every object that should be there, in the order a store lists them.
    #[must_use]
    pub fn expected_objects(&self) -> BoxStream<'_, Result<ExpectedObject, DbError>> {
        sqlx::query_as::<_, (String, Uuid, String, i64)>(EXPECTED)
            .fetch(self.pool.connections())
            .map(|row| {
                let (tenant, id, key, size) = row?;
                let tenant = tenant.parse().map_err(|_| DbError::Inconsistent {
                    table: "attachments",
                    id,
                    what: "tenant".to_owned(),
                })?;
                Ok(ExpectedObject {
                    tenant,
                    id: id.into(),
                    key: StorageKey::from_stored(key),
                    size_bytes: size.unsigned_abs(),
                })
            })
            .boxed()
    }

    /// Those of `keys` that nothing refers to.
    pub async fn unreferenced(&self, keys: &[StorageKey]) -> Result<Vec<StorageKey>, DbError> {
        let keys: Vec<&str> = keys.iter().map(StorageKey::as_str).collect();
        let found: Vec<String> = sqlx::query_scalar(UNREFERENCED)
            .bind(keys)
            .fetch_all(&self.pool)
            .await?;
        Ok(found.into_iter().map(StorageKey::from_stored).collect())
    }

    /// Notes that objects which belong to nobody must go.
    pub async fn doom_strays(&self, keys: &[StorageKey]) -> Result<(), DbError> {
        let keys: Vec<&str> = keys.iter().map(StorageKey::as_str).collect();
        sqlx::query(
            "insert into removals (storage_key, tenant_id)
             select key, split_part(key, '/', 3) from unnest($1::text[]) as k(key)
             on conflict do nothing",
        )
        .bind(keys)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Puts attachments whose objects are gone back to be downloaded again.
    pub async fn reopen(&self, gone: &[ExpectedObject]) -> Result<u64, DbError> {
        let tenants: Vec<&str> = gone.iter().map(|object| object.tenant.as_str()).collect();
        let ids: Vec<Uuid> = gone.iter().map(|object| object.id.as_uuid()).collect();
        let result = sqlx::query(REOPEN)
            .bind(tenants)
            .bind(ids)
            .execute(&self.pool)
            .await?;
        Ok(result.rows_affected())
    }

    /// Removes work of attachments that are not open.
    pub async fn drop_stray_work(&self, ids: &[AttachmentId]) -> Result<u64, DbError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
        let result = sqlx::query(
            "delete from work w where w.attachment_id = any($1)
             and not exists (select 1 from attachments a
                where a.tenant_id = w.tenant_id and a.id = w.attachment_id and a.status = 'open')",
        )
        .bind(ids)
        .execute(&self.pool)
        .await?;
        Ok(result.rows_affected())
    }
}
