//! Deletion that was asked for.
//!
//! Promises: deletion wins over every status, links die with the object, and
//! the object goes even if the store is away now.

use crate::attachment::Attachment;
use crate::attachment::failure::FailureReason;
use crate::blob::Bucket;
use crate::db::{Db, DbError};
use crate::ids::{AttachmentId, TenantId};

/// Deletes attachments.
#[derive(Debug, Clone)]
pub struct Purge {
    db: Db,
    bucket: Bucket,
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
        if let Some(key) = doomed
            && let Ok(gone) = self.bucket.delete(&[key]).await
        {
            self.db.forget_doomed(&gone).await?;
        }
        self.db
            .attachment(tenant, id)
            .await?
            .ok_or(PurgeError::NotFound)
    }
}
