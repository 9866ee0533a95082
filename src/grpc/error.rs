//! The one file that turns errors into gRPC statuses.
//!
//! What goes out is fixed text with a reason; the cause is logged and
//! stays inside.

use super::deadline::Patience;
use super::{MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES};
use crate::access::AccessError;
use crate::admin::AdminError;
use crate::attachment::status::AttachmentStatus;
use crate::purge::PurgeError;
use crate::redrive::RedriveError;
use crate::register::RegisterError;
use crate::telemetry::Chain;
use crate::watch::{Scope, WatchError};
use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

/// The domain of every `ErrorInfo`.
const DOMAIN: &str = "attachments";

const INVALID_REQUEST: &str = "INVALID_REQUEST";
const DEADLINE_EXCEEDED: &str = "DEADLINE_EXCEEDED";
const INTERNAL: &str = "INTERNAL";

/// A caller should wait this long before it repeats the call.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// An error of the database, which this rung may not name, as a status.
macro_rules! database {
    ($cause:ident, $error:expr) => {
        database(
            Trouble::of($cause.is_unavailable(), $cause.is_too_slow()),
            $error,
        )
    };
}

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

/// Bytes that are no message, such as a field that is longer than what is left.
pub(super) fn invalid_message() -> Status {
    with_reason(
        Code::InvalidArgument,
        "the request is no message of this method",
        INVALID_REQUEST,
    )
}

/// A request that was not read because of its length.
pub(super) fn request_too_large() -> Status {
    let text = format!("the request is larger than {MAX_REQUEST_BYTES} bytes");
    let metadata = HashMap::from([("limit_bytes".to_owned(), MAX_REQUEST_BYTES.to_string())]);
    let details = ErrorDetails::with_error_info("REQUEST_TOO_LARGE", DOMAIN, metadata);
    Status::with_error_details(Code::InvalidArgument, text, details)
}

/// An answer that our own bounds should have kept smaller.
pub(super) fn answer_too_large() -> Status {
    let text = format!("the answer is larger than {MAX_RESPONSE_BYTES} bytes; ask for less");
    let metadata = HashMap::from([("limit_bytes".to_owned(), MAX_RESPONSE_BYTES.to_string())]);
    let details = ErrorDetails::with_error_info("ANSWER_TOO_LARGE", DOMAIN, metadata);
    Status::with_error_details(Code::Internal, text, details)
}

/// A compression that is not spoken here. `bare` says which, and in its
/// metadata what is spoken.
pub(super) fn unknown_compression(bare: &Status) -> Status {
    detailed(bare, "COMPRESSION_UNSUPPORTED")
}

/// An error of a library, under the name of its code.
pub(super) fn named(bare: &Status) -> Status {
    let reason = match bare.code() {
        Code::Ok | Code::Unknown => "UNKNOWN",
        Code::Cancelled => "CANCELLED",
        Code::InvalidArgument => INVALID_REQUEST,
        Code::DeadlineExceeded => DEADLINE_EXCEEDED,
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => INTERNAL,
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    };
    detailed(bare, reason)
}

/// The same error with details.
fn detailed(bare: &Status, reason: &'static str) -> Status {
    let mut details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new());
    if matches!(bare.code(), Code::Unavailable | Code::ResourceExhausted) {
        details.set_retry_info(Some(RETRY_DELAY));
    }
    let metadata = bare.metadata().clone();
    Status::with_error_details_and_metadata(bare.code(), bare.message(), details, metadata)
}

/// A call that was not answered in the time there was for it.
pub(super) fn too_late(patience: Patience) -> Status {
    let (set_by, allowed) = match patience {
        Patience::Caller(allowed) => ("caller", allowed),
        Patience::Service(allowed) => ("service", allowed),
    };
    let metadata = HashMap::from([
        ("set_by".to_owned(), set_by.to_owned()),
        ("allowed".to_owned(), format!("{allowed:?}")),
    ]);
    let details = ErrorDetails::with_error_info(DEADLINE_EXCEEDED, DOMAIN, metadata);
    let text = format!("the call was not answered within the {allowed:?} that the {set_by} allows");
    Status::with_error_details(Code::DeadlineExceeded, text, details)
}

/// An unknown id and another tenant's id: the same answer to the byte.
pub(super) fn no_attachment() -> Status {
    with_reason(
        Code::NotFound,
        "there is no such attachment",
        "ATTACHMENT_NOT_FOUND",
    )
}

/// As [`no_attachment`].
pub(super) fn no_channel() -> Status {
    with_reason(
        Code::NotFound,
        "there is no such channel",
        "CHANNEL_NOT_FOUND",
    )
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
    with_reason(Code::Internal, "the service failed", INTERNAL)
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
            RegisterError::WrongProvider { channel, source_of } => Violation::new(
                "channel_id",
                format!(
                    "is a channel of {channel}, and the source is of {source_of}: \
                     name a channel of {source_of}"
                ),
            )
            .into(),
            RegisterError::Database(cause) => database!(cause, &*cause),
        }
    }
}

