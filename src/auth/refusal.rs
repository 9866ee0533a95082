//! What a refused request is told, as gRPC statuses.

use super::{Rejected, Scope};
use std::collections::HashMap;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

const ERROR_DOMAIN: &str = "attachments";

/// A longer path is not told back.
const MAX_METHOD_BYTES: usize = 256;

/// For a request without a valid token: the same bytes whatever the cause.
pub(super) fn unauthenticated() -> Status {
    let details = ErrorDetails::with_error_info("TOKEN_INVALID", ERROR_DOMAIN, HashMap::new());
    Status::with_error_details(Code::Unauthenticated, Rejected::PUBLIC_TEXT, details)
}

/// For a caller without the scope that the method asks for.
pub(super) fn permission_denied(missing: Scope) -> Status {
    let metadata = HashMap::from([("scope".to_owned(), missing.to_string())]);
    let details = ErrorDetails::with_error_info("SCOPE_MISSING", ERROR_DOMAIN, metadata);
    let message = format!("the access token lacks the scope {missing}");
    Status::with_error_details(Code::PermissionDenied, message, details)
}

/// For a method that is not there: no scope opens it.
#[must_use]
pub fn unknown_method(path: &str) -> Status {
    let mut metadata = HashMap::new();
    if path.len() <= MAX_METHOD_BYTES {
        metadata.insert("method".to_owned(), path.to_owned());
    }
    let details = ErrorDetails::with_error_info("METHOD_UNKNOWN", ERROR_DOMAIN, metadata);
    Status::with_error_details(Code::Unimplemented, "there is no such method", details)
}
