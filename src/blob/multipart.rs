//! Large objects: put in parts, which become an object together.
//!
//! Promises: a few parts are on their way at a time and none is in memory
//! whole; the store verifies each against its SHA-256, and their bytes are
//! held against the object's before they are put together; whatever ends the
//! put half-way, its being dropped included, aborts the upload. What an abort
//! does not reach is the sweeper's.

use super::integrity::SignedBody;
use super::{BlobError, Bucket, ChecksumMode, Payload};
use crate::attachment::status::Sha256;
use crate::attachment::storage_key::StorageKey;
use crate::telemetry::Chain;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use futures::FutureExt as _;
use futures::stream::{self, TryStreamExt as _};
use sha2::Digest as _;
use tokio::runtime::Handle;
use tracing::Instrument as _;

/// The size of a part, and of the largest object that is put in one piece.
pub(super) const PART_BYTES: u64 = 8 * 1024 * 1024;
/// S3 takes no more; parts grow where there would be.
const MOST_PARTS: u64 = 10_000;
/// Parts on their way at the same time.
const IN_FLIGHT: u64 = 2;
/// Tries of a part. A large file has many, and a store that stumbles now and
/// then would never have all of them.
const PART_TRIES: u32 = 4;

/// An upload that is begun. Aborted when it is dropped before its completion.
#[derive(Debug)]
struct Upload {
    bucket: Bucket,
    key: StorageKey,
    id: String,
    is_open: bool,
}

/// A stretch of the payload with its hash.
struct Part {
    number: i32,
    offset: u64,
    len: u64,
    sha256: Sha256,
}

impl Bucket {
    pub(super) async fn put_in_parts(
        &self,
        key: &StorageKey,
        payload: Payload,
        sha256: Sha256,
        content_type: &str,
    ) -> Result<(), BlobError> {
        let upload = self.begin_upload(key, content_type).await?;
        let parts = upload.send(&payload, sha256).await?;
        upload.complete(parts, payload.len()).await
    }

    async fn begin_upload(
        &self,
        key: &StorageKey,
        content_type: &str,
    ) -> Result<Upload, BlobError> {
        let (bucket, key) = (self.clone(), key.clone());
        let request = self
            .client
            .create_multipart_upload()
            .bucket(&self.name)
            .key(key.as_str())
            .content_type(content_type)
            .set_checksum_algorithm(
                (self.checksums == ChecksumMode::Supported).then_some(ChecksumAlgorithm::Sha256),
            )
            .set_server_side_encryption(self.encryption.clone());
        let begin = async move {
            let answer = request.send().await;
            let answer = answer.map_err(|error| bucket.not_put("begin upload", error))?;
            Ok(Upload {
                bucket,
                key,
                id: answer.upload_id.ok_or(BlobError::Unavailable {
                    operation: "begin upload",
                })?,
                is_open: true,
            })
        };
        // A task of its own: it hears of the upload, and drops it, also when
        // nobody waits for it any more.
        let upload = tokio::spawn(begin.in_current_span()).await;
        upload.map_err(|_| BlobError::Unavailable {
            operation: "begin upload",
        })?
    }
}

impl Upload {
    /// Sends all parts, in order and a few at a time.
    async fn send(
        &self,
        payload: &Payload,
        sha256: Sha256,
    ) -> Result<Vec<CompletedPart>, BlobError> {
        let size = payload.len();
        let most = part_bytes(size);
        let first = (1, 0, sha2::Sha256::new());
        let hashed = stream::try_unfold(first, |(number, offset, running)| async move {
            let len = most.min(size - offset);
            if len == 0 {
                // The disk may have lost what the hash was made of.
                let is_whole = <[u8; 32]>::from(running.finalize()) == sha256.0;
                return is_whole.then_some(None).ok_or(BlobError::PayloadAltered);
            }
            let hashed = payload.hash(offset, len, running).await;
            let (part_sha256, running) = hashed.map_err(|error| {
                tracing::error!(error = %Chain(&error), "a file that waits to be put could not be read");
                BlobError::PayloadAltered
            })?;
            let part = Part {
                number,
                offset,
                len,
                sha256: Sha256(part_sha256),
            };
            Ok(Some((part, (number + 1, offset + len, running))))
        });
        let in_flight = usize::try_from(IN_FLIGHT).unwrap_or(1);
        hashed
            .map_ok(|part| self.send_part(payload, part))
            .try_buffered(in_flight)
            .try_collect()
            // Named, or the compiler does not see that it may change threads.
            .boxed()
            .await
    }

    async fn send_part(&self, payload: &Payload, part: Part) -> Result<CompletedPart, BlobError> {
        let checksum = self.bucket.checksum_header(part.sha256);
        let sent = self
            .bucket
            .client
            .upload_part()
            .bucket(&self.bucket.name)
            .key(self.key.as_str())
            .upload_id(&self.id)
            .part_number(part.number)
            .content_length(i64::try_from(part.len).unwrap_or(i64::MAX))
            .set_checksum_sha256(checksum.clone())
            .body(payload.stream(part.offset, part.len))
            .customize()
            // The others share the way with it; one that fails costs all of them.
            .config_override(
                self.bucket
                    .time_to_upload(part.len * IN_FLIGHT)
                    .retry_config(RetryConfig::standard().with_max_attempts(PART_TRIES)),
            )
            .interceptor(SignedBody::of(part.sha256))
            .send()
            .await
            .map_err(|error| self.bucket.not_put("upload part", error))?;
        Ok(CompletedPart::builder()
            .part_number(part.number)
            .set_e_tag(sent.e_tag)
            .set_checksum_sha256(checksum)
            .build())
    }

    /// Makes the parts an object, and looks whether it is as long as they are.
    async fn complete(mut self, parts: Vec<CompletedPart>, size: u64) -> Result<(), BlobError> {
        let Bucket { client, name, .. } = &self.bucket;
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(parts))
            .build();
        client
            .complete_multipart_upload()
            .bucket(name)
            .key(self.key.as_str())
            .upload_id(&self.id)
            .multipart_upload(parts)
            .customize()
            // Stores may copy all of it before they answer.
            .config_override(self.bucket.time_to_upload(size))
            .send()
            .await
            .map_err(|error| BlobError::of("complete upload", error))?;
        self.is_open = false;
        self.bucket.expect_size(&self.key, size).await
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.is_open {
            return;
        }
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let (bucket, key, id) = (self.bucket.clone(), self.key.clone(), self.id.clone());
        let abort = async move {
            // It logs its own failure; the sweeper finds what is left.
            let _ = bucket.abort_upload(&key, &id).await;
        };
        runtime.spawn(abort.in_current_span());
    }
}

/// How many bytes a part of an object of this size has.
fn part_bytes(size: u64) -> u64 {
    PART_BYTES.max(size.div_ceil(MOST_PARTS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_grow_only_where_there_would_be_too_many() {
        let most = PART_BYTES * MOST_PARTS;
        for size in [PART_BYTES + 1, most - 1, most] {
            assert_eq!(part_bytes(size), PART_BYTES, "{size}");
        }
        for size in [most + 1, 3 * most + 7] {
            let part = part_bytes(size);
            assert!(
                part > PART_BYTES && size.div_ceil(part) <= MOST_PARTS,
                "{size}"
            );
        }
    }
}
