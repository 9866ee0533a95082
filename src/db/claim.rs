//! Claiming: due rows become attempts, each under a lease and a fence.

use super::row::{self, AttachmentRow, attachment_columns};
use super::{Db, DbError, to_seconds};
use crate::attachment::failure::FailureReason;
use crate::attachment::status::Attempt;
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
/// and gives each so many rows at most, and no more than leave it so many
/// running here. Within a tenant the quick kinds come first in every other
/// round, the oldest in the others.
const CLAIM: &str = concat!(
    include_str!("claim.sql"),
    "select ",
    attachment_columns!(),
    ", k.fence, k.attempt_count as claim_count,
        coalesce(extract(epoch from now() - k.waiting_since), 0)::float8 as waited_seconds
    from claimed k cross join lateral (select * from attachments x
        where x.tenant_id = k.tenant_id and x.id = k.attachment_id) a
    left join objects o on o.tenant_id = a.tenant_id and o.attachment_id = a.id
        and o.rendition = 'original'
    left join lateral (select k.* where k.kind = 'ingest') w on true
    left join lateral (select k.* where k.kind = 'content') c on true
    order by k.position"
);

#[derive(Debug, sqlx::FromRow)]
struct ClaimRow {
    #[sqlx(flatten)]
    attachment: AttachmentRow,
    fence: i64,
    claim_count: i16,
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
            .bind(lease.work.as_str())
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

    /// When the next row falls due, in time from now; `None` when none waits.
    pub async fn next_due_in(&self, work: WorkKind) -> Result<Option<Duration>, DbError> {
        // Not `min`: where the statistics know of no row that is due later,
        // all of them would be looked through for it.
        let seconds: Option<f64> = sqlx::query_scalar(
            "select extract(epoch from due_at - now())::float8 from work
             where kind = $1 and due_at > now() order by due_at limit 1",
        )
        .bind(work.as_str())
        .fetch_optional(&self.pool)
        .await?;
        Ok(seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()))
    }
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
            attachment,
            fence: row.fence,
            attempt_count: row.claim_count.unsigned_abs(),
            waited: Duration::try_from_secs_f64(row.waited_seconds).unwrap_or_default(),
        }))
    }
}
