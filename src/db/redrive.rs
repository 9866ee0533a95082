//! Putting many failed attachments back, on the record.

use super::requeue::fresh_work;
use super::{Db, DbError};
use crate::attachment::redrive::RedriveFilter;
use crate::ids::{ChannelId, TenantId};
use sqlx::types::Json;
use uuid::Uuid;

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

/// The record of one redrive.
#[derive(Debug, Clone, Copy)]
pub struct RedriveId(Uuid);

impl Db {
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
