//! What a request says of its body, so that the store can refuse another one.
//!
//! Promises: the signature of every put and part covers the SHA-256 of its
//! bytes, whichever checksum headers the store takes.

use super::{BlobError, Bucket, ChecksumMode};
use crate::attachment::status::Sha256;
use aws_runtime::auth::PayloadSigningOverride;
use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::{BoxError, ProvideErrorMetadata, SdkError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use md5::{Digest as _, Md5};
use std::error::Error;

impl Bucket {
    /// The value of `x-amz-checksum-sha256`, unless the store is to be spared it.
    pub(super) fn checksum_header(&self, sha256: Sha256) -> Option<String> {
        (self.checksums == ChecksumMode::Supported).then(|| BASE64.encode(sha256.0))
    }

    /// What became of a request that carries a checksum in mode `supported`;
    /// tells the operator what helps where the store may have refused just that.
    pub(super) fn not_put<E>(&self, operation: &'static str, error: SdkError<E>) -> BlobError
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let status = error.raw_response().map(|answer| answer.status().as_u16());
        let is_about_bytes = error.code() == Some("BadDigest");
        let error = BlobError::of(operation, error);
        if self.checksums == ChecksumMode::Supported
            && matches!(status, Some(400 | 501))
            && !is_about_bytes
        {
            tracing::warn!(
                s3.operation = operation,
                "if this object storage takes no checksum headers, \
                 set s3.checksum_mode = \"off\""
            );
        }
        error
    }

    /// For the operations that have to prove a small body of theirs.
    pub(super) fn content_md5(&self) -> ContentMd5 {
        ContentMd5 {
            stands_alone: self.checksums == ChecksumMode::Off,
        }
    }
}

/// Signs a body by its SHA-256, which is known, so that it is not hashed once
/// more. A store that checks signatures refuses other bytes.
#[derive(Debug)]
pub(super) struct SignedBody(Sha256);

impl SignedBody {
    pub(super) fn of(sha256: Sha256) -> Self {
        Self(sha256)
    }
}

impl Intercept for SignedBody {
    fn name(&self) -> &'static str {
        "SignedBody"
    }

    fn modify_before_signing(
        &self,
        _: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let known = PayloadSigningOverride::Precomputed(hex::encode(self.0.0));
        bag.interceptor_state().store_put(known);
        Ok(())
    }
}

/// Adds `Content-MD5` (RFC 1864), which some stores insist on where S3 itself
/// takes any checksum.
#[derive(Debug)]
pub(super) struct ContentMd5 {
    /// The checksum headers that the SDK adds by itself are taken away.
    stands_alone: bool,
}

impl Intercept for ContentMd5 {
    fn name(&self) -> &'static str {
        "ContentMd5"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let body = request.body().bytes().ok_or("the body is not in memory")?;
        let md5 = BASE64.encode(Md5::digest(body));
        let headers = request.headers_mut();
        headers.insert("content-md5", md5);
        if self.stands_alone {
            let added: Vec<_> = headers
                .iter()
                .map(|(name, _)| name)
                .filter(|name| {
                    name.starts_with("x-amz-checksum-") || *name == "x-amz-sdk-checksum-algorithm"
                })
                .map(str::to_owned)
                .collect();
            for name in added {
                headers.remove(name);
            }
        }
        Ok(())
    }
}
