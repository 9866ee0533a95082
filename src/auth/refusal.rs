//! What a refused request is told, as gRPC statuses.

use super::{Rejected, Scope};
use std::collections::HashMap;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

const ERROR_DOMAIN: &str = "attachments";

/// For a request without a valid token: the same bytes whatever the cause.
pub(super) fn unauthenticated() -> Status {
    let details = ErrorDetails::with_error_info("TOKEN_INVALID", ERROR_DOMAIN, HashMap::new());
    Status::with_error_details(Code::Unauthenticated, Rejected::PUBLIC_TEXT, details)
}

/// For a caller without the scope that the method asks for, or for a method
/// that no scope opens.
pub(super) fn permission_denied(missing: Option<Scope>) -> Status {
    let (message, metadata) = match missing {
        Some(scope) => (
            format!("the access token lacks the scope {scope}"),
            HashMap::from([("scope".to_owned(), scope.to_string())]),
        ),
        None => ("no scope opens this method".to_owned(), HashMap::new()),
    };
    let details = ErrorDetails::with_error_info("SCOPE_MISSING", ERROR_DOMAIN, metadata);
    Status::with_error_details(Code::PermissionDenied, message, details)
}
