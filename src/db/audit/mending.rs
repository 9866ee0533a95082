//! Mending what the audit found.

use super::super::{Db, DbError, to_seconds};
use super::{ExpectedObject, Survey};
use crate::attachment::storage_key::StorageKey;
use std::time::Duration;
use uuid::Uuid;

/// Why a stored attachment is downloaded again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Its object is not there.
    ObjectMissing,
    /// Its object has another size.
    WrongSize,
    /// Its object has another checksum.
    WrongChecksum,
}

impl Cause {
    const fn as_str(self) -> &'static str {
        match self {
            Self::ObjectMissing => "object missing",
            Self::WrongSize => "wrong size",
            Self::WrongChecksum => "wrong checksum",
        }
    }
}

/// A wrong object goes; one that is missing is left alone, should this be the
/// wrong bucket to look for it. The new one gets another key: the
/// fence goes on from the journal or, should that be lost too, from the old
/// key. Where the provider has lost the file as well, the attachment ends as
/// what it then is.
const REOPEN: &str = "
with target as (
    select a.tenant_id, a.id, a.storage_key, a.max_attempts
    from unnest($1::text[], $2::uuid[], $3::text[]) as k(tenant, attachment, key)
    join attachments a on a.tenant_id = k.tenant and a.id = k.attachment
    where a.status = 'stored' and a.storage_key = k.key
    for update of a
), noted as (
    insert into reopenings (attachment_id, tenant_id, storage_key, cause)
    select id, tenant_id, storage_key, $4 from target
), doomed as (
    insert into removals (storage_key, tenant_id)
    select storage_key, tenant_id from target where $4 <> 'object missing'
    on conflict (storage_key) do update set due_at = now()
), reopened as (
    update attachments a
    set status = 'open', storage_key = null, content_type = null, size_bytes = null,
        checksum_sha256 = null, stored_at = null, attempt_count = 0, updated_at = now()
    from target t where a.tenant_id = t.tenant_id and a.id = t.id
)
insert into work (attachment_id, tenant_id, max_attempts, fence)
select t.id, t.tenant_id, t.max_attempts, greatest(
    coalesce((select max(fence) from attempts where attachment_id = t.id), 0),
    coalesce(substring(split_part(t.storage_key, '/', 6) from '^([0-9]{1,18})-')::bigint, 0))
from target t
on conflict (attachment_id) do nothing";

const DOOM_STRAYS: &str = "
insert into removals (storage_key, tenant_id)
select key, split_part(key, '/', 3) from unnest($1::text[]) as k(key)
on conflict do nothing";

const DROP_STRAY_WORK: &str = "
delete from work w using attachments a
where a.tenant_id = w.tenant_id and a.id = w.attachment_id and a.status <> 'open'
  and w.updated_at < now() - make_interval(secs => $1)";

/// None of them keeps registrations waiting for longer than a moment.
const KEEP_SOURCES_UNIQUE: [&str; 7] = [
    // Whoever waits for the table makes all others wait behind him.
    "set lock_timeout = '1s'",
    "alter table attachments drop constraint if exists attachments_source_key",
    "set lock_timeout = '60s'",
    "drop index concurrently if exists attachments_source_key",
    "create unique index concurrently attachments_source_key
     on attachments (tenant_id, channel_id, media_id, part)",
    "set lock_timeout = '1s'",
    "alter table attachments add constraint attachments_source_key
     unique using index attachments_source_key",
];

impl Db {
    /// Puts stored attachments back to be downloaded again; gives how many.
    pub async fn reopen(&self, objects: &[ExpectedObject], cause: Cause) -> Result<u64, DbError> {
        if objects.is_empty() {
            return Ok(0);
        }
        let tenants: Vec<&str> = objects
            .iter()
            .map(|object| object.tenant.as_str())
            .collect();
        let ids: Vec<Uuid> = objects.iter().map(|object| object.id.as_uuid()).collect();
        let keys: Vec<&str> = objects.iter().map(|object| object.key.as_str()).collect();
        let result = sqlx::query(REOPEN)
            .bind(tenants)
            .bind(ids)
            .bind(keys)
            .bind(cause.as_str())
            .execute(&self.pool)
            .await?;
        Ok(result.rows_affected())
    }

    /// Notes that objects which belong to nobody must go.
    pub async fn doom_strays(&self, keys: &[StorageKey]) -> Result<(), DbError> {
        let keys: Vec<&str> = keys.iter().map(StorageKey::as_str).collect();
        sqlx::query(DOOM_STRAYS)
            .bind(keys)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

impl Survey {
    /// Removes work of attachments that have ended; gives how many.
    pub async fn drop_stray_work(&mut self, grace: Duration) -> Result<u64, DbError> {
        let result = sqlx::query(DROP_STRAY_WORK)
            .bind(to_seconds(grace))
            .execute(&mut self.connection)
            .await?;
        Ok(result.rows_affected())
    }

    /// Puts the constraint back that keeps sources unique, while the service
    /// runs on. Refused where there are duplicates.
    pub async fn keep_sources_unique(&mut self) -> Result<(), DbError> {
        for statement in KEEP_SOURCES_UNIQUE {
            sqlx::query(statement).execute(&mut self.connection).await?;
        }
        Ok(())
    }
}
