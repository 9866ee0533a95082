//! Slack's Events API body, read into [`Event`]s.
//!
//! Files stand in `files[]` whatever the subtype of the message, so that is
//! what is looked at. `file_shared` tells of the same share a second time and
//! is passed over. Slack repeats what is not answered 200, and a repeat reads
//! no better: what is not known or cannot be read is logged and done with.

mod file;

use super::event::{Event, InboundMessage, Malformed, TIMES, as_name};
use crate::ids::{ChannelId, MessageId};
use crate::proto::RegisterAttachmentRequest;
use crate::telemetry::Chain;
use file::File;
use prost_types::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::str::FromStr as _;

/// What Slack posted.
#[derive(Debug, PartialEq)]
pub(super) enum Posted {
    /// Slack verifies the endpoint and wants this text back.
    Challenge(String),
    /// Something happened, or nothing of interest.
    Event(Option<Event>),
}

/// Reads a request of the Events API. Only what is no JSON is malformed.
pub(super) fn parse(channel: &ChannelId, body: &[u8]) -> Result<Posted, Malformed> {
    let posted: Value = serde_json::from_slice(body)?;
    Ok(match Envelope::deserialize(posted) {
        Ok(Envelope::UrlVerification { challenge }) => Posted::Challenge(challenge),
        Ok(Envelope::EventCallback { event_id, event }) => {
            let event_id = event_id.as_deref().and_then(as_name).unwrap_or_default();
            Posted::Event(Reader { channel, event_id }.read(event))
        }
        Ok(Envelope::Other) => Posted::Event(None),
        Err(error) => {
            unreadable(channel, &error);
            Posted::Event(None)
        }
    })
}

