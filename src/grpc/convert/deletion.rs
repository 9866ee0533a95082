//! What is deleted, by whose wish, and what a deletion did.

use super::super::error::Violation;
use super::names::{name, optional_name, text};
use super::record::attachment_to_proto;
use crate::attachment::Attachment;
use crate::attachment::deletion::{Cause, Group, SourceName};
use crate::attachment::language::Language;
use crate::attachment::source::MediaId;
use crate::ids::MessageId;
use crate::proto::delete_attachment_request::Cause as CauseMessage;
use crate::proto::purge_attachments_request::Group as GroupMessage;
use crate::proto::{DeleteAttachmentResponse, PurgeAttachmentsResponse, SourceReference};
use crate::purge::{Purged, SourceDeleted};

const MAX_MEDIA_ID_BYTES: usize = 2048;

/// A file by its provider's name of it, its part, and the message it was
/// shared in.
pub(in crate::grpc) fn source_reference(
    source: SourceReference,
) -> Result<(SourceName, String, Option<MessageId>), Violation> {
    let channel = name("source.channel_id", &source.channel_id)?;
    if source.media_id.is_empty() {
        return Err(Violation::new("source.media_id", "must not be empty"));
    }
    let media_id = text("source.media_id", source.media_id, MAX_MEDIA_ID_BYTES)?;
    if !matches!(source.part.as_str(), "" | "preview") {
        return Err(Violation::new("source.part", "must be empty or `preview`"));
    }
    let message_id = optional_name("source.message_id", &source.message_id)?;
    let name = SourceName {
        channel,
        media_id: MediaId::of(&media_id),
    };
    Ok((name, source.part, message_id))
}

/// A file to delete, with all its parts and occurrences.
pub(in crate::grpc) fn whole_source(source: SourceReference) -> Result<SourceName, Violation> {
    let wanted = "must be empty: a source is deleted with all its parts and occurrences";
    match source_reference(source)? {
        (_, _, Some(_)) => Err(Violation::new("source.message_id", wanted)),
        (_, part, None) if !part.is_empty() => Err(Violation::new("source.part", wanted)),
        (name, _, None) => Ok(name),
    }
}

/// By whose wish.
pub(in crate::grpc) fn cause(number: i32) -> Result<Cause, Violation> {
    match CauseMessage::try_from(number) {
        Ok(CauseMessage::Unspecified | CauseMessage::Requested) => Ok(Cause::Requested),
        Ok(CauseMessage::Sender) => Ok(Cause::Sender),
        Err(_) => Err(Violation::new("cause", "must be a known cause")),
    }
}

/// The files of a request, a message, a conversation or a sender.
pub(in crate::grpc) fn group(group: Option<GroupMessage>) -> Result<Group, Violation> {
    match group {
        Some(GroupMessage::CorrelationId(id)) => {
            Ok(Group::Correlation(name("correlation_id", &id)?))
        }
        Some(GroupMessage::MessageId(id)) => Ok(Group::Message(name("message_id", &id)?)),
        Some(GroupMessage::ConversationId(id)) => {
            Ok(Group::Conversation(name("conversation_id", &id)?))
        }
        Some(GroupMessage::SenderId(id)) => Ok(Group::Sender(name("sender_id", &id)?)),
        None => {
            let wanted = "must be one of correlation_id, message_id, conversation_id and sender_id";
            Err(Violation::new("group", wanted))
        }
    }
}

/// What became of one attachment.
pub(in crate::grpc) fn one_deleted_to_proto(
    deleted: Attachment,
    language: Language,
) -> DeleteAttachmentResponse {
    DeleteAttachmentResponse {
        attachments: vec![attachment_to_proto(deleted, language)],
        tombstoned: false,
        done: true,
    }
}

/// What became of a source, which may be still to come.
pub(in crate::grpc) fn source_deleted_to_proto(
    deleted: SourceDeleted,
    language: Language,
) -> DeleteAttachmentResponse {
    DeleteAttachmentResponse {
        attachments: deleted
            .attachments
            .into_iter()
            .map(|attachment| attachment_to_proto(attachment, language))
            .collect(),
        tombstoned: true,
        done: deleted.is_done,
    }
}

/// What a purge did.
pub(in crate::grpc) fn purged_to_proto(purged: Purged) -> PurgeAttachmentsResponse {
    PurgeAttachmentsResponse {
        deleted_count: purged.deleted.cast_signed(),
        already_deleted_count: purged.already_deleted.cast_signed(),
        deleted_bytes: purged.bytes.cast_signed(),
        tombstoned: purged.is_tombstoned,
        done: purged.is_done,
    }
}
