//! The core: what an attachment is and what may happen to it.
//!
//! Pure. No I/O, no async, no SQL, no wire format; time comes in as data.

pub mod change;
pub mod channel_policy;
pub mod deletion;
pub mod failure;
pub mod file_name;
pub mod journal;
pub mod listing;
pub mod media;
pub mod redrive;
pub mod retry;
pub mod source;
pub mod status;
pub mod status_name;
pub mod storage_key;
pub mod usage;

use crate::ids::{AttachmentId, ChannelId, ConversationId, CorrelationId, MessageId, TenantId};
use channel_policy::{Retention, RetentionClass};
use failure::FailureReason;
use file_name::FileName;
use media::{DeclaredType, MediaKind};
use source::MediaSource;
use status::AttachmentStatus;
use time::OffsetDateTime;

/// One file of one message, from its announcement to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its id.
    pub id: AttachmentId,
    /// Whose it is.
    pub tenant: TenantId,
    /// How it came.
    pub channel: ChannelId,
    /// What names it there.
    pub source: MediaSource,
    /// The chat message it belongs to.
    pub message_id: MessageId,
    /// The conversation it belongs to.
    pub conversation_id: Option<ConversationId>,
    /// The request it belongs to.
    pub correlation_id: Option<CorrelationId>,
    /// The name its sender gave it.
    pub file_name: FileName,
    /// The type it was said to be; empty when nothing was said.
    pub declared_content_type: String,
    /// The size it was said to have, in bytes.
    pub declared_size_bytes: Option<u64>,
    /// How long it is kept.
    pub retention: RetentionClass,
    /// Where it stands.
    pub status: AttachmentStatus,
    /// Attempts begun and spent.
    pub attempts: u16,
    /// Attempts that may be spent.
    pub max_attempts: u16,
    /// When it was registered.
    pub created_at: OffsetDateTime,
    /// When its record last changed.
    pub updated_at: OffsetDateTime,
    /// When retention ends it.
    pub expires_at: Option<OffsetDateTime>,
}

impl Attachment {
    /// The type its sender declares.
    #[must_use]
    pub fn declared_type(&self) -> DeclaredType {
        DeclaredType::of(&self.declared_content_type)
    }
}

/// A file to be recorded, checked at the edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAttachment {
    /// How it came.
    pub channel: ChannelId,
    /// What names it there.
    pub source: MediaSource,
    /// The chat message it belongs to.
    pub message_id: MessageId,
    /// The conversation it belongs to.
    pub conversation_id: Option<ConversationId>,
    /// The request it belongs to.
    pub correlation_id: Option<CorrelationId>,
    /// The name its sender gave it.
    pub file_name: FileName,
    /// The type it is said to be; empty when nothing is said.
    pub declared_content_type: String,
    /// The size it is said to have, in bytes.
    pub declared_size_bytes: Option<u64>,
}

/// A registration with everything that is known before any byte has come.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The id it gets, should it be the first.
    pub id: AttachmentId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What was announced.
    pub new: NewAttachment,
    /// How long it is kept.
    pub retention: Retention,
    /// Attempts that may be spent on it.
    pub max_attempts: u16,
    /// Files its message may have.
    pub max_files_per_message: u16,
    /// Why it ends at once, where it does.
    pub refused: Option<FailureReason>,
}

impl Registration {
    /// Its place among its tenant's own: images, which people wait for, come
    /// before what takes long.
    #[must_use]
    pub fn priority(&self) -> i16 {
        match DeclaredType::of(&self.new.declared_content_type) {
            DeclaredType::Known(media_type) => match media_type.kind() {
                MediaKind::Image => 0,
                MediaKind::Document => 1,
                MediaKind::Audio => 2,
                MediaKind::Video => 3,
            },
            DeclaredType::Nothing | DeclaredType::Foreign => 1,
        }
    }
}

/// A recorded file.
#[derive(Debug, Clone)]
pub struct Registered {
    /// The record; the first one when this was a repeat.
    pub attachment: Attachment,
    /// Whether it was recorded before.
    pub duplicate: bool,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use source::UrlSource;

    /// A pending attachment of tenant `acme` with this file name.
    pub(crate) fn pending(file_name: &str) -> Attachment {
        let epoch = OffsetDateTime::UNIX_EPOCH;
        Attachment {
            id: AttachmentId::generate(),
            tenant: "acme".parse().unwrap(),
            channel: "line".parse().unwrap(),
            source: MediaSource::Url(UrlSource {
                url: "https://example.com/a".to_owned(),
            }),
            message_id: "m-1".parse().unwrap(),
            conversation_id: None,
            correlation_id: None,
            file_name: FileName::new(file_name),
            declared_content_type: String::new(),
            declared_size_bytes: None,
            retention: RetentionClass::Durable,
            status: AttachmentStatus::Pending {
                next_attempt_at: epoch,
            },
            attempts: 0,
            max_attempts: 5,
            created_at: epoch,
            updated_at: epoch,
            expires_at: None,
        }
    }
}
