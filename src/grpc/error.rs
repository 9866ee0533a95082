//! The one file that turns errors into gRPC statuses.
//!
//! What goes out is fixed text with a reason; the cause is logged and
//! stays inside.

use crate::access::AccessError;
use crate::admin::AdminError;
use crate::attachment::status::AttachmentStatus;
use crate::purge::PurgeError;
use crate::redrive::RedriveError;
use crate::register::RegisterError;
use crate::watch::WatchError;
use axum::response::Response;
use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

/// The domain of every `ErrorInfo`.
const DOMAIN: &str = "attachments";

const INVALID_REQUEST: &str = "INVALID_REQUEST";

/// A caller should wait this long before it repeats the call.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// What is wrong with one field, by its path in the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Violation {
    /// Such as `requests[3].channel_id`.
    pub(super) field: String,
    /// What it must be.
    pub(super) description: String,
}

impl Violation {
    pub(super) fn new(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            description: description.into(),
        }
    }
}

impl From<Violation> for Status {
    fn from(violation: Violation) -> Self {
        invalid(vec![violation])
    }
}

/// Faults that one answer names at most: they travel in a header block.
const MAX_VIOLATIONS: usize = 16;

/// A malformed request, with the faults that were found in it.
pub(super) fn invalid(mut violations: Vec<Violation>) -> Status {
    violations.truncate(MAX_VIOLATIONS);
    let summary = violations
        .iter()
        .map(|violation| format!("{}: {}", violation.field, violation.description))
        .collect::<Vec<_>>()
        .join("; ");
    let mut details = ErrorDetails::with_bad_request(
        violations
            .into_iter()
            .map(|violation| FieldViolation::new(violation.field, violation.description))
            .collect::<Vec<_>>(),
    );
    details.set_error_info(INVALID_REQUEST, DOMAIN, HashMap::new());
    Status::with_error_details(Code::InvalidArgument, summary, details)
}

/// What tonic answers by itself when it cannot read a request, told as any
/// malformed one. Errors of ours carry details and pass as they are.
pub(super) async fn explain_unreadable(response: Response) -> Response {
    let status = Status::from_header_map(response.headers());
    let text = match status.filter(|status| status.details().is_empty()) {
        Some(bare) if bare.code() == Code::Internal => "the request is no message of this method",
        Some(bare) if bare.code() == Code::OutOfRange => "the request is too large",
        Some(_) | None => return response,
    };
    with_reason(Code::InvalidArgument, text, INVALID_REQUEST).into_http()
}

/// An unknown id and another tenant's id: the same answer to the byte.
pub(super) fn not_found(what: &'static str) -> Status {
    let reason = match what {
        "channel" => "CHANNEL_NOT_FOUND",
        _ => "ATTACHMENT_NOT_FOUND",
    };
    with_reason(Code::NotFound, format!("there is no such {what}"), reason)
}

/// Something that a later version does.
pub(super) fn unimplemented(what: &'static str) -> Status {
    with_reason(
        Code::Unimplemented,
        format!("{what} is not built yet"),
        "NOT_BUILT_YET",
    )
}

/// Something that should not be possible, such as a call without a caller.
pub(super) fn internal() -> Status {
    with_reason(Code::Internal, "the service failed", "INTERNAL")
}

fn with_reason(code: Code, text: impl Into<String>, reason: &'static str) -> Status {
    let details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new());
    Status::with_error_details(code, text, details)
}

fn repeatable(code: Code, text: &'static str, reason: &'static str) -> Status {
    let mut details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new());
    details.set_retry_info(Some(RETRY_DELAY));
    Status::with_error_details(code, text, details)
}

impl From<RegisterError> for Status {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::Overloaded => repeatable(
                Code::ResourceExhausted,
                "too many registrations are waiting",
                "OVERLOADED",
            ),
            RegisterError::Late => repeatable(
                Code::Unavailable,
                "the registration was not answered in time",
                "LATE",
            ),
            RegisterError::Database(cause) => database(cause.is_unavailable(), &*cause),
        }
    }
}

