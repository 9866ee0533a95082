//! Which failed attachments to put back, and what there is in each status.

use super::failure::FailureReason;
use crate::ids::ChannelId;
use time::OffsetDateTime;

/// Which failed attachments to put back; what is set must all match.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RedriveFilter {
    /// Only of this channel.
    pub channel: Option<ChannelId>,
    /// Only with one of these reasons; empty means any.
    pub reasons: Vec<FailureReason>,
    /// Only those that failed at or after this time.
    pub failed_after: Option<OffsetDateTime>,
    /// Only those that failed before this time.
    pub failed_before: Option<OffsetDateTime>,
}

/// How much there is in one status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusUsage {
    /// The status as readers see it, in lower case.
    pub status: String,
    /// How many attachments.
    pub count: u64,
    /// How many stored bytes.
    pub size_bytes: u64,
}
