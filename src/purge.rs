//! Deletion that was asked for: one file, or all of a group.
//!
//! Promises: deletion wins over every status, also when it comes before the
//! file does; links die with the object, and the object goes even if the
//! store is unavailable now.

use crate::attachment::Attachment;
use crate::attachment::deletion::{Cause, Group, SourceName};
use crate::attachment::storage_key::StorageKey;
use crate::blob::Bucket;
use crate::db::{Db, DbError, Deleted, Removal};
use crate::failpoint::{self, Step};
use crate::ids::{AttachmentId, TenantId};
use std::time::Duration;
use tokio::time::Instant;

/// Attachments that one statement deletes.
const BATCH: u32 = 500;

/// A caller waits for the store no longer than this: an unsent message comes
/// by way of a webhook, which has its answer within 2 s.
const PATIENCE: Duration = Duration::from_secs(1);

/// A call goes on for this long, and says whether it came to the end: its own
/// deadline is 30 s.
const LONGEST: Duration = Duration::from_secs(20);

/// Records that a deletion by source shows.
const SHOWN: u32 = 100;

/// Deletes attachments.
#[derive(Debug, Clone)]
pub struct Purge {
    db: Db,
    bucket: Bucket,
}

/// What a deletion by source did.
#[derive(Debug, Clone)]
pub struct SourceDeleted {
    /// What is deleted now, the newest first; at most 100.
    pub attachments: Vec<Attachment>,
    /// Whether all of it is deleted; else the same call goes on.
    pub is_done: bool,
}

/// What a purge did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Purged {
    /// Attachments it deleted.
    pub deleted: u64,
    /// Those of the group that were deleted before.
    pub already_deleted: u64,
    /// Stored bytes that went with them, in all renditions.
    pub bytes: u64,
    /// Whether a file of the group that comes later is deleted too.
    pub is_tombstoned: bool,
    /// Whether all of the group is deleted; else the same call goes on.
    pub is_done: bool,
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
        cause: Cause,
    ) -> Result<Attachment, PurgeError> {
        let deleted = self.db.delete(tenant, id, cause).await?;
        self.remove(tenant, &deleted.keys).await?;
        self.db
            .attachment(tenant, id)
            .await?
            .ok_or(PurgeError::NotFound)
    }

    /// Deletes all parts and occurrences of a file by its provider's name of
    /// it. One that is registered later is recorded as deleted.
    pub async fn delete_source(
        &self,
        tenant: &TenantId,
        name: &SourceName,
        cause: Cause,
    ) -> Result<SourceDeleted, PurgeError> {
        // Before what is here: whatever is registered meanwhile meets it.
        self.db.put_source_tombstone(tenant, name, cause).await?;
        let step = || self.db.delete_source(tenant, name, cause, BATCH);
        let Purged { is_done, .. } = self.delete_all(tenant, step).await?;
        let ids = self.db.ids_of_source(tenant, name, SHOWN).await?;
        let mut found = self.db.attachments(tenant, &ids).await?;
        let attachments = ids.iter().filter_map(|id| found.remove(id)?.ok());
        Ok(SourceDeleted {
            attachments: attachments.collect(),
            is_done,
        })
    }

    /// Deletes a whole group. Whatever ends it half-way, the same call goes
    /// on. A file of a purged message that comes later is deleted too.
    pub async fn purge(
        &self,
        tenant: &TenantId,
        group: &Group,
        cause: Cause,
    ) -> Result<Purged, PurgeError> {
        if let Group::Message(message) = group {
            self.db
                .put_message_tombstone(tenant, message, cause)
                .await?;
        }
        let already_deleted = self.db.count_deleted(tenant, group).await?;
        let step = || self.db.delete_group(tenant, group, cause, BATCH);
        Ok(Purged {
            already_deleted,
            is_tombstoned: matches!(group, Group::Message(_)),
            ..self.delete_all(tenant, step).await?
        })
    }

    /// Repeats a step until it finds nothing more, or its time is up.
    async fn delete_all<F>(
        &self,
        tenant: &TenantId,
        step: impl Fn() -> F,
    ) -> Result<Purged, PurgeError>
    where
        F: Future<Output = Result<Deleted, DbError>>,
    {
        let began = Instant::now();
        let mut purged = Purged::default();
        while began.elapsed() < LONGEST {
            let deleted = step().await?;
            // Another call may have deleted all that this step found, and not
            // what comes after it.
            if deleted.found == 0 {
                purged.is_done = true;
                break;
            }
            purged.deleted += deleted.count;
            purged.bytes += deleted.bytes;
            self.remove(tenant, &deleted.keys).await?;
            failpoint::reach(Step::Purged).await;
        }
        Ok(purged)
    }

    async fn remove(&self, tenant: &TenantId, keys: &[StorageKey]) -> Result<(), DbError> {
        if keys.is_empty() {
            return Ok(());
        }
        // The store logs its own failure; what is not gone is the sweeper's,
        // and no caller waits for a store that says nothing.
        let gone = self.bucket.delete(keys, PATIENCE).await;
        failpoint::reach(Step::Removing).await;
        let gone = gone.into_iter().map(|key| Removal {
            tenant: tenant.to_string(),
            key,
        });
        self.db.forget_removals(&gone.collect::<Vec<_>>()).await
    }
}
