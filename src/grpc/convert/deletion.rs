//! What is deleted, by whose wish, and what a deletion did.

use super::super::error::{Violation, unimplemented};
use super::names::{name, optional_name, text};
use super::record::attachment_to_proto;
use crate::attachment::Attachment;
use crate::attachment::deletion::{Group, SourceName};
use crate::attachment::language::Language;
use crate::ids::{MessageId, SenderId};
use crate::proto::delete_attachment_request::Cause;
use crate::proto::purge_attachments_request::Group as GroupMessage;
use crate::proto::{DeleteAttachmentResponse, PurgeAttachmentsResponse, SourceReference};
use crate::purge::Purged;
use tonic::Status;

const MAX_MEDIA_ID_BYTES: usize = 2048;

/// A file by its provider's name of it, and the message it was shared in.
pub(in crate::grpc) fn source_reference(
    source: SourceReference,
) -> Result<(SourceName, Option<MessageId>), Violation> {
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
        media_id,
        part: source.part,
    };
    Ok((name, message_id))
}

/// A file to delete, with all its parts and occurrences.
pub(in crate::grpc) fn whole_source(source: SourceReference) -> Result<SourceName, Violation> {
    let wanted = "must be empty: a source is deleted with all its parts and occurrences";
    match source_reference(source)? {
        (_, Some(_)) => Err(Violation::new("source.message_id", wanted)),
        (name, None) if !name.part.is_empty() => Err(Violation::new("source.part", wanted)),
        // WIRE: the core deletes the content alone, not the preview.
        (name, None) => Ok(name),
    }
}

/// By whose wish.
pub(in crate::grpc) fn cause(number: i32) -> Result<(), Status> {
    match Cause::try_from(number) {
        Ok(Cause::Unspecified | Cause::Requested) => Ok(()),
        // WIRE: the core records DELETE_REQUESTED whoever wished it.
        Ok(Cause::Sender) => Err(unimplemented("cause SENDER")),
        Err(_) => Err(Violation::new("cause", "must be a known cause").into()),
    }
}

/// The files of a request, a message, a conversation or a sender.
pub(in crate::grpc) fn group(group: Option<GroupMessage>) -> Result<Group, Status> {
    match group {
        Some(GroupMessage::CorrelationId(id)) => {
            Ok(Group::Correlation(name("correlation_id", &id)?))
        }
        Some(GroupMessage::MessageId(id)) => Ok(Group::Message(name("message_id", &id)?)),
        Some(GroupMessage::ConversationId(id)) => {
            Ok(Group::Conversation(name("conversation_id", &id)?))
        }
        Some(GroupMessage::SenderId(id)) => {
            name::<SenderId>("sender_id", &id)?;
            // WIRE: the core purges by no sender.
            Err(unimplemented("a purge by sender_id"))
        }
        None => {
            let wanted = "must be one of correlation_id, message_id, conversation_id and sender_id";
            Err(Violation::new("group", wanted).into())
        }
    }
}

/// What became of one attachment, or of a source that may be still to come.
pub(in crate::grpc) fn deleted_to_proto(
    deleted: Option<Attachment>,
    by_source: bool,
    language: Language,
) -> DeleteAttachmentResponse {
    DeleteAttachmentResponse {
        attachments: deleted
            .map(|attachment| attachment_to_proto(attachment, language))
            .into_iter()
            .collect(),
        tombstoned: by_source,
        done: true,
    }
}

/// What a purge did.
pub(in crate::grpc) fn purged_to_proto(purged: Purged) -> PurgeAttachmentsResponse {
    PurgeAttachmentsResponse {
        deleted_count: purged.deleted.cast_signed(),
        already_deleted_count: purged.already_deleted.cast_signed(),
        deleted_bytes: purged.bytes.cast_signed(),
        // WIRE: the core's purge leaves no tombstone for its message, and has no end of time.
        tombstoned: false,
        done: true,
    }
}
