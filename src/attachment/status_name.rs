//! The statuses by name: what readers filter and count by, without what is
//! known in each.

use super::failure::FailureReason;
use super::status::AttachmentStatus;
use std::str::FromStr;

/// A status, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusName {
    /// Waits for its first attempt.
    Pending,
    /// An attempt is running.
    Downloading,
    /// The bytes are in object storage.
    Stored,
    /// It failed, for now or for good.
    Failed,
    /// It broke a rule.
    Rejected,
    /// Not a kind of file we take.
    Unsupported,
    /// Gone.
    Deleted,
}

impl StatusName {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Downloading,
        Self::Stored,
        Self::Failed,
        Self::Rejected,
        Self::Unsupported,
        Self::Deleted,
    ];

    /// The final one that a reason leads to.
    #[must_use]
    pub fn ended(reason: FailureReason) -> Self {
        (&AttachmentStatus::ended(reason)).into()
    }

    /// In lower case, as the tables have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Downloading => "downloading",
            Self::Stored => "stored",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Unsupported => "unsupported",
            Self::Deleted => "deleted",
        }
    }
}

impl From<&AttachmentStatus> for StatusName {
    fn from(status: &AttachmentStatus) -> Self {
        match status {
            AttachmentStatus::Pending { .. } => Self::Pending,
            AttachmentStatus::Downloading => Self::Downloading,
            AttachmentStatus::Stored { .. } => Self::Stored,
            AttachmentStatus::Failed { .. } => Self::Failed,
            AttachmentStatus::Rejected { .. } => Self::Rejected,
            AttachmentStatus::Unsupported { .. } => Self::Unsupported,
            AttachmentStatus::Deleted { .. } => Self::Deleted,
        }
    }
}

/// No status has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown status {0:?}")]
pub struct UnknownStatus(String);

impl FromStr for StatusName {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        Self::ALL
            .into_iter()
            .find(|name| name.as_str() == text)
            .ok_or_else(|| UnknownStatus(text.to_owned()))
    }
}
