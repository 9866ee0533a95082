//! The queue's statements: claim under a lease, renew it, settle under a fence.

use super::registration::ended_column;
use super::row::{self, AttachmentRow, attachment_columns};
use super::{Db, DbError, to_bigint, to_seconds};
use crate::attachment::Attachment;
use crate::attachment::journal::Trace;
use crate::attachment::status::{Attempt, Outcome, Settlement};
use crate::ids::AttachmentId;
use std::time::Duration;

/// Who claims, and for how long.
#[derive(Debug, Clone)]
pub struct Lease {
    /// The worker's name; new for every process.
    pub worker: String,
    /// How long a claim holds without being renewed.
    pub length: Duration,
}

/// Whose turn it is, and how much each may take.
#[derive(Debug, Clone)]
pub struct Turn {
    /// Rows to claim at most.
    pub count: u32,
    /// Rows of one tenant at most.
    pub per_tenant: u32,
    /// Attempts of one tenant that this worker may run at the same time.
    pub tenant_cap: u32,
    /// The tenant that was served last; empty at first.
    pub after: String,
    /// Whether the oldest come first, rather than the quick kinds.
    pub oldest_first: bool,
}

/// A claimed attempt.
#[derive(Debug)]
pub struct Claim {
    /// What to do.
    pub attempt: Attempt,
}

/// Tenants take turns: the round begins behind the one that was served last
/// (`$4`) and gives each at most `$5` rows, and no more than leaves it `$6`
/// running here: what it lost, such as a claim whose answer never came, does
/// not count, or nobody would ever take it up again. Within a tenant the quick kinds come first, but for every
/// other round (`$7`), which takes the oldest, so that nothing starves.
///
/// The array keeps the plan on the primary key whatever the planner thinks of
/// the limits. An expired lease is a due row like any other; that its holder
/// never settled is written to the journal here.
const CLAIM: &str = concat!(
    "with recursive behind as (
        (select tenant_id from work where tenant_id > $4 order by tenant_id limit 1)
        union all
        select (select w.tenant_id from work w where w.tenant_id > b.tenant_id
                order by w.tenant_id limit 1)
        from behind b where b.tenant_id is not null
    ), before as (
        (select tenant_id from work where tenant_id <= $4 order by tenant_id limit 1)
        union all
        select (select w.tenant_id from work w where w.tenant_id > b.tenant_id
                and w.tenant_id <= $4 order by w.tenant_id limit 1)
        from before b where b.tenant_id is not null
    ), due as (
        select picked.attachment_id, turn.position
        from (
            select tenant_id, row_number() over () as position from (
                select tenant_id from behind where tenant_id is not null
                union all select tenant_id from before where tenant_id is not null) as round
        ) as turn
        cross join lateral (
            select count(*) as running from work r
            where r.leased_by = $1 and r.tenant_id = turn.tenant_id and r.due_at > now()
        ) as busy
        cross join lateral (
            select candidate.attachment_id
            from (values (0), (1), (2), (3)) as kinds(priority)
            cross join lateral (
                select w.attachment_id, w.priority, w.due_at from work w
                where w.tenant_id = turn.tenant_id and w.priority = kinds.priority
                  and w.due_at <= now() and w.attempt_count < w.max_attempts
                order by w.due_at limit $5 for update skip locked
            ) as candidate
            order by case when $7 then 0 else candidate.priority end, candidate.due_at
            limit least($5, greatest($6 - busy.running, 0))
        ) as picked
        where (select exists (select 1 from work w where w.due_at <= now()
                                and w.attempt_count < w.max_attempts))
        limit $3
    ), claimed as (
        update work w
        set fence = w.fence + 1, attempt_count = w.attempt_count + 1, leased_by = $1,
            started_at = now(), due_at = now() + make_interval(secs => $2), updated_at = now()
        from work previous
        where w.attachment_id = any(array(select attachment_id from due))
          and previous.attachment_id = w.attachment_id
        returning w.*, previous.leased_by as left_by, previous.started_at as left_started_at
    ), abandoned as (
        insert into attempts (attachment_id, fence, tenant_id, started_at, failure_reason,
            worker, detail)
        select attachment_id, fence - 1, tenant_id, left_started_at, 'INTERRUPTED', left_by,
            'the worker died or lost its lease'
        from claimed where left_by is not null
        on conflict do nothing
    )
    select ",
    attachment_columns!(),
    ", w.fence,
        coalesce(extract(epoch from now() - w.waiting_since), 0)::float8 as waited_seconds
    from claimed w
    join attachments a on a.tenant_id = w.tenant_id and a.id = w.attachment_id
    join due on due.attachment_id = w.attachment_id
    order by due.position"
);

