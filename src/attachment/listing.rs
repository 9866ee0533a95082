//! Which attachments a reader asks for.

use super::Attachment;
use super::change::Cursor;
use super::failure::FailureReason;
use super::media::MediaKind;
use super::status_name::StatusName;
use crate::ids::{AttachmentId, ChannelId, ConversationId, CorrelationId, MessageId, SenderId};
use time::OffsetDateTime;

/// Which attachments to list or to follow; what is set must all match.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListFilter {
    /// Only those of one of these messages; empty means all.
    pub message_ids: Vec<MessageId>,
    /// Only those of this conversation.
    pub conversation_id: Option<ConversationId>,
    /// Only those of this correlation id.
    pub correlation_id: Option<CorrelationId>,
    /// Only those of this sender.
    pub sender_id: Option<SenderId>,
    /// Only those of this channel.
    pub channel: Option<ChannelId>,
    /// Only those in one of these; empty means all.
    pub statuses: Vec<StatusName>,
    /// Only those of one of these kinds; empty means all.
    pub kinds: Vec<MediaKind>,
    /// Only those with one of these reasons; empty means all.
    pub reasons: Vec<FailureReason>,
    /// Only those registered at or after this time.
    pub created_after: Option<OffsetDateTime>,
    /// Only those registered before this time.
    pub created_before: Option<OffsetDateTime>,
}

/// In which order records come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The newest registration first.
    #[default]
    NewestFirst,
    /// The oldest registration first.
    OldestFirst,
}

/// Which stretch of a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// In which order.
    pub order: Order,
    /// The record after which it begins, in that order.
    pub after: Option<AttachmentId>,
    /// Records at most.
    pub size: u16,
}

/// One page of a list.
#[derive(Debug, Clone)]
pub struct Page {
    /// What it holds, without the records that cannot be read.
    pub attachments: Vec<Attachment>,
    /// The next page begins after this one; `None` when this was the last.
    pub last: Option<AttachmentId>,
    /// The place in the outbox from which watching misses nothing of it.
    pub watch_from: Cursor,
}
