//! Which attachments a reader asks for.

use crate::ids::{ConversationId, CorrelationId, MessageId};

/// Which attachments to list; what is set must all match.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListFilter {
    /// Only those of this message.
    pub message_id: Option<MessageId>,
    /// Only those of this conversation.
    pub conversation_id: Option<ConversationId>,
    /// Only those of this correlation id.
    pub correlation_id: Option<CorrelationId>,
    /// Only those in one of these; empty means all.
    pub statuses: Vec<StatusFilter>,
}

/// A status to list by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusFilter {
    /// Work is still to be done on it.
    Open(OpenState),
    /// It is stored.
    Stored,
    /// It failed, for now or for good.
    Failed,
    /// It broke a rule.
    Rejected,
    /// Not a kind of file we take.
    Unsupported,
    /// It is gone.
    Deleted,
}

/// How far the work on an open attachment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenState {
    /// Not begun.
    Pending,
    /// An attempt is running.
    Downloading,
}
