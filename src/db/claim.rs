//! Claiming: due rows become attempts, each under a lease and a fence.

use super::row::{self, AttachmentRow, attachment_columns};
use super::{Db, DbError, to_seconds};
use crate::attachment::failure::FailureReason;
use crate::attachment::slots::Room;
use crate::attachment::status::Attempt;
use crate::attachment::storage_key::StorageKey;
use crate::attachment::work::WorkKind;
use crate::attachment::{Attachment, Origin};
use crate::telemetry::Chain;
use std::time::Duration;

/// Who claims, and for how long.
#[derive(Debug, Clone)]
pub struct Lease {
    /// The worker's name; new for every process.
    pub worker: String,
    /// The kind of work it is for.
    pub work: WorkKind,
    /// How long a claim holds without being renewed.
    pub length: Duration,
}

/// One round of claims: whose turn it is, and how much each may take.
#[derive(Debug, Clone)]
pub struct Round {
    /// Rows to claim at most.
    pub count: u32,
    /// Rows of one tenant at most.
    pub per_tenant: u32,
    /// The tenant that was served last; empty at first.
    pub after: String,
    /// Whether the oldest come first, rather than the quick kinds.
    pub oldest_first: bool,
    /// Channels that hold as many slots go by lot; this makes the lots differ.
    pub lot: i64,
    /// How many slots each may have.
    pub room: Room,
    /// Age from which an object that was announced and not settled is removed.
    pub orphaned_after: Duration,
}

/// Tenants take turns: the round begins behind the one that was served last
/// and gives each so many rows at most, and no more than it has room for.
/// Within a tenant the channels take turns, and within a channel the quick kinds
/// come first in every other round, the oldest in the others.
const CLAIM: &str = concat!(
    include_str!("claim.sql"),
    "select ",
    attachment_columns!(),
    ", k.fence, k.attempt_count as claim_count, storage_key(a.retention, a.tenant_id,
        coalesce(a.correlation_id, a.message_id), a.id, k.fence, a.file_name) as attempt_key,
        coalesce(extract(epoch from now() - k.waiting_since), 0)::float8 as waited_seconds
    from claimed k cross join lateral (select * from attachments x
        where x.tenant_id = k.tenant_id and x.id = k.attachment_id) a
    left join objects o on o.tenant_id = a.tenant_id and o.attachment_id = a.id
        and o.rendition = 'original'
    left join lateral (select k.* where k.kind = 'ingest') w on true
    left join lateral (select k.* where k.kind = 'content') c on true
    order by k.position"
);

/// What waited and has its time now becomes ready. The used up are the
/// sweeper's to end.
const MAKE_READY: &str = "
with due as materialized (
    select tenant_id, attachment_id, kind from work
    where not ready and kind = $1 and due_at <= now() and attempt_count < max_attempts
    order by due_at limit $2 for update skip locked
), made as (
    update work w set ready = true from due d
    where w.tenant_id = d.tenant_id and w.attachment_id = d.attachment_id and w.kind = d.kind
    returning w.attachment_id
)
select exists (select 1 from made) or exists (select 1 from work where ready and kind = $1),
    -- Whose lock is free is gone, or about to show again that it lives.
    array(select worker from workers where worker <> $3
        and pg_try_advisory_xact_lock_shared(hashtextextended(worker, 0))),
    -- Not `min`: where the statistics know of no row that is due later, all of
    -- them would be looked through for it.
    (select extract(epoch from due_at - now())::float8 from work
     where not ready and kind = $1 and due_at > now() order by due_at limit 1)";

/// What there is to claim, now and next.
#[derive(Debug, Clone)]
pub struct Due {
    /// There is something that may be claimed.
    pub ready: bool,
    /// Workers that give no sign of life.
    pub silent: Vec<String>,
    /// When the next that waits falls due, in time from now; `None` when none waits.
    pub next_in: Option<Duration>,
}

#[derive(Debug, sqlx::FromRow)]
struct ClaimRow {
    #[sqlx(flatten)]
    attachment: AttachmentRow,
    fence: i64,
    claim_count: i16,
    attempt_key: String,
    waited_seconds: f64,
}

impl Db {
    /// Claims attachments that are ready, of the tenants whose turn it is: the
    /// queue serves all of them, and everything that follows names the row's own.
    /// The object that an attempt may put is announced with the claim.
    pub async fn claim(&self, lease: &Lease, round: &Round) -> Result<Vec<Attempt>, DbError> {
        let room = &round.room;
        let rows = sqlx::query(CLAIM)
            .bind(&lease.worker)
            .bind(to_seconds(lease.length))
            .bind(i64::from(round.count))
            .bind(&round.after)
            .bind(to_int(round.per_tenant))
            .bind(round.oldest_first)
            .bind(lease.work.as_str())
            .bind(column(&room.tenants, |held| held.tenant.as_str()))
            .bind(column(&room.tenants, |held| to_int(held.more)))
            .bind(to_int(room.of_another_tenant))
            .bind(column(&room.channels, |held| held.tenant.as_str()))
            .bind(column(&room.channels, |held| held.channel.as_str()))
            .bind(column(&room.channels, |held| to_int(held.running)))
            .bind(column(&room.channels, |held| to_int(held.more)))
            .bind(to_int(room.of_another_channel))
            .bind(round.lot)
            .bind(to_seconds(round.orphaned_after))
            .fetch_all(&self.pool)
            .await?;
        // A row that cannot be read costs its own attempts, not those of the
        // rows that were claimed with it.
        Ok(rows
            .iter()
            .filter_map(|row| {
                row::read::<ClaimRow, Option<Attempt>>(row)
                    .inspect_err(|error| tracing::error!(error = %Chain(error), "a claimed row cannot be read"))
                    .ok()
                    .flatten()
            })
            .collect())
    }

    /// Makes what has its time now ready to be claimed, up to `limit` of it, and
    /// looks who is silent.
    pub async fn make_ready(&self, lease: &Lease, limit: u32) -> Result<Due, DbError> {
        let (ready, silent, seconds): (bool, Vec<String>, Option<f64>) = sqlx::query_as(MAKE_READY)
            .bind(lease.work.as_str())
            .bind(i64::from(limit))
            .bind(&lease.worker)
            .fetch_one(&self.pool)
            .await?;
        let next_in = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        Ok(Due {
            ready,
            silent,
            next_in,
        })
    }
}

fn column<'a, T, C>(held: &'a [T], of: impl Fn(&'a T) -> C) -> Vec<C> {
    held.iter().map(of).collect()
}

fn to_int(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// `None` where its retention has ended: the sweeper will delete it.
impl TryFrom<ClaimRow> for Option<Attempt> {
    type Error = DbError;

    fn try_from(row: ClaimRow) -> Result<Self, DbError> {
        let attachment = Attachment::try_from(row.attachment)?;
        let reason = attachment.status.reason();
        if reason == Some(FailureReason::RetentionExpired) {
            return Ok(None);
        }
        let Origin::Known { source, .. } = &attachment.origin else {
            let what = "claimed although it is deleted".to_owned();
            return Err(DbError::inconsistent("attachments", attachment.id, what));
        };
        Ok(Some(Attempt {
            source: source.clone(),
            key: StorageKey::from_stored(row.attempt_key),
            attachment,
            fence: row.fence,
            attempt_count: row.claim_count.unsigned_abs(),
            waited: Duration::try_from_secs_f64(row.waited_seconds).unwrap_or_default(),
        }))
    }
}
