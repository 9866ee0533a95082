//! Which attachments to put back.

use super::failure::FailureReason;
use super::status_name::StatusName;
use crate::ids::ChannelId;
use time::OffsetDateTime;
use uuid::Uuid;

/// A status that `RetryAttachment` and `RedriveAttachments` put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revivable {
    /// It failed for good.
    Failed,
    /// It came and broke a rule.
    Rejected,
    /// It is not of a kind that is taken.
    Unsupported,
}

impl Revivable {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Failed, Self::Rejected, Self::Unsupported];

    /// The status by name.
    #[must_use]
    pub const fn name(self) -> StatusName {
        match self {
            Self::Failed => StatusName::Failed,
            Self::Rejected => StatusName::Rejected,
            Self::Unsupported => StatusName::Unsupported,
        }
    }
}

/// What is put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revived {
    /// Attachments in one of these statuses, to be downloaded and judged anew.
    Files(Vec<Revivable>),
    /// The content of stored attachments, to be made anew.
    Content,
}

/// Which attachments to put back; what is set must all match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedriveFilter {
    /// What is put back.
    pub revived: Revived,
    /// Only of this channel.
    pub channel: Option<ChannelId>,
    /// Only with one of these reasons; empty means any.
    pub reasons: Vec<FailureReason>,
    /// Only those that ended at or after this time.
    pub ended_after: Option<OffsetDateTime>,
    /// Only those that ended before this time.
    pub ended_before: Option<OffsetDateTime>,
}

/// One act of putting attachments back, as it is on the record.
#[derive(Debug, Clone)]
pub struct RedriveRecord {
    /// Its id.
    pub id: Uuid,
    /// The caller's id of it, where one was given.
    pub request_id: Option<String>,
    /// Who did it.
    pub subject: String,
    /// What was asked for.
    pub filter: RedriveFilter,
    /// Attachments that were put back.
    pub redriven: u64,
    /// Only what ended before this is put back.
    pub began_before: OffsetDateTime,
    /// When it began.
    pub created_at: OffsetDateTime,
}

impl Default for RedriveFilter {
    fn default() -> Self {
        Self {
            revived: Revived::Files(vec![Revivable::Failed]),
            channel: None,
            reasons: Vec::new(),
            ended_after: None,
            ended_before: None,
        }
    }
}
