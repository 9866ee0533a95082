//! What the rows say about objects, for a comparison with the bucket.

use super::super::{Db, DbError};
use super::Survey;
use crate::attachment::status::Sha256;
use crate::attachment::storage_key::StorageKey;
use crate::ids::AttachmentId;
use std::collections::HashSet;
use uuid::Uuid;

/// An object that a row says is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedObject {
    /// Whose it is, as the row has it: an audit looks at what no tenant could be, too.
    pub tenant: String,
    /// The row.
    pub id: AttachmentId,
    /// The object's key.
    pub key: StorageKey,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Its checksum.
    pub sha256: Sha256,
}

/// An object that no row refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// Its key.
    pub key: StorageKey,
    /// Whose it could be.
    pub owner: Owner,
}

/// Whose an object could be that no row refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Nobody's.
    Nobody,
    /// Of an attachment whose row, or whose record of its original, is lost.
    LostRow,
    /// Of somebody else: its key is none that the service makes.
    Stranger,
}

/// In the order in which a store lists keys. `with hold`: the answer is kept
/// by the session, so that no snapshot stays open while objects are read for
/// hours, and vacuum goes on.
const DECLARE: &str = "
declare expected no scroll cursor with hold for
select tenant_id, attachment_id, storage_key, size_bytes, checksum_sha256 from objects
order by storage_key collate \"C\"";

/// Fewer than a store lists at once, so that a page of one meets a page of the other.
const FETCH: &str = "fetch 900 from expected";

/// An object that is not stored and not on its way to be or to go: one that
/// is being put has been announced in `removals`. The key itself says which
/// row to look at.
const UNREFERENCED: &str = "
with named as (
    select key, split_part(key, '/', 3) as tenant, case
        when split_part(key, '/', 5) ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
        then split_part(key, '/', 5)::uuid end as id
    from unnest($1::text[]) as k(key)
)
select n.key,
    n.key !~ '^attachments/(durable|ephemeral)/[^/]+/[^/]+/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/[0-9]+-[^/]+$',
    not exists (select 1 from attachments a where a.tenant_id = n.tenant and a.id = n.id)
    and exists (select 1 from attempts j where j.attachment_id = n.id and j.tenant_id = n.tenant)
    or exists (select 1 from attachments a where a.tenant_id = n.tenant and a.id = n.id
        and a.status = 'stored' and not exists (select 1 from objects o
            where o.tenant_id = a.tenant_id and o.attachment_id = a.id
              and o.rendition = 'original'))
from named n
where not exists (select 1 from objects o where o.storage_key = n.key)
  and not exists (select 1 from removals r where r.tenant_id = n.tenant and r.storage_key = n.key)";

const STILL_STORED: &str = "
select o.storage_key from unnest($1::text[], $2::uuid[], $3::text[]) as k(tenant, id, key)
join objects o on o.tenant_id = k.tenant and o.attachment_id = k.id and o.storage_key = k.key";

type ExpectedRow = (String, Uuid, String, i64, Vec<u8>);

impl Survey {
    /// Takes stock of the objects that should be there, for
    /// [`Self::next_expected`].
    pub async fn expect_objects(&mut self) -> Result<(), DbError> {
        sqlx::query(DECLARE).execute(&mut self.connection).await?;
        Ok(())
    }

    /// The next objects in the order in which a store lists them; none at the end.
    pub async fn next_expected(&mut self) -> Result<Vec<ExpectedObject>, DbError> {
        let rows: Vec<ExpectedRow> = sqlx::query_as(FETCH)
            .fetch_all(&mut self.connection)
            .await?;
        Ok(rows
            .into_iter()
            .map(|(tenant, id, key, size_bytes, sha256)| ExpectedObject {
                tenant,
                id: id.into(),
                key: StorageKey::from_stored(key),
                size_bytes: size_bytes.unsigned_abs(),
                // A check constraint keeps it 32 bytes; another is no object's checksum.
                sha256: Sha256(sha256.try_into().unwrap_or_default()),
            })
            .collect())
    }
}

impl Db {
    /// Those of `keys` that nothing refers to.
    pub async fn unreferenced(&self, keys: &[StorageKey]) -> Result<Vec<Stray>, DbError> {
        let keys: Vec<&str> = keys.iter().map(StorageKey::as_str).collect();
        let found: Vec<(String, bool, bool)> = sqlx::query_as(UNREFERENCED)
            .bind(keys)
            .fetch_all(&self.pool)
            .await?;
        Ok(found
            .into_iter()
            .map(|(key, is_foreign, row_is_lost)| Stray {
                key: StorageKey::from_stored(key),
                owner: match (is_foreign, row_is_lost) {
                    (true, _) => Owner::Stranger,
                    (false, true) => Owner::LostRow,
                    (false, false) => Owner::Nobody,
                },
            })
            .collect())
    }

    /// Those of `objects` that their rows still say are there.
    pub async fn still_stored(
        &self,
        objects: Vec<ExpectedObject>,
    ) -> Result<Vec<ExpectedObject>, DbError> {
        if objects.is_empty() {
            return Ok(objects);
        }
        let tenants: Vec<&str> = objects
            .iter()
            .map(|object| object.tenant.as_str())
            .collect();
        let ids: Vec<Uuid> = objects.iter().map(|object| object.id.as_uuid()).collect();
        let keys: Vec<&str> = objects.iter().map(|object| object.key.as_str()).collect();
        let still: HashSet<String> = sqlx::query_scalar(STILL_STORED)
            .bind(tenants)
            .bind(ids)
            .bind(keys)
            .fetch_all(&self.pool)
            .await?
            .into_iter()
            .collect();
        Ok(objects
            .into_iter()
            .filter(|object| still.contains(object.key.as_str()))
            .collect())
    }
}
