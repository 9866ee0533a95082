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
/// wrong bucket to look for it. What was made of the file goes with its
/// original and is made again with it. Content work is locked before the
/// attachment, as a settlement locks them. The new original gets another key: the
/// fence goes on from the journal or, should that be lost too, from the old
/// key. Where the provider has lost the file as well, the attachment ends as
/// what it then is.
const REOPEN: &str = "
with listed as materialized (
    select o.tenant_id, o.attachment_id, o.storage_key
    from unnest($1::text[], $2::uuid[], $3::text[]) as k(tenant, attachment, key)
    join objects o on o.tenant_id = k.tenant and o.attachment_id = k.attachment
      and o.rendition = 'original' and o.storage_key = k.key
), halted as (
    delete from work w using listed l
    where w.tenant_id = l.tenant_id and w.attachment_id = l.attachment_id and w.kind = 'content'
    returning w.attachment_id
), target as (
    select a.tenant_id, a.id, a.channel_id, l.storage_key, a.max_attempts
    from listed l join attachments a on a.tenant_id = l.tenant_id and a.id = l.attachment_id
    where a.status = 'stored' and (select count(*) from halted) >= 0
    order by a.id for update of a
), noted as (
    insert into reopenings (tenant_id, attachment_id, storage_key, cause)
    select tenant_id, id, storage_key, $4 from target
), emptied as (
    delete from objects o using target t
    where o.tenant_id = t.tenant_id and o.attachment_id = t.id
    returning o.tenant_id, o.rendition, o.storage_key
), to_remove as (
    insert into removals (tenant_id, storage_key)
    select tenant_id, storage_key from emptied
    where $4 <> 'object missing' or rendition <> 'original'
    on conflict (tenant_id, storage_key) do update set due_at = now()
), reopened as (
    update attachments a
    set status = 'open', stored_at = null, attempt_count = 0, processing_status = null,
        processing_error = null, updated_at = now()
    from target t where a.tenant_id = t.tenant_id and a.id = t.id
), queued as (
    insert into work (tenant_id, attachment_id, kind, channel_id, max_attempts, fence)
    select t.tenant_id, t.id, 'ingest', t.channel_id, t.max_attempts, greatest(
        coalesce((select max(fence) from attempts j where j.tenant_id = t.tenant_id
            and j.attachment_id = t.id), 0),
        coalesce(substring(split_part(t.storage_key, '/', 6) from '^([0-9]{1,18})-')::bigint, 0))
    from target t
    on conflict do nothing
)
select count(*) from emptied where storage_key = any($3)";

/// What was made of a file and is missing or wrong is forgotten, and made anew
/// where it was made by us.
const REMAKE: &str = "
with target as (
    select a.tenant_id, a.id, a.channel_id, o.rendition, o.storage_key, a.max_attempts,
        a.processing_status
    from unnest($1::text[], $2::uuid[], $3::text[]) as k(tenant, attachment, key)
    join objects o on o.tenant_id = k.tenant and o.attachment_id = k.attachment
      and o.rendition <> 'original' and o.storage_key = k.key
    join attachments a on a.tenant_id = o.tenant_id and a.id = o.attachment_id
    where a.status = 'stored'
    for update of a
), emptied as (
    delete from objects o using target t
    where o.tenant_id = t.tenant_id and o.attachment_id = t.id and o.rendition = t.rendition
    returning o.storage_key
), to_remove as (
    insert into removals (tenant_id, storage_key)
    select tenant_id, storage_key from target where $4 <> 'object missing'
    on conflict (tenant_id, storage_key) do update set due_at = now()
), again as (
    select distinct tenant_id, id, channel_id, max_attempts from target
    where processing_status is not null and processing_status <> 'open'
), reopened as (
    update attachments a
    set processing_status = 'open', processing_error = null, updated_at = now()
    from again t where a.tenant_id = t.tenant_id and a.id = t.id
), queued as (
    insert into work (tenant_id, attachment_id, kind, channel_id, max_attempts, fence)
    select t.tenant_id, t.id, 'content', t.channel_id, t.max_attempts,
        coalesce((select max(fence) from attempts j where j.tenant_id = t.tenant_id
            and j.attachment_id = t.id and j.kind = 'content'), 0)
    from again t
    on conflict do nothing
)
select count(*) from emptied";

