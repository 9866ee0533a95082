//! Putting an object whole; one that is large goes in parts.

use super::integrity::SignedBody;
use super::{BlobError, Bucket, Payload, multipart};
use crate::attachment::status::Sha256;
use crate::attachment::storage_key::StorageKey;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use bytes::Bytes;
use sha2::Digest as _;
use std::time::Duration;

/// An upload that is slower than this, in bytes a second, is given up.
const SLOWEST_UPLOAD: u64 = 512 * 1024;

impl Bucket {
    /// Puts an object, in parts where it is large. The store verifies its
    /// bytes before the object is visible. Dropping this may leave the object
    /// there or not, and no part of it.
    pub async fn put(
        &self,
        key: &StorageKey,
        payload: Payload,
        sha256: Sha256,
        content_type: &str,
    ) -> Result<(), BlobError> {
        let size = payload.len();
        if size > multipart::PART_BYTES {
            let put = self.put_in_parts(key, payload, sha256, content_type);
            return Box::pin(put).await;
        }
        let checksum = self.checksum_header(sha256);
        let answer = self
            .client
            .put_object()
            .bucket(&self.name)
            .key(key.as_str())
            .content_length(i64::try_from(size).unwrap_or(i64::MAX))
            .content_type(content_type)
            .set_checksum_sha256(checksum.clone())
            .set_server_side_encryption(self.encryption.clone())
            .body(payload.stream(0, size))
            .customize()
            .config_override(self.time_to_upload(size))
            .interceptor(SignedBody::of(sha256))
            .send()
            .await
            .map_err(|error| self.not_put("put", error))?;
        match (answer.checksum_sha256(), checksum) {
            (Some(verified), Some(sent)) if *verified == sent => Ok(()),
            (Some(_), Some(_)) => Err(BlobError::Altered),
            // The store was told of no checksum, or took no notice.
            (_, None) | (None, _) => Box::pin(self.expect_size(key, size)).await,
        }
    }

    /// Whether the store accepts any object: puts a few bytes under `key`, in
    /// place of the object that it refused. A store may answer for its bucket
    /// and accept none: a full disk, a quota, a policy.
    pub async fn accepts_probe(&self, key: &StorageKey) -> bool {
        let bytes = Bytes::from_static(b"Does the store accept this?");
        let sha256 = Sha256(sha2::Sha256::digest(&bytes).into());
        let put = self.put(key, Payload::Memory(bytes), sha256, "text/plain");
        put.await.is_ok()
    }

    /// Looks whether an object that was just put is as long as what was sent.
    pub(super) async fn expect_size(&self, key: &StorageKey, size: u64) -> Result<(), BlobError> {
        match self.size(key).await? {
            Some(stored) if stored == size => Ok(()),
            _ => Err(BlobError::Truncated),
        }
    }

    /// The SDK's read time-out counts from the first byte that is sent to the
    /// first that comes back, so the whole upload falls into it.
    pub(super) fn time_to_upload(&self, size: u64) -> aws_sdk_s3::config::Builder {
        let upload = Duration::from_secs(size / SLOWEST_UPLOAD);
        aws_sdk_s3::Config::builder().timeout_config(
            TimeoutConfig::builder()
                .read_timeout(self.operation_timeout + upload)
                .build(),
        )
    }
}
