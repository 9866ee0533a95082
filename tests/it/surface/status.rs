//! What an error tells, beside its code.

use prost::Message as _;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// The reason; every error has one, in our domain.
pub fn reason(status: &Status) -> String {
    let info = status.get_details_error_info();
    let info = info.unwrap_or_else(|| panic!("an error without ErrorInfo: {status:?}"));
    assert_eq!(info.domain, "attachments", "{status:?}");
    assert!(!info.reason.is_empty(), "{status:?}");
    info.reason
}

/// The paths of the fields that a malformed request is told of.
pub fn violated(status: &Status) -> Vec<String> {
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert_eq!(reason(status), "INVALID_REQUEST");
    let details = status.get_details_bad_request();
    let violations = details.unwrap().field_violations;
    assert!(violations.iter().all(|told| !told.description.is_empty()));
    violations.into_iter().map(|told| told.field).collect()
}

/// An item's error as the status that the single call would have answered.
pub fn of_item(error: tonic_types::Status) -> Status {
    let details = error.encode_to_vec();
    Status::with_details(Code::from(error.code), error.message, details.into())
}

/// Asserts that the caller is told to come back.
pub fn assert_unavailable(what: &str, status: &Status, expected: &str) {
    assert_eq!(status.code(), Code::Unavailable, "{what}: {status:?}");
    assert_eq!(reason(status), expected, "{what}");
    let delay = status
        .get_details_retry_info()
        .and_then(|info| info.retry_delay);
    assert!(delay.is_some_and(|delay| !delay.is_zero()), "{what}");
}
