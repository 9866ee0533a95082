//! Statuses, reasons and kinds, either way.

use super::super::error::Violation;
use super::names::few;
use crate::attachment::failure::FailureReason;
use crate::attachment::media::MediaKind;
use crate::attachment::processing::{Processed, Processing, ProcessingError};
use crate::attachment::status_name::StatusName;
use crate::proto::attachment as proto;
use crate::proto::processed_content::{ErrorCode, Status as ProcessingMessage};
use std::str::FromStr as _;

const MAX_STATUSES: usize = 16;
const MAX_KINDS: usize = 16;
const MAX_REASONS: usize = 64;

/// A status on the wire.
pub(in crate::grpc) const fn status_to_proto(status: StatusName) -> proto::Status {
    match status {
        StatusName::Pending => proto::Status::Pending,
        StatusName::Downloading => proto::Status::Downloading,
        StatusName::Stored => proto::Status::Stored,
        StatusName::Failed => proto::Status::Failed,
        StatusName::Rejected => proto::Status::Rejected,
        StatusName::Unsupported => proto::Status::Unsupported,
        StatusName::Deleted => proto::Status::Deleted,
    }
}

/// A reason on the wire. The two enums bear the same names; a test holds them
/// together.
pub(super) fn reason_to_proto(reason: Option<FailureReason>) -> proto::FailureReason {
    reason
        .and_then(|reason| proto::FailureReason::from_str_name(reason.as_str()))
        .unwrap_or(proto::FailureReason::Unspecified)
}

/// A kind on the wire.
pub(super) const fn kind_to_proto(kind: Option<MediaKind>) -> proto::Kind {
    match kind {
        Some(MediaKind::Image) => proto::Kind::Image,
        Some(MediaKind::Document) => proto::Kind::Document,
        Some(MediaKind::Video) => proto::Kind::Video,
        Some(MediaKind::Audio) => proto::Kind::Audio,
        Some(MediaKind::Other) => proto::Kind::Other,
        None => proto::Kind::Unspecified,
    }
}

/// How far the content is, on the wire.
pub(super) const fn processing_to_proto(processing: Processing) -> ProcessingMessage {
    match processing {
        Processing::None => ProcessingMessage::Unspecified,
        Processing::Pending => ProcessingMessage::Pending,
        Processing::Running => ProcessingMessage::Processing,
        Processing::Ended(Processed::Success) => ProcessingMessage::Success,
        Processing::Ended(Processed::Partial) => ProcessingMessage::Partial,
        Processing::Ended(Processed::Failed(_)) => ProcessingMessage::Failed,
        Processing::Ended(Processed::Skipped(_)) => ProcessingMessage::Skipped,
    }
}

/// Why there is no content, on the wire.
pub(super) const fn error_to_proto(error: Option<ProcessingError>) -> ErrorCode {
    match error {
        None => ErrorCode::Unspecified,
        Some(ProcessingError::Scanned) => ErrorCode::Scanned,
        Some(ProcessingError::Encrypted) => ErrorCode::Encrypted,
        Some(ProcessingError::NoTextMapping) => ErrorCode::NoTextMapping,
        Some(ProcessingError::TooComplex) => ErrorCode::TooComplex,
        Some(ProcessingError::TooManyPixels) => ErrorCode::TooManyPixels,
        Some(ProcessingError::UnsupportedFormat) => ErrorCode::UnsupportedFormat,
        Some(ProcessingError::ExtractorFailed) => ErrorCode::ExtractorFailed,
        Some(ProcessingError::SourceGone) => ErrorCode::SourceGone,
    }
}

/// Statuses to filter by.
pub(super) fn statuses(field: &str, numbers: &[i32]) -> Result<Vec<StatusName>, Violation> {
    each(field, numbers, MAX_STATUSES, "status", |number| {
        StatusName::ALL
            .into_iter()
            .find(|status| i32::from(status_to_proto(*status)) == number)
    })
}

/// Reasons to filter by.
pub(super) fn reasons(field: &str, numbers: &[i32]) -> Result<Vec<FailureReason>, Violation> {
    each(field, numbers, MAX_REASONS, "reason", |number| {
        let reason = proto::FailureReason::try_from(number).ok()?;
        FailureReason::from_str(reason.as_str_name()).ok()
    })
}

/// Kinds to filter by.
pub(super) fn kinds(field: &str, numbers: &[i32]) -> Result<Vec<MediaKind>, Violation> {
    each(field, numbers, MAX_KINDS, "kind", |number| {
        MediaKind::ALL
            .into_iter()
            .find(|kind| i32::from(kind_to_proto(Some(*kind))) == number)
    })
}

fn each<T>(
    field: &str,
    numbers: &[i32],
    most: usize,
    what: &str,
    read: impl Fn(i32) -> Option<T>,
) -> Result<Vec<T>, Violation> {
    few(field, numbers, most)?;
    let named = |(n, number): (usize, &i32)| {
        read(*number).ok_or_else(|| {
            let wanted = format!("must be a known {what} other than unspecified");
            Violation::new(format!("{field}[{n}]"), wanted)
        })
    };
    numbers.iter().enumerate().map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_name_in_the_contract() {
        for reason in FailureReason::ALL {
            assert_ne!(
                reason_to_proto(Some(*reason)),
                proto::FailureReason::Unspecified,
                "{reason}"
            );
        }
        // And the contract has none that the core does not know.
        let known = (1..1000)
            .filter(|number| proto::FailureReason::try_from(*number).is_ok())
            .count();
        assert_eq!(known, FailureReason::ALL.len());
    }
}
