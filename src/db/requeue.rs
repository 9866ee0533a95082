//! Back into the queue, with a fresh budget: what is judged anew, what was
//! parked for want of a credential, and what lost its work.

use super::{Db, DbError, to_seconds, to_smallint};
use crate::ids::{AttachmentId, ChannelId, TenantId};
use std::time::Duration;
use time::OffsetDateTime;

/// Work of one kind for the attachments in the CTE `reopened`, with a fresh
/// budget. The fence goes on from the journal, so no old worker can pass it.
/// Work that a hand left there makes way.
macro_rules! fresh_work {
    ($kind:literal) => {
        concat!(
            "queued as (
                insert into work (tenant_id, attachment_id, kind, channel_id, max_attempts, fence)
                select r.tenant_id, r.id, '",
            $kind,
            "', r.channel_id, r.max_attempts,
                    coalesce((select max(fence) from attempts j where j.tenant_id = r.tenant_id
                        and j.attachment_id = r.id and j.kind = '",
            $kind,
            "'), 0)
                from reopened r
                on conflict (tenant_id, attachment_id, kind) do update
                set fence = greatest(work.fence, excluded.fence) + 1, attempt_count = 0,
                    leased_by = null, started_at = null, failure_reason = null,
                    waiting_since = null, ready = true, due_at = now(), updated_at = now()
                returning attachment_id
            )"
        )
    };
}
pub(super) use fresh_work;

/// What is put back to be judged anew, of `attachments a`: what a message has
/// too many of only once there is room for it. `$room` is the parameter that
/// says how many files a message may have; `$or_before` names those among the
/// too many that are put back before this one and take its room.
macro_rules! may_be_judged_anew {
    ($room:literal, $or_before:literal) => {
        concat!(
            "a.status in ('failed', 'rejected', 'unsupported')
             and (a.failure_reason <> 'TOO_MANY_FILES' or (
                select count(*) from attachments other
                where other.tenant_id = a.tenant_id and other.message_id = a.message_id
                  and other.channel_id = a.channel_id and other.id <> a.id
                  and (other.failure_reason is distinct from 'TOO_MANY_FILES'",
            $or_before,
            ")) < ",
            $room,
            ")"
        )
    };
}
pub(super) use may_be_judged_anew;

/// One that waits for its retry only has to be told not to.
const RETRY: &str = concat!(
    "with reopened as (
        update attachments a
        set status = 'open', failure_reason = null, attempt_count = 0, updated_at = now()
        where a.tenant_id = $1 and a.id = $2
          and a.expires_at <= now() is not true and ",
    may_be_judged_anew!("$3::smallint", ""),
    "   returning a.id, a.tenant_id, a.channel_id, a.max_attempts
    ), ",
    fresh_work!("ingest"),
    ", hurried as (
        update work
        set ready = true, due_at = now(), attempt_count = 0, failure_reason = null,
            waiting_since = null,
            updated_at = now()
        where tenant_id = $1 and attachment_id = $2 and kind = 'ingest' and leased_by is null
          and failure_reason is not null and not exists (select 1 from reopened)
          and not exists (select 1 from attachments a where a.tenant_id = $1 and a.id = $2
            and a.expires_at <= now())
        returning attachment_id
    )
    select exists (select 1 from queued) or exists (select 1 from hurried)"
);

/// As the index has it; what is deleted by its age stays so.
macro_rules! is_parked {
    () => {
        "a.status = 'failed' and a.failure_reason in
            ('SOURCE_AUTH_FAILED', 'SOURCE_SCOPE_MISSING', 'CREDENTIAL_MISSING')
         and a.expires_at <= now() is not true"
    };
}

/// What is in `parked`, open again.
macro_rules! reopened {
    () => {
        "reopened as (
            update attachments a
            set status = 'open', failure_reason = null, attempt_count = 0, updated_at = now()
            from parked p where a.tenant_id = p.tenant_id and a.id = p.id
            returning a.id, a.tenant_id, a.channel_id, a.max_attempts
        )"
    };
}

/// Attachments that failed before `$4` for want of a credential.
const RESUME: &str = concat!(
    "with parked as (
        select tenant_id, id from attachments a
        where tenant_id = $1 and channel_id = $2 and updated_at < $4 and ",
    is_parked!(),
    "   limit $3 for update skip locked
    ), ",
    reopened!(),
    ", ",
    fresh_work!("ingest"),
    " select count(*) from queued"
);

