//! LINE's webhook body, read into [`Event`]s.
//!
//! LINE adds event types and properties without notice: what is not known is
//! passed over, and one event that cannot be read never costs the others.
//! `webhookEventId` only correlates; the file's identity is the message id,
//! since LINE's own album example repeats one event id on two images.

use super::event::{Event, InboundMessage, Malformed, TIMES, as_name, file_name, url};
use crate::ids::{ChannelId, MessageId};
use crate::proto::register_attachment_request::Source;
use crate::proto::{LineImageSet, LineSource, RegisterAttachmentRequest};
use crate::telemetry::Chain;
use prost_types::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// Reads a webhook. LINE's console sends one without events to verify an
/// endpoint.
pub(super) fn parse(channel: &ChannelId, body: &[u8]) -> Result<Vec<Event>, Malformed> {
    let webhook: Webhook = serde_json::from_slice(body)?;
    Ok(webhook
        .events
        .into_iter()
        .filter_map(|event| read(channel, event))
        .collect())
}

#[derive(Deserialize)]
struct Webhook {
    #[serde(default)]
    events: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum LineEvent {
    Message(Box<MessageEvent>),
    Unsend {
        unsend: Unsend,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MessageEvent {
    webhook_event_id: Option<String>,
    source: Option<Sender>,
    /// Milliseconds since 1970.
    timestamp: Option<i64>,
    message: LineMessage,
}

/// A user, or the group or room where the user writes.
#[derive(Deserialize, Default)]
struct Sender {
    #[serde(rename = "groupId")]
    group: Option<String>,
    #[serde(rename = "roomId")]
    room: Option<String>,
    #[serde(rename = "userId")]
    user: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LineMessage {
    id: String,
    r#type: String,
    content_provider: Option<ContentProvider>,
    image_set: Option<ImageSet>,
    file_name: Option<String>,
    file_size: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContentProvider {
    r#type: String,
    original_content_url: Option<String>,
}

/// Senders on old Android versions leave position and total out.
#[derive(Deserialize)]
struct ImageSet {
    id: String,
    index: Option<i32>,
    total: Option<i32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Unsend {
    message_id: String,
}

fn read(channel: &ChannelId, mut payload: Value) -> Option<Event> {
    match LineEvent::deserialize(&payload) {
        Ok(LineEvent::Message(event)) => {
            let id = named(&event.message.id)?;
            // Good for one reply within a minute: nothing to keep.
            if let Some(event) = payload.as_object_mut() {
                event.remove("replyToken");
            }
            Some(Event::Message(InboundMessage {
                id,
                kind: as_name(&event.message.r#type).unwrap_or_default(),
                payload,
                files: request(channel, *event).into_iter().collect(),
            }))
        }
        Ok(LineEvent::Unsend { unsend }) => Some(Event::Unsent(named(&unsend.message_id)?)),
        Ok(LineEvent::Other) => None,
        Err(error) => {
            tracing::warn!(channel.id = %channel, error = %Chain(&error), "unreadable LINE event");
            None
        }
    }
}

fn named(message_id: &str) -> Option<MessageId> {
    message_id
        .parse()
        .inspect_err(|_| tracing::warn!("LINE event with an unusable message id"))
        .ok()
}

/// The call for the message's file; none for text, stickers and the like.
/// LINE states a name and a size for `file` messages only, and a type never.
fn request(channel: &ChannelId, event: MessageEvent) -> Option<RegisterAttachmentRequest> {
    let message = event.message;
    if !matches!(
        message.r#type.as_str(),
        "image" | "video" | "audio" | "file"
    ) {
        return None;
    }
    let sender = event.source.unwrap_or_default();
    let named = |id: Option<String>| id.and_then(|id| as_name(&id)).unwrap_or_default();
    let (content_provider, original_content_url) = message
        .content_provider
        // One that LINE has yet to invent would cost the registration.
        .filter(|provider| matches!(provider.r#type.as_str(), "line" | "external"))
        .map(|provider| (provider.r#type, url(provider.original_content_url)))
        .unwrap_or_default();
    Some(RegisterAttachmentRequest {
        channel_id: channel.to_string(),
        source: Some(Source::Line(LineSource {
            message_id: message.id.clone(),
            part: String::new(),
            message_type: message.r#type,
            content_provider,
            original_content_url,
            image_set: message.image_set.as_ref().and_then(album),
        })),
        message_id: message.id,
        conversation_id: named(sender.group.or(sender.room).or_else(|| sender.user.clone())),
        sender_id: named(sender.user),
        message_time: event.timestamp.and_then(time_of),
        correlation_id: named(event.webhook_event_id),
        file_name: message.file_name.map(file_name).unwrap_or_default(),
        declared_content_type: String::new(),
        declared_size_bytes: message.file_size.filter(|size| *size > 0),
    })
}

/// An album, as far as the contract can spell it.
fn album(set: &ImageSet) -> Option<LineImageSet> {
    let count = |count: Option<i32>| count.filter(|count| (0..=65_535).contains(count));
    Some(LineImageSet {
        id: as_name(&set.id)?,
        index: count(set.index).unwrap_or_default(),
        total: count(set.total).unwrap_or_default(),
    })
}

fn time_of(millis: i64) -> Option<Timestamp> {
    Some(Timestamp {
        seconds: Some(millis.div_euclid(1000)).filter(|seconds| TIMES.contains(seconds))?,
        nanos: i32::try_from(millis.rem_euclid(1000)).ok()? * 1_000_000,
    })
}

#[cfg(test)]
mod tests;
