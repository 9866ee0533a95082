//! Deletion: by id, by source, by group, by age. One piece of SQL does it.

use super::{Db, DbError};
use crate::attachment::deletion::{Cause, Group, SourceName};
use crate::attachment::storage_key::StorageKey;
use crate::ids::{AttachmentId, TenantId};
use uuid::Uuid;

/// What one step of a deletion did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deleted {
    /// How many attachments it took on, those included that somebody else
    /// deleted meanwhile. At 0, nothing is left to delete.
    pub found: u64,
    /// How many attachments were deleted.
    pub count: u64,
    /// How many stored bytes they had, in all renditions.
    pub bytes: u64,
    /// The objects that must go with them.
    pub keys: Vec<StorageKey>,
}

/// Deletes the attachments in the CTE `wanted (tenant_id, id)`, those that
/// still are as `$still` says. Deletion wins: the work goes, so a running
/// attempt settles into nothing, and all objects are handed to `removals` in
/// the same statement. The count makes `halted` run first: a settlement locks
/// the work row before the attachment too, and the other way round the two
/// would deadlock. `$reason` is the reason they end with; what readers already
/// see deleted by its age keeps that one.
macro_rules! deletion {
    ($reason:literal, $still:literal, $lock:literal) => {
        concat!(
            "halted as (
                delete from work d using (
                    select w.tenant_id, w.attachment_id, w.kind
                    from wanted x join work w on w.tenant_id = x.tenant_id and w.attachment_id = x.id
                    order by w.attachment_id, w.kind for update of w) as locked
                where d.tenant_id = locked.tenant_id and d.attachment_id = locked.attachment_id
                  and d.kind = locked.kind
                returning d.tenant_id, d.attachment_id, d.kind, d.attempt_count
            ), target as (
                select a.tenant_id, a.id
                from wanted x join attachments a on a.tenant_id = x.tenant_id and a.id = x.id
                where a.status <> 'deleted' and (select count(*) from halted) >= 0",
            $still,
            "   order by a.id ",
            $lock,
            "), emptied as (
                delete from objects o using target t
                where o.tenant_id = t.tenant_id and o.attachment_id = t.id
                returning o.tenant_id, o.storage_key, o.size_bytes
            ), to_remove as (
                insert into removals (tenant_id, storage_key)
                select tenant_id, storage_key from emptied
                on conflict (tenant_id, storage_key) do nothing
            ), gone as (
                update attachments a
                set status = 'deleted', failure_reason = case
                        when a.expires_at <= now() then 'RETENTION_EXPIRED' else ",
            $reason,
            " end, source = null, sender_id = null, file_name = '', processing_status = null,
                    processing_error = null, updated_at = now(),
                    attempt_count = coalesce((select attempt_count from halted h
                        where h.tenant_id = t.tenant_id and h.attachment_id = t.id
                          and h.kind = 'ingest'), a.attempt_count)
                from target t where a.tenant_id = t.tenant_id and a.id = t.id
                returning a.id
            )
            select (select count(*) from wanted), (select count(*) from gone),
                (select coalesce(sum(size_bytes), 0)::bigint from emptied),
                (select coalesce(array_agg(storage_key), '{}') from emptied)"
        )
    };
}

/// `$1` tenant, `$2` id, `$3` reason.
const DELETE: &str = concat!(
    "with wanted as materialized (select $1::text as tenant_id, $2::uuid as id), ",
    deletion!("$3", "", "for update of a")
);

/// `$1` tenant, `$2` channel, `$3` reason, `$4` limit, `$5` media id.
const DELETE_SOURCE: &str = concat!(
    "with wanted as materialized (
        select tenant_id, id from attachments
        where tenant_id = $1 and channel_id = $2 and media_id = $5 and status <> 'deleted'
        order by id limit $4
    ), ",
    deletion!("$3", "", "for update of a")
);

/// Those of one group: each by a condition of its own, which has its index.
/// `$1` tenant, `$2` value, `$3` reason, `$4` limit.
macro_rules! delete_group {
    ($column:literal) => {
        concat!(
            "with wanted as materialized (
                select tenant_id, id from attachments
                where tenant_id = $1 and ",
            $column,
            " = $2 and status <> 'deleted' order by id limit $4
            ), ",
            deletion!("$3", "", "for update of a")
        )
    };
}

/// Of all tenants: `$1` limit.
const EXPIRE: &str = concat!(
    "with wanted as materialized (
        select tenant_id, id from attachments
        where expires_at <= now() and status <> 'deleted'
        order by expires_at limit $1
    ), ",
    deletion!(
        "'RETENTION_EXPIRED'",
        // In a form that no index answers: where the statistics lag behind, each
        // one would otherwise be looked for among all that have expired.
        " and (a.expires_at <= now()) is true",
        "for update of a skip locked"
    )
);

