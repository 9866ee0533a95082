//! One call to the service, and how it is written down.

use crate::dev::gateway::event::media_id;
use crate::ids::{ChannelId, MessageId};
use crate::proto::delete_attachment_request::{Cause, Target};
use crate::proto::purge_attachments_request::Group;
use crate::proto::{
    DeleteAttachmentRequest, PurgeAttachmentsRequest, RegisterAttachmentRequest, SourceReference,
};
use prost::Message as _;

/// A call that has not succeeded yet.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::dev::gateway) struct Call {
    pub(in crate::dev::gateway) id: i64,
    pub(in crate::dev::gateway) action: Action,
}

/// What to call.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::dev::gateway) enum Action {
    /// `RegisterAttachment`.
    Register(Box<RegisterAttachmentRequest>),
    /// `DeleteAttachment` by the file's id at its provider: the file is gone
    /// from every message.
    Delete(DeleteAttachmentRequest),
    /// `DeleteAttachment` by the id of one occurrence: the file left this one
    /// message.
    Remove(SourceReference),
    /// `PurgeAttachments` of a message.
    Purge(PurgeAttachmentsRequest),
}

/// What a call is about, for finding it again.
pub(super) struct Subject<'a> {
    pub(super) channel: &'a str,
    /// None when it is about a file in whatever messages it stands.
    pub(super) message: Option<&'a str>,
    /// Empty when it is about a whole message.
    pub(super) media: &'a str,
}

/// A call that cannot be read back.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("the request is not readable")]
    Request(#[from] prost::DecodeError),
    #[error("no call is of the kind {0:?}")]
    Kind(String),
}

impl Action {
    /// Deletes a file wherever it was shared, by its sender's wish.
    pub(super) fn delete(channel: &ChannelId, media_id: &str) -> Self {
        Self::Delete(DeleteAttachmentRequest {
            target: Some(Target::Source(SourceReference {
                channel_id: channel.to_string(),
                media_id: media_id.to_owned(),
                ..SourceReference::default()
            })),
            cause: Cause::Sender.into(),
        })
    }

    /// Deletes a file in one message only.
    pub(super) fn remove(channel: &ChannelId, message: &MessageId, media_id: &str) -> Self {
        Self::Remove(SourceReference {
            channel_id: channel.to_string(),
            media_id: media_id.to_owned(),
            part: String::new(),
            message_id: message.to_string(),
        })
    }

    /// Deletes all files of a message, by its sender's wish.
    pub(super) fn purge(message: &MessageId) -> Self {
        Self::Purge(PurgeAttachmentsRequest {
            group: Some(Group::MessageId(message.to_string())),
            cause: Cause::Sender.into(),
        })
    }

    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Register(_) => "register",
            Self::Delete(_) => "delete",
            Self::Remove(_) => "remove",
            Self::Purge(_) => "purge",
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Register(request) => request.encode_to_vec(),
            Self::Delete(request) => request.encode_to_vec(),
            Self::Remove(occurrence) => occurrence.encode_to_vec(),
            Self::Purge(request) => request.encode_to_vec(),
        }
    }

    pub(super) fn decode(kind: &str, request: &[u8]) -> Result<Self, Unreadable> {
        Ok(match kind {
            "register" => Self::Register(Box::new(RegisterAttachmentRequest::decode(request)?)),
            "delete" => Self::Delete(DeleteAttachmentRequest::decode(request)?),
            "remove" => Self::Remove(SourceReference::decode(request)?),
            "purge" => Self::Purge(PurgeAttachmentsRequest::decode(request)?),
            other => return Err(Unreadable::Kind(other.to_owned())),
        })
    }
}

impl<'a> Subject<'a> {
    pub(super) fn of_registration(request: &'a RegisterAttachmentRequest) -> Self {
        Self {
            channel: &request.channel_id,
            message: Some(&request.message_id),
            media: media_id(request),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_reads_back_as_it_was_written() {
        let (channel, message) = ("T1".parse().unwrap(), "C1:1.2".parse().unwrap());
        for action in [
            Action::Register(Box::new(RegisterAttachmentRequest {
                message_id: "C1:1.2".to_owned(),
                ..RegisterAttachmentRequest::default()
            })),
            Action::delete(&channel, "F1"),
            Action::remove(&channel, &message, "F1"),
            Action::purge(&message),
        ] {
            let read = Action::decode(action.kind(), &action.encode()).unwrap();
            assert_eq!(read, action);
        }
        assert!(Action::decode("teleport", &[]).is_err());
    }
}
