//! LINE's webhook: an envelope of events and `x-line-signature`.
//! <https://developers.line.biz/en/reference/messaging-api/#webhook-event-objects>

use super::SignedWebhook;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde::Serialize as _;
use serde_json::ser::{Formatter, Serializer};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::io;

/// When events happen unless told otherwise: LINE's own sample.
const TIMESTAMP_MS: u64 = 1_627_356_924_513;

/// One event of a webhook. The same event made twice is the same event: its
/// `webhookEventId` comes from what it says.
#[derive(Debug, Clone)]
pub struct LineEvent {
    /// `message` or `unsend`, and the object under that name.
    kind: &'static str,
    object: Value,
    timestamp_ms: u64,
    redelivery: bool,
}

impl LineEvent {
    /// A single image.
    #[must_use]
    pub fn image(message_id: &str) -> Self {
        Self::message(json!({
            "type": "image", "id": message_id, "quoteToken": quote_token(message_id),
            "contentProvider": { "type": "line" },
        }))
    }

    /// One image of an album. LINE sends an event each, in no order; `index` counts from 1.
    #[must_use]
    pub fn album_image(message_id: &str, set_id: &str, index: u32, total: u32) -> Self {
        let mut event = Self::image(message_id);
        event.object["imageSet"] = json!({ "id": set_id, "index": index, "total": total });
        event
    }

    /// A video.
    #[must_use]
    pub fn video(message_id: &str, duration_ms: u64) -> Self {
        Self::message(json!({
            "type": "video", "id": message_id, "quoteToken": quote_token(message_id),
            "duration": duration_ms, "contentProvider": { "type": "line" },
        }))
    }

    /// A voice message or audio; it has no quote token.
    #[must_use]
    pub fn audio(message_id: &str, duration_ms: u64) -> Self {
        Self::message(json!({
            "type": "audio", "id": message_id, "duration": duration_ms,
            "contentProvider": { "type": "line" },
        }))
    }

    /// A file: the only kind whose name and size are known beforehand.
    #[must_use]
    pub fn file(message_id: &str, file_name: &str, file_size: u64) -> Self {
        Self::message(json!({
            "type": "file", "id": message_id, "fileName": file_name, "fileSize": file_size,
        }))
    }

    /// An image that lies on a third party's server; LINE has no content of it.
    #[must_use]
    pub fn external_image(
        message_id: &str,
        original_content_url: &str,
        preview_image_url: &str,
    ) -> Self {
        let mut event = Self::image(message_id);
        event.object["contentProvider"] = json!({
            "type": "external", "originalContentUrl": original_content_url,
            "previewImageUrl": preview_image_url,
        });
        event
    }

    /// The sender took a message back.
    #[must_use]
    pub fn unsend(message_id: &str) -> Self {
        Self {
            kind: "unsend",
            object: json!({ "messageId": message_id }),
            timestamp_ms: TIMESTAMP_MS,
            redelivery: false,
        }
    }

    /// When it happened, in milliseconds since 1970; a redelivery keeps it.
    #[must_use]
    pub fn at(self, timestamp_ms: u64) -> Self {
        Self {
            timestamp_ms,
            ..self
        }
    }

    /// The same event again, and marked so.
    #[must_use]
    pub fn redelivered(self) -> Self {
        Self {
            redelivery: true,
            ..self
        }
    }

    fn message(object: Value) -> Self {
        Self {
            kind: "message",
            object,
            timestamp_ms: TIMESTAMP_MS,
            redelivery: false,
        }
    }

    fn document(&self) -> Value {
        let seed = format!("{}{}", self.kind, self.object);
        let mut event = json!({
            "type": self.kind,
            self.kind: self.object,
            "timestamp": self.timestamp_ms,
            "source": { "type": "user", "userId": format!("U{}", &digest("user")[..32]) },
            "webhookEventId": ulid(&seed),
            "deliveryContext": { "isRedelivery": self.redelivery },
            "mode": "active",
        });
        if self.kind == "message" {
            event["replyToken"] = digest(&seed)[..32].into();
        }
        event
    }
}

