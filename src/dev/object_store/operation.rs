//! What a request asks for, read off its method, path and query.

use http::{Method, Uri};

/// The kinds of requests that tests tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// `PutObject`.
    Put,
    /// `GetObject`.
    Get,
    /// `HeadObject`.
    Head,
    /// `DeleteObject` and `DeleteObjects`.
    Delete,
    /// `ListObjectsV2`.
    List,
    /// `CreateMultipartUpload`.
    CreateUpload,
    /// `UploadPart`.
    UploadPart,
    /// `CompleteMultipartUpload`.
    CompleteUpload,
    /// `AbortMultipartUpload`.
    AbortUpload,
    /// `ListMultipartUploads`.
    ListUploads,
    /// `GetBucketLifecycleConfiguration`.
    GetLifecycle,
    /// `PutBucketLifecycleConfiguration`.
    PutLifecycle,
    /// Everything else: buckets, listings of parts.
    Other,
}

impl Operation {
    /// Classifies a path-style request.
    pub(super) fn of(method: &Method, uri: &Uri) -> Self {
        let has = |parameter: &str| {
            uri.query().is_some_and(|query| {
                query
                    .split('&')
                    .any(|pair| pair.split('=').next() == Some(parameter))
            })
        };
        let on_object = uri
            .path()
            .trim_start_matches('/')
            .split_once('/')
            .is_some_and(|(_, key)| !key.is_empty());
        let on_bucket = uri.path() != "/" && !on_object;
        match *method {
            Method::PUT if on_object && has("partNumber") => Self::UploadPart,
            Method::PUT if on_object => Self::Put,
            Method::GET if on_object && !has("uploadId") => Self::Get,
            Method::GET if on_bucket && has("list-type") => Self::List,
            Method::GET if on_bucket && has("uploads") => Self::ListUploads,
            Method::GET if on_bucket && has("lifecycle") => Self::GetLifecycle,
            Method::PUT if on_bucket && has("lifecycle") => Self::PutLifecycle,
            Method::HEAD if on_object => Self::Head,
            Method::DELETE if on_object && has("uploadId") => Self::AbortUpload,
            Method::DELETE if on_object => Self::Delete,
            Method::POST if on_bucket && has("delete") => Self::Delete,
            Method::POST if on_object && has("uploads") => Self::CreateUpload,
            Method::POST if on_object && has("uploadId") => Self::CompleteUpload,
            _ => Self::Other,
        }
    }

    /// Whether the request, not the answer, carries the object's bytes.
    pub(super) const fn uploads_bytes(self) -> bool {
        matches!(self, Self::Put | Self::UploadPart)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_apart() {
        for (method, uri, expected) in [
            ("PUT", "/b/k?x-id=PutObject", Operation::Put),
            ("PUT", "/b/k?partNumber=1&uploadId=u", Operation::UploadPart),
            ("GET", "/b/k/l?response-content-type=a", Operation::Get),
            ("GET", "/b/k?uploadId=u", Operation::Other),
            ("GET", "/b/?list-type=2&prefix=uploads", Operation::List),
            ("GET", "/b?uploads&prefix=p", Operation::ListUploads),
            ("GET", "/b?lifecycle", Operation::GetLifecycle),
            ("PUT", "/b?lifecycle", Operation::PutLifecycle),
            ("DELETE", "/b?lifecycle", Operation::Other),
            ("GET", "/", Operation::Other),
            ("HEAD", "/b/k", Operation::Head),
            ("HEAD", "/b", Operation::Other),
            ("DELETE", "/b/k", Operation::Delete),
            ("DELETE", "/b/k?uploadId=u", Operation::AbortUpload),
            ("POST", "/b/?delete", Operation::Delete),
            ("POST", "/b/k?uploads", Operation::CreateUpload),
            ("POST", "/b/k?uploadId=u", Operation::CompleteUpload),
            ("PUT", "/b", Operation::Other),
        ] {
            let method = method.parse().unwrap();
            let uri = uri.parse().unwrap();
            assert_eq!(Operation::of(&method, &uri), expected, "{method} {uri}");
        }
    }
}