const RENEW: &str = "
update work set due_at = now() + make_interval(secs => $3)
where attachment_id = $1 and fence = $2 and leased_by is not null";

/// Work for the attachments in the CTE `reopened`, with a fresh budget. The
/// fence goes on from the journal, so no old worker can pass it. Work that a
/// hand left there makes way.
macro_rules! fresh_work {
    () => {
        "queued as (
            insert into work (attachment_id, tenant_id, max_attempts, fence)
            select r.id, r.tenant_id, r.max_attempts,
                coalesce((select max(fence) from attempts where attachment_id = r.id), 0)
            from reopened r
            on conflict (attachment_id) do update
            set fence = greatest(work.fence, excluded.fence) + 1, attempt_count = 0,
                leased_by = null, started_at = null, failure_reason = null,
                waiting_since = null, due_at = now(), updated_at = now()
            returning attachment_id
        )"
    };
}
pub(super) use fresh_work;

/// What each settlement writes to the journal, from `mine`.
macro_rules! journal_entry {
    ($reason:literal) => {
        concat!(
            "entry as (
                insert into attempts (attachment_id, fence, tenant_id, started_at, failure_reason,
                    worker, detail, provider_request_id, provider_status, received_bytes,
                    fetch_ms, store_ms, credential_seen)
                select attachment_id, fence, tenant_id, started_at, ",
            $reason,
            ", leased_by, $4, $5, $6, $7, $8, $9, $10
                from mine
                on conflict do nothing
            )"
        )
    };
}

/// The announcement goes only with a record that holds the object.
const SETTLE_STORED: &str = concat!(
    "with mine as (
        delete from work
        where attachment_id = $2 and tenant_id = $1 and fence = $3 and leased_by is not null
        returning *
    ), ",
    journal_entry!("null"),
    ", stored as (
        update attachments a
        set status = 'stored', failure_reason = null, attempt_count = mine.attempt_count,
            storage_key = $11, content_type = $12, size_bytes = $13, checksum_sha256 = $14,
            stored_at = now(), updated_at = now()
        from mine
        where a.tenant_id = mine.tenant_id and a.id = mine.attachment_id and a.status = 'open'
        returning a.id
    ), kept as (
        delete from removals r using stored where r.storage_key = $11
    )
    select id from stored"
);

const SETTLE_ENDED: &str = concat!(
    "with mine as (
        delete from work
        where attachment_id = $2 and tenant_id = $1 and fence = $3 and leased_by is not null
        returning *
    ), ",
    journal_entry!("$11"),
    " update attachments a
    set status = $12, failure_reason = $11, attempt_count = mine.attempt_count, updated_at = now(),
        file_name = case when $12 = 'deleted' then '' else a.file_name end
    from mine
    where a.tenant_id = mine.tenant_id and a.id = mine.attachment_id and a.status = 'open'"
);

/// Whatever puts a file off unspent stops the clock of a provider that still
/// prepares it, and does not set it back: nothing may wait for ever.
const SETTLE_RETRY: &str = concat!(
    "with mine as (
        select * from work
        where attachment_id = $2 and tenant_id = $1 and fence = $3 and leased_by is not null
        for update
    ), ",
    journal_entry!("$11"),
    " update work w
    set leased_by = null, started_at = null, failure_reason = $11, updated_at = now(),
        due_at = now() + make_interval(secs => $12),
        attempt_count = w.attempt_count - (case when $13 then 0 else 1 end),
        waiting_since = case when $11 = 'SOURCE_NOT_READY' then coalesce(w.waiting_since, now())
            when not $13 then w.waiting_since + make_interval(secs => $12) end
    from mine where w.attachment_id = mine.attachment_id"
);