/// A webhook of these events; none of them is what the console's "verify" sends.
///
/// `destination` is the bot's user id (`U` and 32 hex digits).
#[must_use]
pub fn line_webhook(
    channel_secret: &str,
    destination: &str,
    events: &[LineEvent],
) -> SignedWebhook {
    let events: Vec<_> = events.iter().map(LineEvent::document).collect();
    let body = to_ascii_json(&json!({ "destination": destination, "events": events }));
    let key = hmac::Key::new(hmac::HMAC_SHA256, channel_secret.as_bytes());
    let signature = STANDARD.encode(hmac::sign(&key, &body));
    let headers = [
        ("content-type", "application/json; charset=utf-8".to_owned()),
        ("x-line-signature", signature),
    ];
    SignedWebhook::new(body, headers)
}

/// LINE escapes what is not ASCII. A gateway that parses and writes the body
/// again before it verifies fails on exactly that.
struct AsciiFormatter;

impl Formatter for AsciiFormatter {
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        for unit in fragment.encode_utf16() {
            match u8::try_from(unit) {
                Ok(byte) if byte.is_ascii() => writer.write_all(&[byte])?,
                _ => write!(writer, "\\u{unit:04X}")?,
            }
        }
        Ok(())
    }
}

fn to_ascii_json(document: &Value) -> Vec<u8> {
    let mut body = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut body, AsciiFormatter);
    match document.serialize(&mut serializer) {
        Ok(()) => body,
        // Only maps with other than text keys fail, and a `Value` has none.
        Err(_) => document.to_string().into_bytes(),
    }
}

fn quote_token(message_id: &str) -> String {
    digest(message_id)[..44].to_owned()
}

fn digest(seed: &str) -> String {
    hex::encode(Sha256::digest(seed))
}

/// 26 characters of Crockford's base 32, the first at most 7.
fn ulid(seed: &str) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let digits = Sha256::digest(seed);
    let rest = digits
        .iter()
        .take(25)
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    std::iter::once('0').chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "8c570fa6dd201bb328f1c1eac23a96d8";
    const BOT: &str = "U0123456789abcdef0123456789abcdef";

    fn events(webhook: &SignedWebhook) -> Vec<Value> {
        let body: Value = serde_json::from_slice(&webhook.body).unwrap();
        assert_eq!(body["destination"], BOT);
        body["events"].as_array().unwrap().clone()
    }

    #[test]
    fn the_signature_covers_the_raw_bytes() {
        let webhook = line_webhook(
            SECRET,
            BOT,
            &[LineEvent::file("325710", "รายงาน 🤨.pdf", 2138)],
        );
        let signature = STANDARD.decode(&webhook.headers[1].1).unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
        hmac::verify(&key, &webhook.body, &signature).unwrap();
        let rewritten = serde_json::from_slice::<Value>(&webhook.body)
            .unwrap()
            .to_string();
        assert!(hmac::verify(&key, rewritten.as_bytes(), &signature).is_err());
    }

    #[test]
    fn other_than_ascii_is_escaped_and_reads_back() {
        let webhook = line_webhook(SECRET, BOT, &[LineEvent::file("1", "ร🤨\n.pdf", 1)]);
        assert!(webhook.body.is_ascii());
        assert!(String::from_utf8_lossy(&webhook.body).contains(r"\u0E23\uD83E\uDD28\n.pdf"));
        assert_eq!(events(&webhook)[0]["message"]["fileName"], "ร🤨\n.pdf");
    }

    #[test]
    fn a_redelivery_is_the_same_event() {
        let image = LineEvent::image("354718705033693859");
        let webhook = line_webhook(
            SECRET,
            BOT,
            &[image.clone(), image.redelivered(), LineEvent::image("2")],
        );
        let events = events(&webhook);
        assert_eq!(events[0]["webhookEventId"], events[1]["webhookEventId"]);
        assert_eq!(events[1]["deliveryContext"]["isRedelivery"], true);
        assert_ne!(events[0]["webhookEventId"], events[2]["webhookEventId"]);
    }

    #[test]
    fn an_unsend_has_no_reply_token() {
        let webhook = line_webhook(SECRET, BOT, &[LineEvent::unsend("325708")]);
        let event = &events(&webhook)[0];
        assert_eq!(event["unsend"]["messageId"], "325708");
        assert!(event.get("replyToken").is_none());
    }

    #[test]
    fn the_console_sends_no_events() {
        assert!(events(&line_webhook(SECRET, BOT, &[])).is_empty());
    }
}