impl From<AccessError> for Status {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::NotFound => not_found("attachment"),
            AccessError::Unreadable(_) => internal(),
            AccessError::NotStored(status) => not_stored(&status),
            AccessError::OutOfRange { size_bytes } => {
                let metadata = HashMap::from([("size_bytes".to_owned(), size_bytes.to_string())]);
                let details = ErrorDetails::with_error_info("OFFSET_BEYOND_END", DOMAIN, metadata);
                Self::with_error_details(
                    Code::OutOfRange,
                    "the offset lies beyond the last byte",
                    details,
                )
            }
            AccessError::Database(cause) => database(cause.is_unavailable(), &cause),
            AccessError::Storage(_) => repeatable(
                Code::Unavailable,
                "object storage is not available",
                "STORAGE_UNAVAILABLE",
            ),
            AccessError::Damaged(_) => with_reason(
                Code::DataLoss,
                "the stored bytes are not whole",
                "OBJECT_DAMAGED",
            ),
        }
    }
}

impl From<PurgeError> for Status {
    fn from(error: PurgeError) -> Self {
        match error {
            PurgeError::NotFound => not_found("attachment"),
            PurgeError::Database(cause) => database(cause.is_unavailable(), &cause),
        }
    }
}

impl From<RedriveError> for Status {
    fn from(error: RedriveError) -> Self {
        match error {
            RedriveError::NotFound => not_found("attachment"),
            RedriveError::NotFailed(_) => with_reason(
                Code::FailedPrecondition,
                "only a failed attachment can be put back",
                "ATTACHMENT_NOT_FAILED",
            ),
            RedriveError::Database(cause) => database(cause.is_unavailable(), &cause),
        }
    }
}

impl From<WatchError> for Status {
    fn from(error: WatchError) -> Self {
        match error {
            WatchError::CursorExpired => with_reason(
                Code::OutOfRange,
                "the cursor is older than what is remembered; list again and watch from now",
                "CURSOR_EXPIRED",
            ),
            WatchError::Stopping => repeatable(
                Code::Unavailable,
                "this replica stops; go on from the last cursor",
                "STOPPING",
            ),
            WatchError::Database(cause) => database(cause.is_unavailable(), &cause),
        }
    }
}

impl From<AdminError> for Status {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::NotFound => not_found("channel"),
            AdminError::Sealing(cause) => {
                tracing::error!(error = %cause, "a credential could not be sealed");
                internal()
            }
            AdminError::Database(cause) => database(cause.is_unavailable(), &cause),
        }
    }
}

/// Logged here, once: the capabilities hand it up as it is.
fn database(unavailable: bool, error: &dyn Error) -> Status {
    let cause = error.source().map(tracing::field::display);
    tracing::error!(%error, cause, "the database failed");
    if unavailable {
        repeatable(
            Code::Unavailable,
            "the database is not available",
            "DATABASE_UNAVAILABLE",
        )
    } else {
        internal()
    }
}

/// Why there are no bytes, so that a UI picks its placeholder.
fn not_stored(status: &AttachmentStatus) -> Status {
    let (reason, text) = match status {
        AttachmentStatus::Pending { .. } | AttachmentStatus::Downloading => {
            ("ATTACHMENT_PENDING", "the attachment is on its way")
        }
        AttachmentStatus::Failed { .. } => ("ATTACHMENT_FAILED", "the attachment failed"),
        AttachmentStatus::Rejected { .. } => ("ATTACHMENT_REJECTED", "the attachment was rejected"),
        AttachmentStatus::Unsupported { .. } => (
            "ATTACHMENT_UNSUPPORTED",
            "the attachment is of an unsupported kind",
        ),
        AttachmentStatus::Deleted { .. } => ("ATTACHMENT_DELETED", "the attachment was deleted"),
        AttachmentStatus::Stored { .. } => ("INTERNAL", "the attachment is stored"),
    };
    let mut metadata = HashMap::new();
    if let Some(failure) = status.reason() {
        metadata.insert("failure_reason".to_owned(), failure.as_str().to_owned());
        metadata.insert(
            "retryable".to_owned(),
            status.next_attempt_at().is_some().to_string(),
        );
    }
    let details = ErrorDetails::with_error_info(reason, DOMAIN, metadata);
    Status::with_error_details(Code::FailedPrecondition, text, details)
}
