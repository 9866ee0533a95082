//! Which attachments a reader asks for.

use super::Attachment;
use super::status_name::StatusName;
use crate::ids::{AttachmentId, ConversationId, CorrelationId, MessageId};

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
    pub statuses: Vec<StatusName>,
}

/// One page of a list, newest first.
#[derive(Debug, Clone)]
pub struct Page {
    /// What it holds, without the records that cannot be read.
    pub attachments: Vec<Attachment>,
    /// The next page begins below this one; `None` when this was the last.
    pub last: Option<AttachmentId>,
}