/// A webhook waits for the answer: counting ends somewhere.
macro_rules! count_deleted {
    ($column:literal) => {
        concat!(
            "select count(*) from (select from attachments where tenant_id = $1 and ",
            $column,
            " = $2 and status = 'deleted' limit 10000) as deleted"
        )
    };
}

const OF_SOURCE: &str = "
select id from attachments
where tenant_id = $1 and channel_id = $2 and media_id = $3
order by id desc limit $4";

impl Db {
    /// Deletes an attachment in whatever status it is and gives the objects
    /// that must go with it. Nothing happens to one that is deleted already,
    /// unknown, or another tenant's.
    pub async fn delete(
        &self,
        tenant: &TenantId,
        id: AttachmentId,
        cause: Cause,
    ) -> Result<Deleted, DbError> {
        let query = sqlx::query_as(DELETE)
            .bind(tenant.as_str())
            .bind(id.as_uuid())
            .bind(cause.reason().as_str());
        Ok(deleted(query.fetch_one(&self.pool).await?))
    }

    /// Deletes up to `limit` attachments of a source.
    pub async fn delete_source(
        &self,
        tenant: &TenantId,
        name: &SourceName,
        cause: Cause,
        limit: u32,
    ) -> Result<Deleted, DbError> {
        let query = sqlx::query_as(DELETE_SOURCE)
            .bind(tenant.as_str())
            .bind(name.channel.as_str())
            .bind(cause.reason().as_str())
            .bind(i64::from(limit))
            .bind(name.media_id.as_str());
        Ok(deleted(query.fetch_one(&self.pool).await?))
    }

    /// Deletes up to `limit` attachments of a group.
    pub async fn delete_group(
        &self,
        tenant: &TenantId,
        group: &Group,
        cause: Cause,
        limit: u32,
    ) -> Result<Deleted, DbError> {
        let (statement, value) = match group {
            Group::Correlation(id) => (delete_group!("correlation_id"), id.as_str()),
            Group::Message(id) => (delete_group!("message_id"), id.as_str()),
            Group::Conversation(id) => (delete_group!("conversation_id"), id.as_str()),
            Group::Sender(id) => (delete_group!("sender_id"), id.as_str()),
        };
        let query = sqlx::query_as(statement)
            .bind(tenant.as_str())
            .bind(value)
            .bind(cause.reason().as_str())
            .bind(i64::from(limit));
        Ok(deleted(query.fetch_one(&self.pool).await?))
    }

    /// Deletes attachments of any tenant whose retention has ended; gives how many.
    pub async fn expire(&self, count: u32) -> Result<u64, DbError> {
        let query = sqlx::query_as(EXPIRE).bind(i64::from(count));
        Ok(deleted(query.fetch_one(&self.pool).await?).count)
    }

    /// How many of a group are deleted, 10,000 at most. What is deleted no
    /// longer says who sent it.
    pub async fn count_deleted(&self, tenant: &TenantId, group: &Group) -> Result<u64, DbError> {
        let (statement, value) = match group {
            Group::Correlation(id) => (count_deleted!("correlation_id"), id.as_str()),
            Group::Message(id) => (count_deleted!("message_id"), id.as_str()),
            Group::Conversation(id) => (count_deleted!("conversation_id"), id.as_str()),
            Group::Sender(_) => return Ok(0),
        };
        let count: i64 = sqlx::query_scalar(statement)
            .bind(tenant.as_str())
            .bind(value)
            .fetch_one(&self.pool)
            .await?;
        Ok(count.unsigned_abs())
    }

    /// Up to `limit` attachments of a source, the newest first.
    pub async fn ids_of_source(
        &self,
        tenant: &TenantId,
        name: &SourceName,
        limit: u32,
    ) -> Result<Vec<AttachmentId>, DbError> {
        let ids: Vec<Uuid> = sqlx::query_scalar(OF_SOURCE)
            .bind(tenant.as_str())
            .bind(name.channel.as_str())
            .bind(name.media_id.as_str())
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await?;
        Ok(ids.into_iter().map(AttachmentId::from).collect())
    }
}

fn deleted((found, count, bytes, keys): (i64, i64, i64, Vec<String>)) -> Deleted {
    Deleted {
        found: found.unsigned_abs(),
        count: count.unsigned_abs(),
        bytes: bytes.unsigned_abs(),
        keys: keys.into_iter().map(StorageKey::from_stored).collect(),
    }
}
