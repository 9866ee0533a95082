//! What real stores refuse that S3 itself takes.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, Method, Request, StatusCode};
use s3s::crypto::{Checksum as _, Md5};
use s3s::{Body, S3Error, S3ErrorCode, s3_error};

/// S3 itself takes no longer list of keys or rules.
const MOST_BODY_BYTES: usize = 2 * 1024 * 1024;

/// One way in which a store is not S3. What it does not refuse is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Knows no checksum headers or trailers and answers 400 to each, as
    /// Backblaze B2 does.
    RefusesChecksums,
    /// Answers 400 to a `DeleteObjects` or a lifecycle without its
    /// `Content-MD5`, whatever other checksum it has.
    WantsContentMd5,
    /// Has no `DeleteObjects`, and answers so.
    NoMultiDelete(StatusCode),
}

impl Dialect {
    /// What it has against this request.
    pub(super) async fn refusal(self, request: &mut Request<Body>) -> Option<S3Error> {
        match self {
            Self::RefusesChecksums => has_checksum(request.headers()).then(|| {
                s3_error!(
                    InvalidArgument,
                    "Unsupported header received for this API call"
                )
            }),
            Self::WantsContentMd5 if is_multi_delete(request) || is_lifecycle(request) => {
                missing_md5(request).await
            }
            Self::NoMultiDelete(status) if is_multi_delete(request) => {
                let mut error = S3Error::new(match status {
                    StatusCode::NOT_IMPLEMENTED => S3ErrorCode::NotImplemented,
                    StatusCode::METHOD_NOT_ALLOWED => S3ErrorCode::MethodNotAllowed,
                    StatusCode::FORBIDDEN => S3ErrorCode::AccessDenied,
                    _ => S3ErrorCode::InvalidRequest,
                });
                error.set_status_code(status);
                Some(error)
            }
            Self::WantsContentMd5 | Self::NoMultiDelete(_) => None,
        }
    }
}

fn has_checksum(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| {
        let name = name.as_str();
        name.starts_with("x-amz-checksum-")
            || name == "x-amz-sdk-checksum-algorithm"
            || name == "x-amz-trailer"
    })
}

fn is_multi_delete(request: &Request<Body>) -> bool {
    *request.method() == Method::POST && has_parameter(request, "delete")
}

fn is_lifecycle(request: &Request<Body>) -> bool {
    *request.method() == Method::PUT && has_parameter(request, "lifecycle")
}

fn has_parameter(request: &Request<Body>, parameter: &str) -> bool {
    let query = request.uri().query().unwrap_or_default();
    query
        .split('&')
        .any(|pair| pair.split('=').next() == Some(parameter))
}

async fn missing_md5(request: &mut Request<Body>) -> Option<S3Error> {
    let Some(declared) = request.headers().get("content-md5").cloned() else {
        let mut error = S3Error::new(S3ErrorCode::Custom("MissingContentMD5".into()));
        error.set_status_code(StatusCode::BAD_REQUEST);
        return Some(error);
    };
    let body = request.body_mut().store_all_limited(MOST_BODY_BYTES).await;
    match body {
        Ok(body) if BASE64_STANDARD.encode(Md5::checksum(&body)) == declared => None,
        Ok(_) => Some(s3_error!(BadDigest)),
        Err(error) => Some(S3Error::with_source(S3ErrorCode::IncompleteBody, error)),
    }
}
