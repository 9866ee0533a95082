//! What a tenant has, by status.

use super::status_name::StatusName;

/// How much there is in one status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusUsage {
    /// The status as readers see it.
    pub status: StatusName,
    /// How many attachments.
    pub count: u64,
    /// How many stored bytes.
    pub size_bytes: u64,
}