#[derive(Debug, sqlx::FromRow)]
struct ClaimRow {
    #[sqlx(flatten)]
    attachment: AttachmentRow,
    fence: i64,
    waited_seconds: f64,
}

impl Db {
    /// Claims attachments that are due, of the tenants whose turn it is: the
    /// queue serves all of them, and everything that follows names the row's own.
    pub async fn claim(&self, lease: &Lease, turn: &Turn) -> Result<Vec<Claim>, DbError> {
        let rows = sqlx::query(CLAIM)
            .bind(&lease.worker)
            .bind(to_seconds(lease.length))
            .bind(i64::from(turn.count))
            .bind(&turn.after)
            .bind(i64::from(turn.per_tenant))
            .bind(i64::from(turn.tenant_cap))
            .bind(turn.oldest_first)
            .fetch_all(&self.pool)
            .await?;
        // A row that cannot be read costs its own attempts, not those of the
        // rows that were claimed with it.
        Ok(rows
            .iter()
            .filter_map(|row| {
                row::read::<ClaimRow, _>(row)
                    .inspect_err(|error| tracing::error!(%error, "a claimed row cannot be read"))
                    .ok()
            })
            .collect())
    }

    /// When the next row falls due, in time from now; `None` when none waits.
    pub async fn next_due_in(&self) -> Result<Option<Duration>, DbError> {
        let seconds: Option<f64> = sqlx::query_scalar(
            "select greatest(extract(epoch from min(due_at) - now()), 0)::float8 from work
             where due_at > now()",
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()))
    }

    /// Renews the lease; false when it is lost.
    pub async fn renew(
        &self,
        id: AttachmentId,
        fence: i64,
        length: Duration,
    ) -> Result<bool, DbError> {
        let result = sqlx::query(RENEW)
            .bind(id.as_uuid())
            .bind(fence)
            .bind(to_seconds(length))
            .execute(&self.pool)
            .await?;
        Ok(result.rows_affected() == 1)
    }

    /// Writes how an attempt ended; false when its fence no longer holds, and
    /// then nothing is changed.
    pub async fn settle(&self, settlement: &Settlement, trace: &Trace) -> Result<bool, DbError> {
        let statement = match &settlement.outcome {
            Outcome::Stored(_) => SETTLE_STORED,
            Outcome::Ended(_) => SETTLE_ENDED,
            Outcome::RetryAfter { .. } => SETTLE_RETRY,
        };
        let query = sqlx::query(statement)
            .bind(settlement.attachment.tenant.as_str())
            .bind(settlement.attachment.id.as_uuid())
            .bind(settlement.fence)
            .bind(&trace.detail)
            .bind(&trace.provider_request_id)
            .bind(trace.provider_status.map(super::to_smallint))
            .bind(to_bigint(trace.received_bytes))
            .bind(to_milliseconds(trace.fetch))
            .bind(to_milliseconds(trace.store))
            .bind(trace.credential_seen);
        let query = match &settlement.outcome {
            Outcome::Stored(object) => query
                .bind(object.key.as_str())
                .bind(object.media_type.mime())
                .bind(to_bigint(object.size_bytes))
                .bind(object.sha256.0),
            Outcome::Ended(reason) => query.bind(reason.as_str()).bind(ended_column(*reason)),
            Outcome::RetryAfter {
                reason,
                wait,
                spent,
            } => query
                .bind(reason.as_str())
                .bind(to_seconds(*wait))
                .bind(*spent),
        };
        Ok(query.execute(&self.pool).await?.rows_affected() == 1)
    }
}

impl TryFrom<ClaimRow> for Claim {
    type Error = DbError;

    fn try_from(row: ClaimRow) -> Result<Self, DbError> {
        Ok(Self {
            attempt: Attempt {
                attachment: Attachment::try_from(row.attachment)?,
                fence: row.fence,
                waited: Duration::try_from_secs_f64(row.waited_seconds).unwrap_or_default(),
            },
        })
    }
}

fn to_milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
