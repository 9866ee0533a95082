//! Slack's Events API: what becomes of a message and its files, in an envelope
//! with a `v0` signature.
//! <https://docs.slack.dev/authentication/verifying-requests-from-slack>

use super::SignedWebhook;
use ring::hmac;
use serde_json::{Value, json};

/// Where everything happens.
const CONVERSATION: &str = "C0SIMULATOR";
const SENDER: &str = "U0SENDER";

/// One event, as it stands in the envelope. Files are objects as
/// `Simulator::slack_file_object` gives them; a `ts` is Slack's, such as
/// `1531420618.000100`.
#[derive(Debug, Clone)]
pub struct SlackEvent(Value);

impl SlackEvent {
    /// Somebody sent a message with these files.
    #[must_use]
    pub fn shared(ts: &str, files: &[Value]) -> Self {
        let mut event = message(ts, files);
        event["channel"] = CONVERSATION.into();
        event["channel_type"] = "channel".into();
        event["event_ts"] = ts.into();
        Self(event)
    }

    /// Somebody edited the message `ts`, at `edited_ts`: it had the files
    /// `before` and has the files `after`.
    #[must_use]
    pub fn edited(ts: &str, edited_ts: &str, before: &[Value], after: &[Value]) -> Self {
        let mut edited = message(ts, after);
        edited["edited"] = json!({ "user": SENDER, "ts": edited_ts });
        Self(json!({
            "type": "message", "subtype": "message_changed", "hidden": true,
            "channel": CONVERSATION, "channel_type": "channel",
            "message": edited, "previous_message": message(ts, before),
            "ts": edited_ts, "event_ts": edited_ts,
        }))
    }

    /// Somebody deleted the message `ts`, at `deleted_at_ts`; its files live on.
    #[must_use]
    pub fn message_deleted(ts: &str, deleted_at_ts: &str, files: &[Value]) -> Self {
        Self(json!({
            "type": "message", "subtype": "message_deleted", "hidden": true,
            "channel": CONVERSATION, "channel_type": "channel",
            "deleted_ts": ts, "previous_message": message(ts, files),
            "ts": deleted_at_ts, "event_ts": deleted_at_ts,
        }))
    }

    /// The second event about a share. It names no message.
    #[must_use]
    pub fn file_shared(file_id: &str) -> Self {
        let mut event = about_file("file_shared", file_id);
        event["channel_id"] = CONVERSATION.into();
        event["user_id"] = SENDER.into();
        Self(event)
    }

    /// The file left the conversation.
    #[must_use]
    pub fn file_unshared(file_id: &str) -> Self {
        let mut event = about_file("file_unshared", file_id);
        event["channel_id"] = CONVERSATION.into();
        Self(event)
    }

    /// The file is gone everywhere.
    #[must_use]
    pub fn file_deleted(file_id: &str) -> Self {
        let mut event = about_file("file_deleted", file_id);
        event["channel_ids"] = json!([CONVERSATION]);
        Self(event)
    }

    /// Any other event, also one that Slack would not send.
    #[must_use]
    pub fn other(event: Value) -> Self {
        Self(event)
    }
}

/// A webhook of this event. `timestamp` is in seconds; a gateway refuses one
/// more than 300 s off.
#[must_use]
pub fn slack_webhook(
    signing_secret: &str,
    team_id: &str,
    timestamp: i64,
    SlackEvent(event): &SlackEvent,
) -> SignedWebhook {
    let file_id = event["files"][0]["id"].as_str();
    let named = file_id.or(event["event_ts"].as_str()).unwrap_or_default();
    let body = json!({
        "type": "event_callback",
        "token": "deprecated",
        "team_id": team_id,
        "api_app_id": "A0SIMULATOR",
        "event_id": format!("Ev{named}"),
        "event_time": timestamp,
        "event_context": "4-simulated",
        "is_ext_shared_channel": false,
        "authorizations": [{
            "enterprise_id": null, "team_id": team_id, "user_id": "U0SIMULATOR",
            "is_bot": true, "is_enterprise_install": false,
        }],
        "event": event,
    });
    let body = body.to_string().into_bytes();
    let headers = [
        ("Content-Type", "application/json".to_owned()),
        ("X-Slack-Request-Timestamp", timestamp.to_string()),
        (
            "X-Slack-Signature",
            signature(signing_secret, timestamp, &body),
        ),
    ];
    SignedWebhook::new(body, headers)
}

/// The webhook Slack sends when somebody shares `file` now.
#[must_use]
pub fn slack_event(
    signing_secret: &str,
    team_id: &str,
    timestamp: i64,
    file: &Value,
) -> SignedWebhook {
    let ts = format!("{timestamp}.000100");
    let event = SlackEvent::shared(&ts, std::slice::from_ref(file));
    slack_webhook(signing_secret, team_id, timestamp, &event)
}

fn message(ts: &str, files: &[Value]) -> Value {
    json!({
        "type": "message", "subtype": "file_share", "text": "", "files": files,
        "upload": false, "display_as_bot": false, "user": SENDER, "ts": ts,
    })
}

fn about_file(kind: &str, file_id: &str) -> Value {
    json!({
        "type": kind, "file_id": file_id, "file": { "id": file_id },
        "event_ts": "1531420700.000100",
    })
}

fn signature(signing_secret: &str, timestamp: i64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, signing_secret.as_bytes());
    let mut context = hmac::Context::with_key(&key);
    context.update(format!("v0:{timestamp}:").as_bytes());
    context.update(body);
    format!("v0={}", hex::encode(context.sign()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Slack's documentation.
    #[test]
    fn the_official_vector() {
        let body = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        assert_eq!(
            signature("8f742231b10e8888abcd99yyyzzz85a5", 1_531_420_618, body),
            "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
        );
    }

    #[test]
    fn the_event_carries_the_file_and_verifies() {
        let file = json!({ "id": "F1", "mode": "hosted" });
        let webhook = slack_event("secret", "T1", 1_700_000_000, &file);
        let body: Value = serde_json::from_slice(&webhook.body).unwrap();
        assert_eq!(body["event"]["subtype"], "file_share");
        assert_eq!(body["event"]["files"], json!([file]));
        assert_eq!(
            webhook.headers[2].1,
            signature("secret", 1_700_000_000, &webhook.body)
        );
    }

    #[test]
    fn an_edit_bears_the_message_before_and_after() {
        let (one, two) = (json!({ "id": "F1" }), json!({ "id": "F2" }));
        let before = [one.clone()];
        let edit = SlackEvent::edited("1.000001", "2.000001", &before, &[one.clone(), two]);
        let webhook = slack_webhook("secret", "T1", 1_700_000_000, &edit);
        let body: Value = serde_json::from_slice(&webhook.body).unwrap();
        let event = &body["event"];
        assert_eq!(event["message"]["ts"], "1.000001");
        assert_eq!(event["message"]["files"].as_array().unwrap().len(), 2);
        assert_eq!(event["previous_message"]["files"], json!([one]));
        assert_eq!(event["ts"], "2.000001");
    }
}
