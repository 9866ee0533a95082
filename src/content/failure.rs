//! An attempt at content that did not come to its end, and whether it counts.

use crate::attachment::failure::FailureReason;
use crate::blob::BlobError;
use crate::sandbox;
use crate::telemetry::Chain;

/// An attempt that did not come to its end.
#[derive(Debug)]
pub(super) struct Failure {
    /// Why.
    pub(super) reason: FailureReason,
    /// What happened, for an operator.
    pub(super) detail: String,
    /// Whether it counts, so that another one follows up to the cap only. What
    /// is no fault of the file's does not.
    pub(super) is_counted: bool,
}

impl Failure {
    fn counted(reason: FailureReason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
            is_counted: true,
        }
    }

    fn not_counted(reason: FailureReason, detail: impl Into<String>) -> Self {
        Self {
            is_counted: false,
            ..Self::counted(reason, detail)
        }
    }

    /// The object could not be read; none where there is nothing to read.
    pub(super) fn of_a_read(error: &BlobError) -> Option<Self> {
        let reason = FailureReason::StorageUnavailable;
        Some(match error {
            BlobError::Missing => return None,
            BlobError::Unavailable { .. } | BlobError::Skewed { .. } | BlobError::Cut => {
                Self::not_counted(reason, "object storage is not available")
            }
            BlobError::Truncated | BlobError::Altered => {
                Self::counted(reason, "the object is not what was stored")
            }
            BlobError::Refused { .. }
            | BlobError::Unsupported { .. }
            | BlobError::PayloadAltered => Self::counted(reason, "the object could not be read"),
        })
    }

    /// A form could not be put.
    pub(super) fn of_a_put(error: &BlobError) -> Self {
        let reason = FailureReason::StorageUnavailable;
        match error {
            BlobError::Unavailable { .. } | BlobError::Skewed { .. } => {
                Self::not_counted(reason, "object storage is not available")
            }
            other => Self::counted(reason, other.to_string()),
        }
    }

    /// Nothing is put without a lease; what follows is somebody else's.
    pub(super) fn lease_lost() -> Self {
        Self::not_counted(FailureReason::Interrupted, "the lease was lost")
    }

    /// The database could not be told of a form.
    pub(super) fn database() -> Self {
        Self::not_counted(FailureReason::Interrupted, "the database failed")
    }

    /// A text that cannot be written as JSON.
    pub(super) fn unwritable() -> Self {
        Self::counted(
            FailureReason::InspectionFailed,
            "the text cannot be written",
        )
    }
}

/// The child's end: the file's doing, or want of ours.
impl From<sandbox::Failure> for Failure {
    fn from(failure: sandbox::Failure) -> Self {
        let detail = Chain(&failure).to_string();
        if failure.is_of_the_file() {
            Self::counted(FailureReason::InspectionFailed, detail)
        } else {
            Self::not_counted(FailureReason::WorkerResources, detail)
        }
    }
}
