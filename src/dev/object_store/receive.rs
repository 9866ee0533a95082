//! A body on its way in: streamed to a file and hashed, then held against
//! everything the client declared. Only what agrees may become visible.

use super::checksums::{self, Checksums};
use super::layout::IncomingFile;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures::StreamExt as _;
use http::HeaderMap;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::StreamingBlob;
use s3s::{S3Error, S3ErrorCode, S3Result, TrailingHeaders, s3_error};
use tokio::io::{AsyncWriteExt as _, BufWriter};

/// Bytes gathered before they are handed to the disk.
const WRITE_BUFFER_BYTES: usize = 256 * 1024;

/// What a client sends and says about it.
pub(super) struct Delivery {
    pub(super) body: Option<StreamingBlob>,
    /// The headers of the request: checksums, or the promise of a trailer.
    pub(super) headers: HeaderMap,
    /// Filled once the body has been read.
    pub(super) trailers: Option<TrailingHeaders>,
    /// Of the decoded body.
    pub(super) content_length: Option<i64>,
    /// In base64.
    pub(super) content_md5: Option<String>,
}

/// Bytes that came whole and as declared. They go when this is dropped.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) file: IncomingFile,
    pub(super) size: u64,
    pub(super) md5: [u8; 16],
    pub(super) checksums: Checksums,
}

/// Takes a delivery in.
pub(super) async fn receive(delivery: Delivery, file: IncomingFile) -> S3Result<Received> {
    let mut hasher = checksums::hasher(&delivery.headers);
    let mut md5 = Md5::new();
    let mut size: u64 = 0;

    let writer = tokio::fs::File::create(file.path())
        .await
        .map_err(S3Error::internal_error)?;
    let mut writer = BufWriter::with_capacity(WRITE_BUFFER_BYTES, writer);
    if let Some(mut body) = delivery.body {
        while let Some(chunk) = body.next().await {
            let chunk =
                chunk.map_err(|error| S3Error::with_source(S3ErrorCode::IncompleteBody, error))?;
            md5.update(&chunk);
            hasher.update(&chunk);
            size += chunk.len() as u64;
            writer
                .write_all(&chunk)
                .await
                .map_err(S3Error::internal_error)?;
        }
    }
    writer.flush().await.map_err(S3Error::internal_error)?;

    let length = delivery.content_length.map(u64::try_from);
    if length.is_some_and(|length| length != Ok(size)) {
        return Err(s3_error!(IncompleteBody));
    }
    let md5 = md5.finalize();
    if let Some(declared) = delivery.content_md5 {
        let declared = BASE64_STANDARD
            .decode(declared)
            .map_err(|error| s3_error!(error, InvalidDigest))?;
        if declared != md5 {
            return Err(s3_error!(BadDigest, "Content-MD5 does not match the body"));
        }
    }
    let mut declared = Checksums::declared(&delivery.headers);
    if let Some(trailers) = delivery.trailers.and_then(|trailers| trailers.take()) {
        declared.merge(Checksums::declared(&trailers));
    }
    let checksums = Checksums::from(hasher.finalize());
    if !declared.agree_with(&checksums) {
        return Err(s3_error!(BadDigest, "checksum does not match the body"));
    }
    Ok(Received {
        file,
        size,
        md5,
        checksums,
    })
}
