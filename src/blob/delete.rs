//! Deleting objects, many at a time.

use super::{BlobError, Bucket};
use crate::attachment::storage_key::StorageKey;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use std::collections::HashSet;

impl Bucket {
    /// Deletes objects; those that are not there count as deleted. Gives the
    /// keys that are gone now, as the store's answer has it: what it does not
    /// name as deleted is not.
    pub async fn delete(&self, keys: &[StorageKey]) -> Result<Vec<StorageKey>, BlobError> {
        let mut gone = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(1000) {
            let identifiers = chunk
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
                .send()
                .await
                .map_err(|error| BlobError::of("delete", error))?;
            if let Some(refusal) = response.errors().first() {
                tracing::warn!(
                    s3.code = refusal.code(),
                    count = response.errors().len(),
                    "object storage kept objects that were to be deleted"
                );
            }
            let deleted: HashSet<_> = response
                .deleted()
                .iter()
                .filter_map(|deleted| deleted.key())
                .collect();
            gone.extend(
                chunk
                    .iter()
                    .filter(|key| deleted.contains(key.as_str()))
                    .cloned(),
            );
        }
        Ok(gone)
    }
}
