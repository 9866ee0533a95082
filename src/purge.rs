//! Deletion that was asked for: one file, or all of a group.
//!
//! Promises: deletion wins over every status, also when it comes before the
//! file does; links die with the object, and the object goes even if the
//! store is away now.

use crate::attachment::Attachment;
use crate::attachment::deletion::{Group, SourceName};
use crate::attachment::failure::FailureReason;
use crate::attachment::storage_key::StorageKey;
use crate::blob::Bucket;
use crate::db::{Db, DbError};
use crate::failpoint::{self, Step};
use crate::ids::{AttachmentId, TenantId};
use std::time::Duration;

/// Attachments that one statement deletes.
const BATCH: u32 = 500;

/// A caller waits for the store no longer than this: an unsent message comes
/// by way of a webhook, which has its answer within 2 s.
const PATIENCE: Duration = Duration::from_secs(1);

/// Deletes attachments.
#[derive(Debug, Clone)]
pub struct Purge {
    db: Db,
    bucket: Bucket,
}

/// What a purge did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Purged {
    /// Attachments it deleted.
    pub deleted: u64,
    /// Those of the group that were deleted before.
    pub already_deleted: u64,
    /// Stored bytes that went with them.
    pub bytes: u64,
}

/// An attachment was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum PurgeError {
    /// The tenant has no such attachment.
    #[error("there is no such attachment")]
    NotFound,
    /// The database failed.
    #[error("the deletion could not be written")]
    Database(#[from] DbError),
}

impl Purge {
    /// Prepares to delete.
    #[must_use]
    pub fn new(db: Db, bucket: Bucket) -> Self {
        Self { db, bucket }
    }

    /// Deletes one attachment and gives its record as it is now. The row goes
    /// first; an object that cannot be removed now is removed by the sweeper.
    pub async fn delete(
        &self,
        tenant: &TenantId,
        id: AttachmentId,
    ) -> Result<Attachment, PurgeError> {
        let doomed = self
            .db
            .delete(tenant, id, FailureReason::DeleteRequested)
            .await?;
        if let Some(key) = doomed {
            self.remove(&[key]).await?;
        }
        self.db
            .attachment(tenant, id)
            .await?
            .ok_or(PurgeError::NotFound)
    }

    /// Deletes a file by its provider's name of it; gives its record if it is
    /// here. One that is registered later is recorded as deleted.
    pub async fn delete_source(
        &self,
        tenant: &TenantId,
        name: &SourceName,
    ) -> Result<Option<Attachment>, PurgeError> {
        match self.db.bury(tenant, name).await? {
            Some(id) => self.delete(tenant, id).await.map(Some),
            None => Ok(None),
        }
    }

    /// Deletes a whole group. Whatever ends it half-way, the same call goes on.
    pub async fn purge(&self, tenant: &TenantId, group: &Group) -> Result<Purged, PurgeError> {
        let mut purged = Purged {
            already_deleted: self.db.count_deleted(tenant, group).await?,
            ..Purged::default()
        };
        loop {
            let step = self.db.delete_group(tenant, group, BATCH).await?;
            if step.count == 0 {
                return Ok(purged);
            }
            purged.deleted += step.count;
            purged.bytes += step.bytes;
            self.remove(&step.keys).await?;
            failpoint::reach(Step::Purged).await;
        }
    }

    async fn remove(&self, keys: &[StorageKey]) -> Result<(), DbError> {
        // The store logs its own failure; what is not gone is the sweeper's,
        // and no caller waits for a store that says nothing.
        let gone = self.bucket.delete(keys, PATIENCE).await;
        failpoint::reach(Step::Removing).await;
        self.db.forget_doomed(&gone).await
    }
}