/// Attachments that were parked by an attempt which knew the channel as it was
/// before its credential was good. Looked for on the day of that only, and among
/// what was parked since `$2` only, unless the credential is as new itself.
const RESUME_LATE: &str = concat!(
    "with parked as (
        select a.tenant_id, a.id from channels c
        join attachments a on a.tenant_id = c.tenant_id and a.channel_id = c.channel_id
        where c.credential_since > now() - interval '1 day' and ",
    is_parked!(),
    "     and a.updated_at >= case when c.credential_since >= $2 then '-infinity' else $2 end
          and c.credential_since > coalesce((
            select credential_seen from attempts t where t.tenant_id = a.tenant_id
              and t.attachment_id = a.id and t.kind = 'ingest'
            order by fence desc limit 1), '-infinity')
        limit $1 for update of a skip locked
    ), ",
    reopened!(),
    ", ",
    fresh_work!("ingest"),
    " select (select count(*) from queued), now()"
);

/// What was parked late and is put back.
#[derive(Debug, Clone, Copy)]
pub struct Late {
    /// How many were.
    pub count: u64,
    /// When it was looked for them, by the database's clock.
    pub looked_at: OffsetDateTime,
}

/// Open work whose row was removed by hand or by a bad restore. It gets a
/// fresh budget: it was not its attempts that lost it. The fence of an attempt
/// that ran is unknown; the journalled one and a thousand are taken to exceed it.
macro_rules! requeue_lost {
    ($kind:literal, $is_open:literal) => {
        concat!(
            "insert into work (tenant_id, attachment_id, kind, channel_id, max_attempts, fence)
            select a.tenant_id, a.id, '",
            $kind,
            "', a.channel_id, a.max_attempts, 1000 + coalesce((select max(fence) from attempts j
                where j.tenant_id = a.tenant_id and j.attachment_id = a.id and j.kind = '",
            $kind,
            "'), 0)
            from attachments a
            where ",
            $is_open,
            " and a.created_at < now() - make_interval(secs => $1)
              and not exists (select 1 from work w where w.tenant_id = a.tenant_id
                and w.attachment_id = a.id and w.kind = '",
            $kind,
            "')
            limit $2
            for update of a skip locked
            on conflict do nothing"
        )
    };
}
const REQUEUE_LOST: [&str; 2] = [
    requeue_lost!("ingest", "a.status = 'open'"),
    requeue_lost!("content", "a.processing_status = 'open'"),
];

impl Db {
    /// Puts one failed, rejected or unsupported attachment back with a fresh
    /// budget; false when it is not there, in another status, or one too many
    /// in a message that may have `max_files`.
    pub async fn retry(
        &self,
        tenant: &TenantId,
        id: AttachmentId,
        max_files: u16,
    ) -> Result<bool, DbError> {
        Ok(sqlx::query_scalar(RETRY)
            .bind(tenant.as_str())
            .bind(id.as_uuid())
            .bind(to_smallint(max_files))
            .fetch_one(&self.pool)
            .await?)
    }

    /// Puts up to `count` attachments of a channel back that failed before
    /// `parked_before` for want of a valid credential; gives how many.
    pub async fn resume_channel(
        &self,
        tenant: &TenantId,
        id: &ChannelId,
        parked_before: OffsetDateTime,
        count: u32,
    ) -> Result<u64, DbError> {
        let count: i64 = sqlx::query_scalar(RESUME)
            .bind(tenant.as_str())
            .bind(id.as_str())
            .bind(i64::from(count))
            .bind(parked_before)
            .fetch_one(&self.pool)
            .await?;
        Ok(count.unsigned_abs())
    }

    /// Puts up to `count` attachments of any tenant back that were parked
    /// before their channel's credential was good. Nothing is looked at that
    /// was parked before `since`, unless the credential came later.
    pub async fn resume_late(
        &self,
        since: Option<OffsetDateTime>,
        count: u32,
    ) -> Result<Late, DbError> {
        let (count, looked_at): (i64, OffsetDateTime) = sqlx::query_as(RESUME_LATE)
            .bind(i64::from(count))
            .bind(since.unwrap_or(OffsetDateTime::UNIX_EPOCH))
            .fetch_one(&self.pool)
            .await?;
        Ok(Late {
            count: count.unsigned_abs(),
            looked_at,
        })
    }

    /// Puts work back for open attachments older than `grace` that have none;
    /// gives how much.
    pub async fn requeue_lost(&self, grace: Duration, count: u32) -> Result<u64, DbError> {
        let mut requeued = 0;
        for statement in REQUEUE_LOST {
            let query = sqlx::query(statement)
                .bind(to_seconds(grace))
                .bind(i64::from(count));
            requeued += query.execute(&self.pool).await?.rows_affected();
        }
        Ok(requeued)
    }
}
