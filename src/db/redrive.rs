//! Putting many attachments back, on the record.

use super::listing::reason_names;
use super::requeue::{fresh_work, may_be_judged_anew};
use super::{Db, DbError, to_smallint};
use crate::attachment::failure::FailureReason;
use crate::attachment::redrive::{RedriveFilter, RedriveRecord, Revivable, Revived};
use crate::ids::{AttachmentId, ChannelId, TenantId};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

/// Those that ended in `$3` and match; times name when they ended. `$7` is how
/// many files a message may have, where its channel says nothing else.
macro_rules! matching_files {
    () => {
        concat!(
            "a.tenant_id = $1 and a.status = any($3)
             and ($2::text is null or a.channel_id = $2)
             and (cardinality($4::text[]) = 0 or a.failure_reason = any($4))
             and ($5::timestamptz is null or a.updated_at >= $5)
             and ($6::timestamptz is null or a.updated_at < $6)
             and a.expires_at <= now() is not true
             and ",
            may_be_judged_anew!(
                "coalesce((select (limits->>'max_files_per_message')::smallint from channels c
                    where c.tenant_id = a.tenant_id and c.channel_id = a.channel_id), $7)",
                " or other.id < a.id"
            )
        )
    };
}

/// Stored ones whose content is not being made right now. Times name when the
/// record last changed.
macro_rules! matching_content {
    () => {
        "a.tenant_id = $1 and a.status = 'stored' and $3::text[] is not null and $7::smallint is not null
         and a.processing_status is distinct from 'open'
         and ($2::text is null or a.channel_id = $2)
         and cardinality($4::text[]) = 0
         and ($5::timestamptz is null or a.updated_at >= $5)
         and ($6::timestamptz is null or a.updated_at < $6)
         and a.expires_at <= now() is not true"
    };
}

const COUNT_FILES: &str = concat!(
    "select count(*) from attachments a where ",
    matching_files!()
);
const COUNT_CONTENT: &str = concat!(
    "select count(*) from attachments a where ",
    matching_content!()
);

/// What is in `queued` counts for the record `$9`.
macro_rules! recorded {
    ($last:literal) => {
        concat!(
            ", recorded as (
                update redrives set redriven_count = redriven_count + (select count(*) from queued)
                where tenant_id = $1 and id = $9
            )
            select count(*), ",
            $last,
            " from queued"
        )
    };
}

const REDRIVE_FILES: &str = concat!(
    "with target as (
        select a.id from attachments a where ",
    matching_files!(),
    " order by a.updated_at limit $8 for update of a skip locked
    ), reopened as (
        update attachments a
        set status = 'open', failure_reason = null, attempt_count = 0, updated_at = now()
        from target t where a.tenant_id = $1 and a.id = t.id
        returning a.id, a.tenant_id, a.channel_id, a.max_attempts
    ), ",
    fresh_work!("ingest"),
    recorded!("null::uuid")
);

/// What is put back stays stored: the next ones are behind the last, `$10`, or
/// each batch would look through all that went before.
const REDRIVE_CONTENT: &str = concat!(
    "with target as (
        select a.id from attachments a where ",
    matching_content!(),
    " and a.id > $10 order by a.id limit $8 for update of a skip locked
    ), reopened as (
        update attachments a
        set processing_status = 'open', processing_error = null, updated_at = now()
        from target t where a.tenant_id = $1 and a.id = t.id
        returning a.id, a.tenant_id, a.channel_id, a.max_attempts
    ), ",
    fresh_work!("content"),
    recorded!("(select id from target order by id desc limit 1)")
);

/// A repeat with the same request id finds the first one's record, also where
/// that was written a moment ago: the update changes nothing.
const BEGIN: &str = "
insert into redrives as r (tenant_id, id, request_id, subject, filter, began_before, redriven_count)
values ($1, $2, $3, $4, $5, least($6, now()), 0)
on conflict (tenant_id, request_id) do update set request_id = r.request_id
returning id, request_id, subject, filter, began_before, redriven_count, created_at";

const LIST: &str = "
select id, request_id, subject, filter, began_before, redriven_count, created_at from redrives
where tenant_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3";

/// A filter as it is on record. Fields may be added, never renamed.
#[derive(Debug, Serialize, Deserialize)]
struct FilterJson {
    #[serde(default)]
    content: bool,
    #[serde(default)]
    statuses: Vec<String>,
    channel_id: Option<String>,
    #[serde(default)]
    failure_reasons: Vec<String>,
    #[serde(with = "time::serde::rfc3339::option", default)]
    ended_after: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option", default)]
    ended_before: Option<OffsetDateTime>,
}

#[derive(Debug, sqlx::FromRow)]
struct RedriveRow {
    id: Uuid,
    request_id: Option<String>,
    subject: String,
    filter: Json<FilterJson>,
    began_before: OffsetDateTime,
    redriven_count: i64,
    created_at: OffsetDateTime,
}

/// What one statement put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redriven {
    /// How many.
    pub count: u64,
    /// The last one, where the next batch is to go on behind it.
    pub last: Option<AttachmentId>,
}

