//! Claiming: due rows become attempts, each under a lease and a fence.

use super::row::{self, AttachmentRow, attachment_columns};
use super::{Db, DbError, to_seconds};
use crate::attachment::Attachment;
use crate::attachment::status::Attempt;
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

/// Tenants take turns: the round begins behind the one that was served last
/// (`$4`) and gives each at most `$5` rows, and no more than leaves it `$6`
/// running here. Attempts whose lease has run out do not count as running.
/// Within a tenant the quick kinds come first, but for every other round
/// (`$7`), which takes the oldest, so that nothing starves.
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
    pub async fn claim(&self, lease: &Lease, turn: &Turn) -> Result<Vec<Attempt>, DbError> {
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
}

impl TryFrom<ClaimRow> for Attempt {
    type Error = DbError;

    fn try_from(row: ClaimRow) -> Result<Self, DbError> {
        Ok(Self {
            attachment: Attachment::try_from(row.attachment)?,
            fence: row.fence,
            waited: Duration::try_from_secs_f64(row.waited_seconds).unwrap_or_default(),
        })
    }
}
