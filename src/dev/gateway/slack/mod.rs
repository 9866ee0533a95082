//! Slack's Events API body, read into [`Event`]s.
//!
//! Files stand in `files[]` whatever the subtype of the message, so that is
//! what is looked at. `file_shared` tells of the same share a second time and
//! is passed over. Edits and deletions of a message carry the message inside
//! and are no new messages.

use super::event::{
    Event, InboundMessage, Malformed, TIMES, as_name, content_type, file_name, url,
};
use crate::ids::{ChannelId, MessageId};
use crate::proto::register_attachment_request::Source;
use crate::proto::{RegisterAttachmentRequest, SlackSource};
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

/// Reads a request of the Events API.
pub(super) fn parse(channel: &ChannelId, body: &[u8]) -> Result<Posted, Malformed> {
    Ok(match serde_json::from_slice(body)? {
        Envelope::UrlVerification { challenge } => Posted::Challenge(challenge),
        Envelope::EventCallback { event_id, event } => {
            Posted::Event(read(channel, event_id.as_deref(), event)?)
        }
        Envelope::Other => Posted::Event(None),
    })
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
    Message(SlackMessage),
    FileDeleted {
        file_id: String,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct SlackMessage {
    subtype: Option<String>,
    channel: String,
    user: Option<String>,
    ts: String,
    files: Option<Vec<File>>,
}

/// A file object. A stub of Slack Connect has little more than its id.
#[derive(Deserialize)]
struct File {
    id: String,
    name: Option<String>,
    mimetype: Option<String>,
    size: Option<i64>,
    mode: Option<String>,
    #[serde(rename = "file_access")]
    access: Option<String>,
    url_private_download: Option<String>,
}

fn read(
    channel: &ChannelId,
    event_id: Option<&str>,
    payload: Value,
) -> Result<Option<Event>, Malformed> {
    Ok(match SlackEvent::deserialize(&payload)? {
        SlackEvent::Message(message) if !is_about_a_message(&message) => {
            inbound(channel, event_id, message, payload)
        }
        SlackEvent::FileDeleted { file_id } => {
            as_name(&file_id).map(|file_id| Event::FileDeleted { file_id })
        }
        SlackEvent::Message(_) | SlackEvent::Other => None,
    })
}

fn is_about_a_message(message: &SlackMessage) -> bool {
    matches!(
        message.subtype.as_deref(),
        Some("message_changed" | "message_deleted" | "message_replied")
    )
}

/// Slack names a message by its conversation and its timestamp there.
fn inbound(
    channel: &ChannelId,
    event_id: Option<&str>,
    message: SlackMessage,
    payload: Value,
) -> Option<Event> {
    let id: MessageId = format!("{}:{}", message.channel, message.ts)
        .parse()
        .inspect_err(|_| tracing::warn!(channel.id = %channel, "Slack event with an unusable id"))
        .ok()?;
    let about = RegisterAttachmentRequest {
        channel_id: channel.to_string(),
        message_id: id.to_string(),
        conversation_id: message.channel,
        sender_id: message
            .user
            .and_then(|user| as_name(&user))
            .unwrap_or_default(),
        message_time: time_of(&message.ts),
        correlation_id: event_id.and_then(as_name).unwrap_or_default(),
        ..RegisterAttachmentRequest::default()
    };
    Some(Event::Message(InboundMessage {
        id,
        kind: message
            .subtype
            .and_then(|subtype| as_name(&subtype))
            .unwrap_or_else(|| "message".to_owned()),
        payload,
        files: message
            .files
            .unwrap_or_default()
            .into_iter()
            .filter_map(|file| request(&about, file))
            .collect(),
    }))
}

/// Slack's `ts` is the second and a number within it, six digits long.
fn time_of(ts: &str) -> Option<Timestamp> {
    let (seconds, within) = ts.split_once('.')?;
    Some(Timestamp {
        seconds: seconds
            .parse()
            .ok()
            .filter(|seconds| TIMES.contains(seconds))?,
        nanos: i32::from_str(within)
            .ok()
            .filter(|micros| (0..1_000_000).contains(micros))?
            * 1000,
    })
}

/// The call for one file: what is known of its message, and the file.
fn request(about: &RegisterAttachmentRequest, file: File) -> Option<RegisterAttachmentRequest> {
    Some(RegisterAttachmentRequest {
        source: Some(Source::Slack(SlackSource {
            file_id: as_name(&file.id)?,
            url_private_download: url(file.url_private_download),
            mode: file.mode.unwrap_or_default(),
            file_access: file.access.unwrap_or_default(),
        })),
        file_name: file.name.map(file_name).unwrap_or_default(),
        declared_content_type: content_type(file.mimetype),
        declared_size_bytes: file.size.filter(|size| *size > 0),
        ..about.clone()
    })
}

#[cfg(test)]
mod tests;