const REMOVE_STRAYS: &str = "
insert into removals (tenant_id, storage_key)
select split_part(key, '/', 3), key from unnest($1::text[]) as k(key)
on conflict do nothing";

const DROP_STRAY_WORK: &str = "
delete from work w using attachments a
where a.tenant_id = w.tenant_id and a.id = w.attachment_id
  and case w.kind when 'ingest' then a.status <> 'open'
      else a.processing_status is distinct from 'open' end
  and w.updated_at < now() - make_interval(secs => $1)";

const DROP_STRAY_OBJECTS: &str = "
with emptied as (
    delete from objects o using attachments a
    where a.tenant_id = o.tenant_id and a.id = o.attachment_id and a.status <> 'stored'
    returning o.tenant_id, o.storage_key
), removed as (
    insert into removals (tenant_id, storage_key) select tenant_id, storage_key from emptied
    on conflict (tenant_id, storage_key) do update set due_at = now()
)
select count(*) from emptied";

/// What is counted and what is added are of one snapshot: whatever changes
/// meanwhile notes its own change.
const RECOUNT: &str = "
insert into usage_deltas (tenant_id, status, files, size_bytes)
select tenant_id, status, files, size_bytes from usage_missing";

/// None of them keeps registrations waiting for longer than a moment.
const KEEP_OCCURRENCES_UNIQUE: [&str; 7] = [
    // A statement that waits for the table's lock makes all later ones wait.
    "set lock_timeout = '1s'",
    "alter table attachments drop constraint if exists attachments_occurrence_key",
    "set lock_timeout = '60s'",
    "drop index concurrently if exists attachments_occurrence_key",
    "create unique index concurrently attachments_occurrence_key
     on attachments (tenant_id, channel_id, media_id, part, occurrence)",
    "set lock_timeout = '1s'",
    "alter table attachments add constraint attachments_occurrence_key
     unique using index attachments_occurrence_key",
];

impl Db {
    /// Puts stored attachments whose original is missing or wrong back to be
    /// downloaded again, and has what was made of others made anew; gives how
    /// many objects that mended.
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
        let reopened: i64 = sqlx::query_scalar(REOPEN)
            .bind(&tenants)
            .bind(&ids)
            .bind(&keys)
            .bind(cause.as_str())
            .fetch_one(&self.pool)
            .await?;
        let remade: i64 = sqlx::query_scalar(REMAKE)
            .bind(&tenants)
            .bind(&ids)
            .bind(&keys)
            .bind(cause.as_str())
            .fetch_one(&self.pool)
            .await?;
        Ok(reopened.unsigned_abs() + remade.unsigned_abs())
    }

    /// Notes that objects which belong to nobody must go.
    pub async fn remove_strays(&self, keys: &[StorageKey]) -> Result<(), DbError> {
        let keys: Vec<&str> = keys.iter().map(StorageKey::as_str).collect();
        sqlx::query(REMOVE_STRAYS)
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

    /// Forgets objects of attachments that are not stored and has them removed;
    /// gives how many.
    pub async fn drop_stray_objects(&mut self) -> Result<u64, DbError> {
        let dropped: i64 = sqlx::query_scalar(DROP_STRAY_OBJECTS)
            .fetch_one(&mut self.connection)
            .await?;
        Ok(dropped.unsigned_abs())
    }

    /// Sets the counters right; gives how many were off.
    pub async fn recount(&mut self) -> Result<u64, DbError> {
        let result = sqlx::query(RECOUNT).execute(&mut self.connection).await?;
        Ok(result.rows_affected())
    }

    /// Puts the constraint back that keeps occurrences unique, while the service
    /// runs on. Refused where there are duplicates.
    pub async fn keep_occurrences_unique(&mut self) -> Result<(), DbError> {
        for statement in KEEP_OCCURRENCES_UNIQUE {
            sqlx::query(statement).execute(&mut self.connection).await?;
        }
        Ok(())
    }
}
