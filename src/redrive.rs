//! Putting failed attachments back with a fresh budget, one or many.
//!
//! Promises: only what failed is put back; each act on many is recorded with
//! who did it and by what filter.

use crate::attachment::Attachment;
use crate::attachment::redrive::RedriveFilter;
use crate::attachment::status::AttachmentStatus;
use crate::db::{Db, DbError};
use crate::failpoint::{self, Step};
use crate::ids::{AttachmentId, TenantId};
use crate::queue::Queue;

/// Attachments that one statement puts back.
const BATCH: u32 = 500;

/// Puts failed attachments back.
#[derive(Debug, Clone)]
pub struct Redrive {
    db: Db,
    queue: Queue,
}

/// How far a redrive has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Attachments that matched when it began.
    pub matched: u64,
    /// Attachments that were put back so far.
    pub redriven: u64,
}

/// Nothing was put back.
#[derive(Debug, thiserror::Error)]
pub enum RedriveError {
    /// The tenant has no such attachment.
    #[error("there is no such attachment")]
    NotFound,
    /// It has not failed.
    #[error("the attachment has not failed")]
    NotFailed(AttachmentStatus),
    /// The database failed.
    #[error("the attachments could not be put back")]
    Database(#[from] DbError),
}

impl Redrive {
    /// Prepares to put back.
    #[must_use]
    pub fn new(db: Db, queue: Queue) -> Self {
        Self { db, queue }
    }

    /// Puts one failed attachment back and gives its record as it is now.
    pub async fn retry(
        &self,
        tenant: &TenantId,
        id: AttachmentId,
    ) -> Result<Attachment, RedriveError> {
        let put_back = self.db.retry(tenant, id).await?;
        let attachment = self
            .db
            .attachment(tenant, id)
            .await?
            .ok_or(RedriveError::NotFound)?;
        if !put_back {
            return Err(RedriveError::NotFailed(attachment.status));
        }
        self.queue.ring();
        Ok(attachment)
    }

    /// How many failed attachments match.
    pub async fn count(
        &self,
        tenant: &TenantId,
        filter: &RedriveFilter,
    ) -> Result<u64, RedriveError> {
        Ok(self.db.count_failed(tenant, filter).await?)
    }

    /// Puts back all that match and had failed by now; `report` hears how far it is.
    pub async fn redrive(
        &self,
        tenant: &TenantId,
        subject: &str,
        filter: &RedriveFilter,
        mut report: impl FnMut(Progress) + Send,
    ) -> Result<Progress, RedriveError> {
        // What fails again while this runs must not be put back again.
        let now = self.db.now().await?;
        let failed_before = Some(filter.failed_before.map_or(now, |before| before.min(now)));
        let filter = RedriveFilter {
            failed_before,
            ..filter.clone()
        };
        let mut progress = Progress {
            matched: self.db.count_failed(tenant, &filter).await?,
            redriven: 0,
        };
        // Written down before anything is done: a caller may hang up half way.
        let record = self.db.begin_redrive(tenant, subject, &filter).await?;
        loop {
            report(progress);
            let redriven = self.db.redrive(tenant, record, &filter, BATCH).await?;
            if redriven == 0 {
                break;
            }
            progress.redriven += redriven;
            self.queue.ring();
            failpoint::reach(Step::Redriven).await;
        }
        tracing::info!(tenant.id = %tenant, redriven = progress.redriven, "redriven");
        Ok(progress)
    }
}