fn unreadable(channel: &ChannelId, error: &serde_json::Error) {
    tracing::warn!(channel.id = %channel, error = %Chain(error), "unreadable Slack event");
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Envelope {
    UrlVerification {
        challenge: String,
    },
    EventCallback {
        event_id: Option<String>,
        event: Value,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum SlackEvent {
    Message(InConversation),
    FileDeleted {
        file_id: String,
    },
    /// Slack's reference shows no conversation; where none is named, the edit
    /// of the message tells.
    FileUnshared {
        file_id: String,
        channel_id: Option<String>,
    },
    #[serde(other)]
    Other,
}

/// What every event about a message has.
#[derive(Deserialize)]
struct InConversation {
    subtype: Option<String>,
    channel: String,
}

/// A message as it was sent, or as it is after an edit.
#[derive(Deserialize)]
struct Message {
    subtype: Option<String>,
    user: Option<String>,
    ts: String,
    /// Read one by one: one that is odd never costs the others.
    files: Option<Vec<Value>>,
}

#[derive(Deserialize)]
struct Edit {
    /// When it was edited, as is `ts`; the message keeps its own.
    event_ts: Option<String>,
    ts: Option<String>,
    message: Value,
}

#[derive(Deserialize)]
struct Deletion {
    deleted_ts: String,
}

/// Reads one event.
struct Reader<'a> {
    channel: &'a ChannelId,
    /// For correlation; may be empty.
    event_id: String,
}

impl Reader<'_> {
    fn read(&self, payload: Value) -> Option<Event> {
        self.try_read(payload)
            .inspect_err(|error| unreadable(self.channel, error))
            .ok()?
    }

    fn try_read(&self, payload: Value) -> serde_json::Result<Option<Event>> {
        Ok(match SlackEvent::deserialize(&payload)? {
            SlackEvent::Message(about) => match about.subtype.as_deref() {
                Some("message_changed") => self.edited(&about.channel, payload)?,
                Some("message_deleted") => {
                    let deletion = Deletion::deserialize(&payload)?;
                    self.id(&about.channel, &deletion.deleted_ts)
                        .map(Event::MessageDeleted)
                }
                Some("message_replied") => None,
                _ => {
                    let message = Message::deserialize(&payload)?;
                    self.inbound(about.channel, message, payload)
                        .map(Event::Message)
                }
            },
            SlackEvent::FileDeleted { file_id } => {
                as_name(&file_id).map(|file_id| Event::FileDeleted { file_id })
            }
            SlackEvent::FileUnshared {
                file_id,
                channel_id,
            } => as_name(&file_id)
                .zip(channel_id.and_then(|id| as_name(&id)))
                .map(|(file_id, conversation)| Event::FileUnshared {
                    file_id,
                    conversation,
                }),
            SlackEvent::Other => None,
        })
    }

    /// An edit. A file that was deleted meanwhile is no file of the message
    /// any more; nor is anything of one that became a tombstone, which is how
    /// Slack deletes a message that has replies.
    fn edited(&self, conversation: &str, payload: Value) -> serde_json::Result<Option<Event>> {
        let edit = Edit::deserialize(payload)?;
        let mut message = Message::deserialize(&edit.message)?;
        if message.subtype.as_deref() == Some("tombstone") {
            return Ok(self
                .id(conversation, &message.ts)
                .map(Event::MessageDeleted));
        }
        // Half of its files would make the others look as if they had left.
        for file in message.files.iter().flatten() {
            File::deserialize(file)?;
        }
        if let Some(files) = &mut message.files {
            files.retain(|file| file["mode"] != "tombstone");
        }
        let Some(at) = edit.event_ts.or(edit.ts).as_deref().and_then(micros_of) else {
            tracing::warn!(channel.id = %self.channel, "Slack edit without a usable time");
            return Ok(None);
        };
        let mut payload = edit.message;
        // As in the event that brought the message.
        if let Some(message) = payload.as_object_mut() {
            message.insert("channel".to_owned(), conversation.into());
        }
        Ok(self
            .inbound(conversation.to_owned(), message, payload)
            .map(|message| Event::Edited { message, at }))
    }

    /// Slack names a message by its conversation and its timestamp there.
    fn id(&self, conversation: &str, ts: &str) -> Option<MessageId> {
        format!("{conversation}:{ts}")
            .parse()
            .inspect_err(
                |_| tracing::warn!(channel.id = %self.channel, "Slack event with an unusable id"),
            )
            .ok()
    }

    fn inbound(
        &self,
        conversation: String,
        message: Message,
        payload: Value,
    ) -> Option<InboundMessage> {
        let id = self.id(&conversation, &message.ts)?;
        let about = RegisterAttachmentRequest {
            channel_id: self.channel.to_string(),
            message_id: id.to_string(),
            conversation_id: conversation,
            sender_id: message
                .user
                .and_then(|user| as_name(&user))
                .unwrap_or_default(),
            message_time: time_of(&message.ts),
            correlation_id: self.event_id.clone(),
            ..RegisterAttachmentRequest::default()
        };
        Some(InboundMessage {
            id,
            kind: message
                .subtype
                .and_then(|subtype| as_name(&subtype))
                .unwrap_or_else(|| "message".to_owned()),
            payload,
            files: message
                .files
                .unwrap_or_default()
                .iter()
                .filter_map(|file| {
                    File::deserialize(file)
                        .inspect_err(|error| unreadable(self.channel, error))
                        .ok()
                })
                .filter_map(|file| file.request(&about))
                .collect(),
        })
    }
}

/// Slack's `ts` is the second and a number within it, six digits long.
fn time_of(ts: &str) -> Option<Timestamp> {
    let micros = micros_of(ts)?;
    Some(Timestamp {
        seconds: micros / 1_000_000,
        nanos: i32::try_from(micros % 1_000_000).ok()? * 1000,
    })
}

fn micros_of(ts: &str) -> Option<i64> {
    let (seconds, within) = ts.split_once('.')?;
    let seconds = i64::from_str(seconds)
        .ok()
        .filter(|seconds| TIMES.contains(seconds))?;
    let within = i64::from_str(within)
        .ok()
        .filter(|micros| (0..1_000_000).contains(micros))?;
    Some(seconds * 1_000_000 + within)
}

#[cfg(test)]
mod tests;
