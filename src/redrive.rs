//! Putting attachments back with a fresh budget, one or many, to be judged anew.
//!
//! Promises: only what ended is put back; each act on many is recorded with
//! who did it and by what filter, and a repeat of the call goes on where the
//! first one ended.

use crate::attachment::Attachment;
use crate::attachment::redrive::{RedriveFilter, RedriveRecord, Revived};
use crate::attachment::status::AttachmentStatus;
use crate::db::{Db, DbError};
use crate::failpoint::{self, Step};
use crate::ids::{AttachmentId, TenantId};
use crate::queue::Queue;
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// Attachments that one statement puts back.
const BATCH: u32 = 500;

/// Puts attachments back.
#[derive(Debug, Clone)]
pub struct Redrive {
    db: Db,
    ingest: Queue,
    content: Queue,
    max_files_per_message: u16,
}

/// How far a redrive has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Attachments that matched when this call began.
    pub matched: u64,
    /// Attachments that were put back so far, by this call and those it repeats.
    pub redriven: u64,
    /// Whether all that matched were put back.
    pub is_done: bool,
    /// Its record.
    pub id: Uuid,
}

/// Nothing was put back.
#[derive(Debug, thiserror::Error)]
pub enum RedriveError {
    /// The tenant has no such attachment.
    #[error("there is no such attachment")]
    NotFound,
    /// It is in a status from which nothing is put back, or breaks a rule that
    /// needs no download to be known.
    #[error("the attachment cannot be put back")]
    NotRetryable(AttachmentStatus),
    /// The request id is that of a redrive with another filter.
    #[error("the request id is that of a redrive with another filter")]
    OtherFilter,
    /// The database failed.
    #[error("the attachments could not be put back")]
    Database(#[from] DbError),
}

impl Redrive {
    /// Prepares to put back. A message may have so many files where its channel
    /// and its tenant say nothing else.
    #[must_use]
    pub fn new(db: Db, ingest: Queue, content: Queue, max_files_per_message: u16) -> Self {
        Self {
            db,
            ingest,
            content,
            max_files_per_message,
        }
    }

    /// Puts one attachment back and gives its record as it is now.
    pub async fn retry(
        &self,
        tenant: &TenantId,
        id: AttachmentId,
    ) -> Result<Attachment, RedriveError> {
        let before = self.attachment(tenant, id).await?;
        let overrides = self.db.limits(tenant, &before.channel).await?;
        let max_files = overrides
            .max_files_per_message
            .unwrap_or(self.max_files_per_message);
        let put_back = self.db.retry(tenant, id, max_files).await?;
        let attachment = self.attachment(tenant, id).await?;
        if !put_back {
            return Err(RedriveError::NotRetryable(attachment.status));
        }
        self.ingest.ring();
        Ok(attachment)
    }

    async fn attachment(
        &self,
        tenant: &TenantId,
        id: AttachmentId,
    ) -> Result<Attachment, RedriveError> {
        let found = self.db.attachment(tenant, id).await?;
        found.ok_or(RedriveError::NotFound)
    }

    /// How many attachments match.
    pub async fn count(
        &self,
        tenant: &TenantId,
        filter: &RedriveFilter,
    ) -> Result<u64, RedriveError> {
        let max_files = self.max_files_of(tenant).await?;
        Ok(self.db.count_redrivable(tenant, filter, max_files).await?)
    }

    /// Puts back all that match and had ended when it began, for as long as
    /// `longest` where that is given; `report` hears how far it is. A call with
    /// the request id of an earlier one goes on with that; it must have the
    /// same filter.
    pub async fn redrive(
        &self,
        tenant: &TenantId,
        subject: &str,
        request_id: Option<&str>,
        filter: &RedriveFilter,
        longest: Option<Duration>,
        mut report: impl FnMut(Progress) + Send,
    ) -> Result<Progress, RedriveError> {
        let began = Instant::now();
        let max_files = self.max_files_of(tenant).await?;
        // Written down before anything is done: a caller may hang up half way.
        let record = self
            .db
            .begin_redrive(tenant, subject, request_id, filter)
            .await?;
        if record.filter != *filter {
            return Err(RedriveError::OtherFilter);
        }
        // What fails again while this runs must not be put back again.
        let to_come = RedriveFilter {
            ended_before: Some(record.began_before),
            ..record.filter.clone()
        };
        let mut progress = Progress {
            matched: self
                .db
                .count_redrivable(tenant, &to_come, max_files)
                .await?,
            redriven: record.redriven,
            is_done: false,
            id: record.id,
        };
        let mut last = None;
        while longest.is_none_or(|longest| began.elapsed() < longest) {
            report(progress);
            let batch = self
                .db
                .redrive(tenant, &record, max_files, last, BATCH)
                .await?;
            if batch.count == 0 && last.take().is_some() {
                // Those that somebody held when it was their turn.
                continue;
            }
            if batch.count == 0 {
                progress.is_done = true;
                break;
            }
            last = batch.last;
            progress.redriven += batch.count;
            self.ring_for(&record);
            failpoint::reach(Step::Redriven).await;
        }
        tracing::info!(tenant.id = %tenant, redriven = progress.redriven, "redriven");
        Ok(progress)
    }

    /// At most `limit` redrives of a tenant, newest first, of those before `before`.
    pub async fn redrives(
        &self,
        tenant: &TenantId,
        before: Option<Uuid>,
        limit: u16,
    ) -> Result<Vec<RedriveRecord>, RedriveError> {
        Ok(self.db.redrives(tenant, before, limit).await?)
    }

    fn ring_for(&self, record: &RedriveRecord) {
        match record.filter.revived {
            Revived::Files(_) => self.ingest.ring(),
            Revived::Content => self.content.ring(),
        }
    }

    /// Of channels that set no limit of their own.
    async fn max_files_of(&self, tenant: &TenantId) -> Result<u16, RedriveError> {
        let record = self.db.tenant(tenant).await?;
        let decided = record.and_then(|record| record.policy.limits.max_files_per_message);
        Ok(decided.unwrap_or(self.max_files_per_message))
    }
}
