//! Deletion by the provider's name of a file, and of whole groups.

use super::{Db, DbError};
use crate::attachment::deletion::{Group, SourceName};
use crate::attachment::failure::FailureReason;
use crate::attachment::storage_key::StorageKey;
use crate::ids::{AttachmentId, TenantId};
use uuid::Uuid;

/// What one step of a group's deletion did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deleted {
    /// How many were deleted.
    pub count: u64,
    /// How many stored bytes they had.
    pub bytes: u64,
    /// The objects that must go with them.
    pub keys: Vec<StorageKey>,
}

const BURY: &str = "
insert into tombstones (tenant_id, channel_id, media_id, part) values ($1, $2, $3, $4)
on conflict do nothing";

const FIND: &str = "
select id from attachments
where tenant_id = $1 and channel_id = $2 and media_id = $3 and part = $4";

/// `$3` names the column by which the group is one; each has an index. Work is
/// locked before attachments, as a settle does: neither waits for the other.
const DELETE_GROUP: &str = "
with wanted as materialized (
    select id from attachments
    where tenant_id = $1 and status <> 'deleted'
      and ($3 <> 'correlation' or correlation_id = $2)
      and ($3 <> 'message' or message_id = $2)
      and ($3 <> 'conversation' or conversation_id = $2)
    order by id limit $4
), halted as (
    delete from work where attachment_id = any(array(
        select attachment_id from work
        where tenant_id = $1 and attachment_id = any(array(select id from wanted))
        order by attachment_id for update))
    returning attachment_id, attempt_count
), target as (
    select tenant_id, id, storage_key, size_bytes from attachments
    where tenant_id = $1 and id = any(array(select id from wanted)) and status <> 'deleted'
      and (select count(*) from halted) <= $4
    order by id for update
), doomed as (
    insert into removals (storage_key, tenant_id)
    select storage_key, tenant_id from target where storage_key is not null
    on conflict do nothing
), gone as (
    update attachments a
    set status = 'deleted', failure_reason = $5, storage_key = null, checksum_sha256 = null,
        file_name = '', updated_at = now(),
        attempt_count = coalesce((select attempt_count from halted h
            where h.attachment_id = t.id), a.attempt_count)
    from target t where a.tenant_id = t.tenant_id and a.id = t.id
)
select storage_key, coalesce(size_bytes, 0) from target";

const COUNT_DELETED: &str = "
select count(*) from attachments
where tenant_id = $1 and status = 'deleted'
  and ($3 <> 'correlation' or correlation_id = $2)
  and ($3 <> 'message' or message_id = $2)
  and ($3 <> 'conversation' or conversation_id = $2)";

/// Live rows that were registered at the instant their tombstone was put.
const HAUNTED: &str = "
select a.tenant_id, a.id from tombstones t
join attachments a on a.tenant_id = t.tenant_id and a.channel_id = t.channel_id
  and a.media_id = t.media_id and a.part = t.part
where t.created_at > now() - interval '1 hour' and a.status <> 'deleted' limit $1";

impl Db {
    /// Notes that a file is not wanted, whether or not it is here yet, and
    /// gives its id if it is.
    pub async fn bury(
        &self,
        tenant: &TenantId,
        name: &SourceName,
    ) -> Result<Option<AttachmentId>, DbError> {
        // Two statements on purpose: the second sees what was registered
        // while the first was waiting.
        for statement in [BURY, FIND] {
            let found: Option<Uuid> = sqlx::query_scalar(statement)
                .bind(tenant.as_str())
                .bind(name.channel.as_str())
                .bind(&name.media_id)
                .bind(&name.part)
                .fetch_optional(&self.pool)
                .await?;
            if let Some(id) = found {
                return Ok(Some(id.into()));
            }
        }
        Ok(None)
    }

    /// Deletes up to `limit` attachments of a group.
    pub async fn delete_group(
        &self,
        tenant: &TenantId,
        group: &Group,
        limit: u32,
    ) -> Result<Deleted, DbError> {
        let (column, value) = parts(group);
        let rows: Vec<(Option<String>, i64)> = sqlx::query_as(DELETE_GROUP)
            .bind(tenant.as_str())
            .bind(value)
            .bind(column)
            .bind(i64::from(limit))
            .bind(FailureReason::DeleteRequested.as_str())
            .fetch_all(&self.pool)
            .await?;
        let mut deleted = Deleted {
            count: rows.len() as u64,
            ..Deleted::default()
        };
        for (key, bytes) in rows {
            deleted.bytes += bytes.unsigned_abs();
            deleted.keys.extend(key.map(StorageKey::from_stored));
        }
        Ok(deleted)
    }

    /// How many of a group are deleted.
    pub async fn count_deleted(&self, tenant: &TenantId, group: &Group) -> Result<u64, DbError> {
        let (column, value) = parts(group);
        let count: i64 = sqlx::query_scalar(COUNT_DELETED)
            .bind(tenant.as_str())
            .bind(value)
            .bind(column)
            .fetch_one(&self.pool)
            .await?;
        Ok(count.unsigned_abs())
    }

    /// Up to `limit` attachments of any tenant that live although a tombstone
    /// stands for them.
    pub async fn haunted(&self, limit: u32) -> Result<Vec<(TenantId, AttachmentId)>, DbError> {
        let rows: Vec<(String, Uuid)> = sqlx::query_as(HAUNTED)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await?;
        rows.into_iter()
            .map(|(tenant, id)| {
                let tenant = tenant.parse().map_err(|_| DbError::Inconsistent {
                    table: "tombstones",
                    id,
                    what: "tenant".to_owned(),
                })?;
                Ok((tenant, id.into()))
            })
            .collect()
    }

    /// Forgets tombstones older than a provider may still redeliver; gives how many.
    pub async fn forget_tombstones(&self, limit: u32) -> Result<u64, DbError> {
        let result = sqlx::query(
            "delete from tombstones where ctid = any(array(
                select ctid from tombstones where created_at < now() - interval '30 days' limit $1))",
        )
        .bind(i64::from(limit))
        .execute(&self.pool)
        .await?;
        Ok(result.rows_affected())
    }
}

/// The column by which a group is one, and its value.
fn parts(group: &Group) -> (&'static str, &str) {
    match group {
        Group::Correlation(id) => ("correlation", id.as_str()),
        Group::Message(id) => ("message", id.as_str()),
        Group::Conversation(id) => ("conversation", id.as_str()),
    }
}
