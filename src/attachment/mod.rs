//! The core: what an attachment is and what may happen to it.
//!
//! Pure. No I/O, no async, no SQL, no wire format; time comes in as data.

mod advice;
pub mod change;
pub mod channel_policy;
pub mod deletion;
pub mod extracted;
pub mod facts;
pub mod failure;
pub mod file_name;
pub mod journal;
pub mod language;
pub mod listing;
pub mod media;
pub mod media_limits;
pub mod model;
pub mod processing;
pub mod redrive;
pub mod rendition;
pub mod retry;
pub mod slots;
pub mod source;
pub mod status;
pub mod status_name;
pub mod storage_key;
pub mod tenant;
pub mod usage;
pub mod work;

use crate::ids::{
    AttachmentId, ChannelId, ConversationId, CorrelationId, MessageId, SenderId, TenantId,
};
use channel_policy::{Retention, RetentionClass};
use failure::FailureReason;
use file_name::FileName;
use media::{DeclaredType, MediaKind};
use processing::Processing;
use rendition::StoredRendition;
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
    /// The channel it came by.
    pub channel: ChannelId,
    /// Where the file is from.
    pub origin: Origin,
    /// The chat message it belongs to.
    pub message_id: MessageId,
    /// The conversation it belongs to.
    pub conversation_id: Option<ConversationId>,
    /// The request it belongs to.
    pub correlation_id: Option<CorrelationId>,
    /// When the message was sent.
    pub message_time: Option<OffsetDateTime>,
    /// The name its sender gave it; empty once it is deleted.
    pub file_name: FileName,
    /// The type that was declared; empty when none was.
    pub declared_content_type: String,
    /// The size that was declared, in bytes.
    pub declared_size_bytes: Option<u64>,
    /// The kind of the detected type, else of the declared one or of the
    /// message; `None` when nothing is known.
    pub kind: Option<MediaKind>,
    /// How long it is kept.
    pub retention: RetentionClass,
    /// Where it stands.
    pub status: AttachmentStatus,
    /// What else lies in the bucket for it.
    pub renditions: Vec<StoredRendition>,
    /// How far its content is made ready.
    pub processing: Processing,
    /// Attempts that count.
    pub attempt_count: u16,
    /// Attempts that may be counted.
    pub max_attempts: u16,
    /// When it was registered.
    pub created_at: OffsetDateTime,
    /// When its record last changed.
    pub updated_at: OffsetDateTime,
    /// When retention ends it.
    pub expires_at: Option<OffsetDateTime>,
}

/// Where a file is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Its record knows.
    Known {
        /// The provider's reference to the file.
        source: MediaSource,
        /// Who sent it, where the gateway told.
        sender: Option<SenderId>,
    },
    /// It is deleted, and its record keeps neither source nor sender.
    Forgotten,
}

impl Attachment {
    /// This record with what a repeat of its registration knows more, while it
    /// is open; `None` where that is nothing. What the record says already stays.
    #[must_use]
    pub fn filled_in(&self, repeat: &NewAttachment) -> Option<Self> {
        let is_open = matches!(
            self.status,
            AttachmentStatus::Pending { .. }
                | AttachmentStatus::Downloading
                | AttachmentStatus::Failed {
                    next_attempt_at: Some(_),
                    ..
                }
        );
        let Origin::Known { source, sender } = &self.origin else {
            return None;
        };
        let source = source.filled_in(&repeat.source);
        let filled = Self {
            message_time: self.message_time.or(repeat.message_time),
            file_name: if self.file_name.as_str().is_empty() {
                repeat.file_name.clone()
            } else {
                self.file_name.clone()
            },
            declared_content_type: if self.declared_content_type.is_empty() {
                repeat.declared_content_type.clone()
            } else {
                self.declared_content_type.clone()
            },
            declared_size_bytes: self.declared_size_bytes.or(repeat.declared_size_bytes),
            kind: self
                .kind
                .or_else(|| source.kind())
                .or_else(|| repeat.kind()),
            origin: Origin::Known {
                source,
                sender: sender.clone().or_else(|| repeat.sender_id.clone()),
            },
            ..self.clone()
        };
        (is_open && filled != *self).then_some(filled)
    }

    /// The type its sender declares.
    #[must_use]
    pub fn declared_type(&self) -> DeclaredType {
        DeclaredType::of(&self.declared_content_type)
    }
}

/// A file to be recorded, checked at the edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAttachment {
    /// The channel it came by.
    pub channel: ChannelId,
    /// The provider's reference to the file: message id, file id or URL.
    pub source: MediaSource,
    /// The chat message it belongs to.
    pub message_id: MessageId,
    /// The conversation it belongs to.
    pub conversation_id: Option<ConversationId>,
    /// The request it belongs to.
    pub correlation_id: Option<CorrelationId>,
    /// Who sent it.
    pub sender_id: Option<SenderId>,
    /// When the message was sent.
    pub message_time: Option<OffsetDateTime>,
    /// The name its sender gave it.
    pub file_name: FileName,
    /// The type it is said to be; empty when nothing is said.
    pub declared_content_type: String,
    /// The size it is said to have, in bytes.
    pub declared_size_bytes: Option<u64>,
}

impl NewAttachment {
    /// The kind that its provider or its sender tells before any byte has come.
    #[must_use]
    pub fn kind(&self) -> Option<MediaKind> {
        self.source
            .kind()
            .or_else(|| match DeclaredType::of(&self.declared_content_type) {
                DeclaredType::Known(media_type) => Some(media_type.kind()),
                DeclaredType::Nothing | DeclaredType::Foreign => None,
            })
    }
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
    /// Attempts that may be counted.
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
        match self.new.kind() {
            Some(MediaKind::Image) => 0,
            Some(MediaKind::Document | MediaKind::Other) | None => 1,
            Some(MediaKind::Audio) => 2,
            Some(MediaKind::Video) => 3,
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
            origin: Origin::Known {
                source: MediaSource::Url(UrlSource::parse("https://example.com/a").unwrap()),
                sender: None,
            },
            message_id: "m-1".parse().unwrap(),
            conversation_id: None,
            correlation_id: None,
            message_time: None,
            file_name: FileName::new(file_name),
            declared_content_type: String::new(),
            declared_size_bytes: None,
            kind: None,
            retention: RetentionClass::Durable,
            status: AttachmentStatus::Pending {
                next_attempt_at: epoch,
            },
            renditions: Vec::new(),
            processing: Processing::None,
            attempt_count: 0,
            max_attempts: 5,
            created_at: epoch,
            updated_at: epoch,
            expires_at: None,
        }
    }
}
