//! Deleting objects: many at a time, or one by one where a store has no way to
//! delete many.
//!
//! Promises: an object counts as gone only if the store said so of its key.

use super::{BlobError, Bucket};
use crate::attachment::storage_key::StorageKey;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use futures::stream::{self, StreamExt as _};
use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// `DeleteObjects` takes no more keys.
const MOST_AT_ONCE: usize = 1000;
/// Objects that are deleted one by one, at the same time.
const IN_FLIGHT: usize = 16;

impl Bucket {
    /// Deletes objects for as long as `patience`; those that are not there
    /// count as deleted. Gives the keys that are gone by then. The store's
    /// failures are logged here.
    pub async fn delete(&self, keys: &[StorageKey], patience: Duration) -> Vec<StorageKey> {
        let end = Instant::now() + patience;
        let mut gone = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(MOST_AT_ONCE) {
            if !self.deletes_singly.load(Ordering::Relaxed) {
                match timeout_at(end, self.delete_many(chunk)).await {
                    Ok(Ok(deleted)) => {
                        gone.extend(deleted);
                        continue;
                    }
                    Ok(Err(BlobError::Refused { .. } | BlobError::Unsupported { .. })) => {}
                    // Unavailable, or too slow.
                    Ok(Err(_)) | Err(_) => return gone,
                }
            }
            let deleted = self.delete_singly(chunk, end).await;
            if !deleted.is_empty() && !self.deletes_singly.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    "object storage refuses to delete many objects at once; this process \
                     deletes them one by one from now on"
                );
            }
            gone.extend(deleted);
        }
        gone
    }

    /// What the answer does not name as deleted is not.
    async fn delete_many(&self, keys: &[StorageKey]) -> Result<Vec<StorageKey>, BlobError> {
        let identifiers = keys
            .iter()
            .filter_map(|key| ObjectIdentifier::builder().key(key.as_str()).build().ok())
            .collect();
        let delete = Delete::builder()
            .set_objects(Some(identifiers))
            .build()
            .map_err(|_| BlobError::Refused {
                operation: "delete",
            })?;
        let response = self
            .client
            .delete_objects()
            .bucket(&self.name)
            .delete(delete)
            .customize()
            .interceptor(self.content_md5())
            .send()
            .await
            .map_err(|error| BlobError::of("delete", error))?;
        if let Some(refusal) = response.errors().first() {
            tell_kept(response.errors().len(), refusal.code());
        }
        let deleted: HashSet<_> = response
            .deleted()
            .iter()
            .filter_map(|deleted| deleted.key())
            .collect();
        let is_deleted = |key: &&StorageKey| deleted.contains(key.as_str());
        Ok(keys.iter().filter(is_deleted).cloned().collect())
    }

    /// Goes on after a refusal, which may be about one object, and ends when
    /// the store is unavailable.
    async fn delete_singly(&self, keys: &[StorageKey], end: Instant) -> Vec<StorageKey> {
        let mut deletions = stream::iter(keys.to_vec())
            .map(|key| async move {
                let deleted = self.delete_one(&key).await;
                (key, deleted)
            })
            .buffer_unordered(IN_FLIGHT)
            // Named, or the compiler does not see that it may change threads.
            .boxed();
        let (mut gone, mut kept, mut code) = (Vec::new(), 0, None);
        while let Ok(Some((key, deleted))) = timeout_at(end, deletions.next()).await {
            match deleted {
                Ok(()) => gone.push(key),
                Err(Kept::Refused(why)) => {
                    kept += 1;
                    code = why;
                }
                Err(Kept::Unavailable) => break,
            }
        }
        if kept > 0 {
            tell_kept(kept, code.as_deref());
        }
        gone
    }

    async fn delete_one(&self, key: &StorageKey) -> Result<(), Kept> {
        let deleted = self
            .client
            .delete_object()
            .bucket(&self.name)
            .key(key.as_str())
            .send()
            .await;
        match deleted {
            Ok(_) => Ok(()),
            // S3 itself calls it deleted.
            Err(error) if error.code() == Some("NoSuchKey") => Ok(()),
            Err(error) => {
                let code = error.code().map(str::to_owned);
                // One line for all of them is enough.
                match BlobError::kind("delete", &error) {
                    BlobError::Refused { .. } | BlobError::Unsupported { .. } => {
                        Err(Kept::Refused(code))
                    }
                    _ => {
                        BlobError::of("delete", error);
                        Err(Kept::Unavailable)
                    }
                }
            }
        }
    }
}

/// Why an object was not deleted.
enum Kept {
    /// By the store's word, with its code.
    Refused(Option<String>),
    /// It does not answer as it should, and would not for the next.
    Unavailable,
}

fn tell_kept(count: usize, code: Option<&str>) {
    tracing::warn!(
        s3.code = code,
        count,
        "object storage kept objects that were to be deleted"
    );
}
