//! What may be deleted together, and by which names.

use crate::ids::{ChannelId, ConversationId, CorrelationId, MessageId};

/// A file as its provider names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceName {
    /// The channel it comes by.
    pub channel: ChannelId,
    /// The provider's id.
    pub media_id: String,
    /// The part; empty for the content itself.
    pub part: String,
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
}
