//! Which failed attachments to put back.

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
