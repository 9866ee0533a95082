//! Putting failed attachments back, and counting what there is.

use super::work::fresh_work;
use super::{Db, DbError};
use crate::attachment::redrive::{RedriveFilter, StatusUsage};
use crate::ids::{AttachmentId, ChannelId, TenantId};
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

/// One that waits for its retry only has to be told not to.
const RETRY: &str = concat!(
    "with reopened as (
        update attachments
        set status = 'open', failure_reason = null, attempt_count = 0, updated_at = now()
        where tenant_id = $1 and id = $2 and status = 'failed'
        returning id, tenant_id, max_attempts
    ), ",
    fresh_work!(),
    ", hurried as (
        update work
        set due_at = now(), attempt_count = 0, failure_reason = null, waiting_since = null,
            updated_at = now()
        where tenant_id = $1 and attachment_id = $2 and leased_by is null
          and failure_reason is not null and not exists (select 1 from reopened)
        returning attachment_id
    )
    select exists (select 1 from queued) or exists (select 1 from hurried)"
);

/// Failed attachments that match; times name when they failed.
macro_rules! matching {
    () => {
        "tenant_id = $1 and status = 'failed'
         and ($2::text is null or channel_id = $2)
         and (cardinality($3::text[]) = 0 or failure_reason = any($3))
         and ($4::timestamptz is null or updated_at >= $4)
         and ($5::timestamptz is null or updated_at < $5)"
    };
}

const COUNT_FAILED: &str = concat!("select count(*) from attachments where ", matching!());

const REDRIVE: &str = concat!(
    "with target as (
        select id from attachments where ",
    matching!(),
    " order by updated_at limit $6 for update skip locked
    ), reopened as (
        update attachments a
        set status = 'open', failure_reason = null, attempt_count = 0, updated_at = now()
        from target t where a.tenant_id = $1 and a.id = t.id
        returning a.id, a.tenant_id, a.max_attempts
    ), ",
    fresh_work!(),
    ", recorded as (
        update redrives set redriven_count = redriven_count + (select count(*) from queued)
        where tenant_id = $1 and id = $7
    )
    select count(*) from queued"
);

const USAGE: &str = "
select case when a.status <> 'open' then a.status
            when w.leased_by is not null then 'downloading'
            when w.failure_reason is not null then 'failed' else 'pending' end as status,
    count(*), coalesce(sum(a.size_bytes) filter (where a.status = 'stored'), 0)::bigint
from attachments a left join work w on w.attachment_id = a.id and w.tenant_id = a.tenant_id
where a.tenant_id = $1 group by 1 order by 1";

/// The record of one redrive.
#[derive(Debug, Clone, Copy)]
pub struct RedriveId(Uuid);

impl Db {
    /// Puts one failed attachment back with a fresh budget; false when it is
    /// not there or has not failed.
    pub async fn retry(&self, tenant: &TenantId, id: AttachmentId) -> Result<bool, DbError> {
        Ok(sqlx::query_scalar(RETRY)
            .bind(tenant.as_str())
            .bind(id.as_uuid())
            .fetch_one(&self.pool)
            .await?)
    }

    /// How many failed attachments match.
    pub async fn count_failed(
        &self,
        tenant: &TenantId,
        filter: &RedriveFilter,
    ) -> Result<u64, DbError> {
        let count: i64 = sqlx::query_scalar(COUNT_FAILED)
            .bind(tenant.as_str())
            .bind(filter.channel.as_ref().map(ChannelId::as_str))
            .bind(reason_names(filter))
            .bind(filter.failed_after)
            .bind(filter.failed_before)
            .fetch_one(&self.pool)
            .await?;
        Ok(count.unsigned_abs())
    }

    /// Writes down who is about to put back what matches, and gives the
    /// record's id.
    pub async fn begin_redrive(
        &self,
        tenant: &TenantId,
        subject: &str,
        filter: &RedriveFilter,
    ) -> Result<RedriveId, DbError> {
        let id = Uuid::now_v7();
        sqlx::query(
            "insert into redrives (id, tenant_id, subject, filter, redriven_count)
             values ($1, $2, $3, $4, 0)",
        )
        .bind(id)
        .bind(tenant.as_str())
        .bind(subject)
        .bind(Json(to_json(filter)))
        .execute(&self.pool)
        .await?;
        Ok(RedriveId(id))
    }

    /// Puts up to `limit` of those that match back and counts them in the
    /// record; gives how many.
    pub async fn redrive(
        &self,
        tenant: &TenantId,
        record: RedriveId,
        filter: &RedriveFilter,
        limit: u32,
    ) -> Result<u64, DbError> {
        let count: i64 = sqlx::query_scalar(REDRIVE)
            .bind(tenant.as_str())
            .bind(filter.channel.as_ref().map(ChannelId::as_str))
            .bind(reason_names(filter))
            .bind(filter.failed_after)
            .bind(filter.failed_before)
            .bind(i64::from(limit))
            .bind(record.0)
            .fetch_one(&self.pool)
            .await?;
        Ok(count.unsigned_abs())
    }

    /// The database's time, for what is to touch nothing that comes after it.
    pub async fn now(&self) -> Result<OffsetDateTime, DbError> {
        Ok(sqlx::query_scalar("select now()")
            .fetch_one(&self.pool)
            .await?)
    }

    /// Counts and bytes by status.
    pub async fn usage(&self, tenant: &TenantId) -> Result<Vec<StatusUsage>, DbError> {
        let rows: Vec<(String, i64, i64)> = sqlx::query_as(USAGE)
            .bind(tenant.as_str())
            .fetch_all(&self.pool)
            .await?;
        Ok(rows
            .into_iter()
            .map(|(status, count, bytes)| StatusUsage {
                status,
                count: count.unsigned_abs(),
                size_bytes: bytes.unsigned_abs(),
            })
            .collect())
    }
}

fn reason_names(filter: &RedriveFilter) -> Vec<&'static str> {
    filter
        .reasons
        .iter()
        .map(|reason| reason.as_str())
        .collect()
}

fn to_json(filter: &RedriveFilter) -> serde_json::Value {
    serde_json::json!({
        "channel_id": filter.channel.as_ref().map(ChannelId::as_str),
        "failure_reason": reason_names(filter),
        "failed_after": filter.failed_after.map(|at| at.to_string()),
        "failed_before": filter.failed_before.map(|at| at.to_string()),
    })
}