impl Db {
    /// How many attachments match. `max_files` is the limit of messages whose
    /// channel sets none.
    pub async fn count_redrivable(
        &self,
        tenant: &TenantId,
        filter: &RedriveFilter,
        max_files: u16,
    ) -> Result<u64, DbError> {
        let statement = match &filter.revived {
            Revived::Files(_) => COUNT_FILES,
            Revived::Content => COUNT_CONTENT,
        };
        let count: i64 = sqlx::query_scalar(statement)
            .bind(tenant.as_str())
            .bind(filter.channel.as_ref().map(ChannelId::as_str))
            .bind(status_names(&filter.revived))
            .bind(reason_names(&filter.reasons))
            .bind(filter.ended_after)
            .bind(filter.ended_before)
            .bind(to_smallint(max_files))
            .fetch_one(&self.pool)
            .await?;
        Ok(count.unsigned_abs())
    }

    /// Writes down who is about to put back what matches. With a request id
    /// that was given before, that one's record is found instead.
    pub async fn begin_redrive(
        &self,
        tenant: &TenantId,
        subject: &str,
        request_id: Option<&str>,
        filter: &RedriveFilter,
    ) -> Result<RedriveRecord, DbError> {
        let row: RedriveRow = sqlx::query_as(BEGIN)
            .bind(tenant.as_str())
            .bind(Uuid::now_v7())
            .bind(request_id)
            .bind(subject)
            .bind(Json(FilterJson::from(filter)))
            .bind(filter.ended_before)
            .fetch_one(&self.pool)
            .await?;
        row.try_into()
    }

    /// Puts up to `limit` of those that match back, those behind the `last` of
    /// the batch before, and counts them in the record.
    pub async fn redrive(
        &self,
        tenant: &TenantId,
        record: &RedriveRecord,
        max_files: u16,
        last: Option<AttachmentId>,
        limit: u32,
    ) -> Result<Redriven, DbError> {
        let filter = &record.filter;
        let statement = match &filter.revived {
            Revived::Files(_) => REDRIVE_FILES,
            Revived::Content => REDRIVE_CONTENT,
        };
        let query = sqlx::query_as(statement)
            .bind(tenant.as_str())
            .bind(filter.channel.as_ref().map(ChannelId::as_str))
            .bind(status_names(&filter.revived))
            .bind(reason_names(&filter.reasons))
            .bind(filter.ended_after)
            .bind(record.began_before)
            .bind(to_smallint(max_files))
            .bind(i64::from(limit))
            .bind(record.id);
        let query = match &filter.revived {
            Revived::Files(_) => query,
            Revived::Content => query.bind(last.map_or(Uuid::nil(), AttachmentId::as_uuid)),
        };
        let (count, last): (i64, Option<Uuid>) = query.fetch_one(&self.pool).await?;
        Ok(Redriven {
            count: count.unsigned_abs(),
            last: last.map(AttachmentId::from),
        })
    }

    /// How many a redrive has put back so far.
    pub async fn redriven(&self, tenant: &TenantId, id: Uuid) -> Result<u64, DbError> {
        let query = "select redriven_count from redrives where tenant_id = $1 and id = $2";
        let count: i64 = sqlx::query_scalar(query)
            .bind(tenant.as_str())
            .bind(id)
            .fetch_one(&self.pool)
            .await?;
        Ok(count.unsigned_abs())
    }

    /// At most `limit` redrives of a tenant, newest first, of those before `before`.
    pub async fn redrives(
        &self,
        tenant: &TenantId,
        before: Option<Uuid>,
        limit: u16,
    ) -> Result<Vec<RedriveRecord>, DbError> {
        let rows: Vec<RedriveRow> = sqlx::query_as(LIST)
            .bind(tenant.as_str())
            .bind(before)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await?;
        rows.into_iter().map(RedriveRecord::try_from).collect()
    }
}

fn status_names(revived: &Revived) -> Vec<&'static str> {
    match revived {
        Revived::Files(statuses) => statuses.iter().map(|s| s.name().as_str()).collect(),
        Revived::Content => Vec::new(),
    }
}

impl From<&RedriveFilter> for FilterJson {
    fn from(filter: &RedriveFilter) -> Self {
        let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        Self {
            content: filter.revived == Revived::Content,
            statuses: owned(status_names(&filter.revived)),
            channel_id: filter.channel.as_ref().map(ToString::to_string),
            failure_reasons: owned(reason_names(&filter.reasons)),
            ended_after: filter.ended_after,
            ended_before: filter.ended_before,
        }
    }
}

impl TryFrom<RedriveRow> for RedriveRecord {
    type Error = DbError;

    fn try_from(row: RedriveRow) -> Result<Self, DbError> {
        let wrong = |what: &str| DbError::inconsistent("redrives", row.id, what.to_owned());
        let FilterJson {
            content,
            statuses,
            channel_id,
            failure_reasons,
            ended_after,
            ended_before,
        } = row.filter.0;
        let revived = if content {
            Revived::Content
        } else {
            let known = Revivable::ALL.into_iter();
            let named = |name: &String| known.clone().find(|s| s.name().as_str() == name);
            let statuses: Option<_> = statuses.iter().map(named).collect();
            Revived::Files(statuses.ok_or_else(|| wrong("status"))?)
        };
        let reasons: Result<_, _> = failure_reasons
            .iter()
            .map(|reason| reason.parse::<FailureReason>())
            .collect();
        Ok(Self {
            id: row.id,
            request_id: row.request_id,
            subject: row.subject,
            filter: RedriveFilter {
                revived,
                channel: channel_id
                    .map(|id| id.parse())
                    .transpose()
                    .map_err(|_| wrong("channel"))?,
                reasons: reasons.map_err(|_| wrong("reason"))?,
                ended_after,
                ended_before,
            },
            redriven: row.redriven_count.unsigned_abs(),
            began_before: row.began_before,
            created_at: row.created_at,
        })
    }
}