impl From<AccessError> for Status {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::NotFound => no_attachment(),
            AccessError::Unreadable(_) => internal(),
            AccessError::NotStored(status) => not_stored(&status),
            AccessError::RenditionMissing(_) => with_reason(
                Code::FailedPrecondition,
                "this rendition of the attachment is not stored",
                "RENDITION_MISSING",
            ),
            AccessError::OutOfRange { size_bytes } => {
                let metadata = HashMap::from([("size_bytes".to_owned(), size_bytes.to_string())]);
                let details = ErrorDetails::with_error_info("OFFSET_BEYOND_END", DOMAIN, metadata);
                Self::with_error_details(
                    Code::OutOfRange,
                    "the offset lies beyond the last byte",
                    details,
                )
            }
            AccessError::Database(cause) => database!(cause, &cause),
            AccessError::Storage(_) => repeatable(
                Code::Unavailable,
                "object storage is not available",
                "STORAGE_UNAVAILABLE",
            ),
            AccessError::Text(cause) => {
                tracing::error!(error = %Chain(&cause), "a stored text could not be read");
                internal()
            }
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
            PurgeError::NotFound => no_attachment(),
            PurgeError::Database(cause) => database!(cause, &cause),
        }
    }
}

impl From<RedriveError> for Status {
    fn from(error: RedriveError) -> Self {
        match error {
            RedriveError::NotFound => no_attachment(),
            RedriveError::NotRetryable(_) => with_reason(
                Code::FailedPrecondition,
                "only a failed, rejected or unsupported attachment can be put back",
                "ATTACHMENT_NOT_RETRYABLE",
            ),
            RedriveError::OtherFilter => {
                let wanted = "is that of a redrive with another filter: repeat that call, or choose a new one";
                Violation::new("request_id", wanted).into()
            }
            RedriveError::Database(cause) => database!(cause, &cause),
        }
    }
}

impl From<WatchError> for Status {
    fn from(error: WatchError) -> Self {
        match error {
            WatchError::CursorExpired => with_reason(
                Code::OutOfRange,
                "the cursor is older than what is remembered; list again and watch from the list's watch_cursor",
                "CURSOR_EXPIRED",
            ),
            WatchError::Stopping => repeatable(
                Code::Unavailable,
                "this replica stops; go on from the last cursor",
                "STOPPING",
            ),
            WatchError::TooMany { limit, scope } => too_many_watchers(limit, scope),
            WatchError::Database(cause) => database!(cause, &*cause),
        }
    }
}

/// Says no more than the caller may know: how many others have is not told.
fn too_many_watchers(limit: usize, scope: Scope) -> Status {
    let (scope, whose) = match scope {
        Scope::Tenant => ("tenant", "of your tenant"),
        Scope::Replica => ("replica", "of all tenants"),
    };
    let metadata = HashMap::from([
        ("scope".to_owned(), scope.to_owned()),
        ("limit".to_owned(), limit.to_string()),
    ]);
    let mut details = ErrorDetails::with_error_info("TOO_MANY_WATCHERS", DOMAIN, metadata);
    details.set_retry_info(Some(RETRY_DELAY));
    let text = format!(
        "{limit} watches {whose} are open at this replica, as many as may be; \
         end one, or share one among several readers"
    );
    Status::with_error_details(Code::ResourceExhausted, text, details)
}

impl From<AdminError> for Status {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::NotFound => no_channel(),
            AdminError::Changed => with_reason(
                Code::Aborted,
                "the record has changed since it was read; read it again",
                "ETAG_MISMATCH",
            ),
            AdminError::Sealing(cause) => {
                tracing::error!(error = %Chain(&cause), "a credential could not be sealed");
                internal()
            }
            AdminError::Database(cause) => database!(cause, &cause),
        }
    }
}

/// Logged here, once: the capabilities hand it up as it is.
fn database(trouble: Trouble, error: &(dyn Error + 'static)) -> Status {
    tracing::error!(error = %Chain(error), "the database failed");
    match trouble {
        Trouble::Unavailable => repeatable(
            Code::Unavailable,
            "the database is not available",
            "DATABASE_UNAVAILABLE",
        ),
        // Without RetryInfo: the same call is the same load again.
        Trouble::TooSlow => with_reason(
            Code::DeadlineExceeded,
            "the database took too long over this call; ask for less, or later",
            "DATABASE_TOO_SLOW",
        ),
        Trouble::Broken => internal(),
    }
}

/// What a caller has to know of an error of the database.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    Unavailable,
    TooSlow,
    Broken,
}

impl Trouble {
    const fn of(is_unavailable: bool, is_too_slow: bool) -> Self {
        match (is_too_slow, is_unavailable) {
            (true, _) => Self::TooSlow,
            (false, true) => Self::Unavailable,
            (false, false) => Self::Broken,
        }
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
        AttachmentStatus::Stored { .. } => (INTERNAL, "the attachment is stored"),
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
