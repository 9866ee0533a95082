//! What may be deleted together, by which names and by whose wish.

use super::failure::FailureReason;
use super::source::MediaId;
use crate::ids::{ChannelId, ConversationId, CorrelationId, MessageId, SenderId};

/// A file as its provider names it: all its parts and occurrences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceName {
    /// The channel it comes by.
    pub channel: ChannelId,
    /// The provider's id.
    pub media_id: MediaId,
}

/// Files that are deleted together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Group {
    /// Those of a request.
    Correlation(CorrelationId),
    /// Those of a message.
    Message(MessageId),
    /// Those of a conversation.
    Conversation(ConversationId),
    /// Those of a person.
    Sender(SenderId),
}

/// By whose wish something is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cause {
    /// The tenant's.
    #[default]
    Requested,
    /// Its sender's, who took it back.
    Sender,
}

impl Cause {
    /// The reason that the record gives.
    #[must_use]
    pub const fn reason(self) -> FailureReason {
        match self {
            Self::Requested => FailureReason::DeleteRequested,
            Self::Sender => FailureReason::SourceDeleted,
        }
    }
}
