//! What an object holds now: its bytes counted and hashed, none of them kept.

use super::{BlobError, Bucket};
use crate::attachment::status::Sha256;
use crate::attachment::storage_key::StorageKey;
use sha2::Digest as _;

impl Bucket {
    /// Reads all of an object; gives its size in bytes and its checksum.
    pub async fn digest(&self, key: &StorageKey) -> Result<(u64, Sha256), BlobError> {
        let response = self
            .client
            .get_object()
            .bucket(&self.name)
            .key(key.as_str())
            .send()
            .await
            .map_err(|error| BlobError::of("get", error))?;
        let promised = response.content_length().map(i64::unsigned_abs);
        let mut body = response.body;
        let (mut size, mut hash) = (0, sha2::Sha256::new());
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|_| BlobError::Cut)?;
            size += piece.len() as u64;
            hash.update(&piece);
        }
        if promised.is_some_and(|promised| promised != size) {
            return Err(BlobError::Truncated);
        }
        Ok((size, Sha256(hash.finalize().into())))
    }
}
