//! Statuses by name.

use super::super::error::Violation;
use crate::attachment::status_name::StatusName;
use crate::proto;

/// A status on the wire.
pub(in crate::grpc) const fn status_to_proto(status: StatusName) -> proto::AttachmentStatus {
    match status {
        StatusName::Pending => proto::AttachmentStatus::Pending,
        StatusName::Downloading => proto::AttachmentStatus::Downloading,
        StatusName::Stored => proto::AttachmentStatus::Stored,
        StatusName::Failed => proto::AttachmentStatus::Failed,
        StatusName::Rejected => proto::AttachmentStatus::Rejected,
        StatusName::Unsupported => proto::AttachmentStatus::Unsupported,
        StatusName::Deleted => proto::AttachmentStatus::Deleted,
    }
}

/// A status to filter by.
pub(super) fn status_from_proto(number: i32) -> Result<StatusName, Violation> {
    StatusName::ALL
        .into_iter()
        .find(|status| i32::from(status_to_proto(*status)) == number)
        .ok_or_else(|| Violation::new("status", "must be a known status other than unspecified"))
}
