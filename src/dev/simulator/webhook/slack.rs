//! Slack's Events API: a `message` of subtype `file_share` and its `v0` signature.
//! <https://docs.slack.dev/authentication/verifying-requests-from-slack>

use super::SignedWebhook;
use ring::hmac;
use serde_json::{Value, json};

/// The event Slack sends when somebody shares `file`, an object as
/// `Simulator::slack_file_object` gives it. `timestamp` is in seconds; a
/// gateway refuses one more than 300 s off.
#[must_use]
pub fn slack_event(
    signing_secret: &str,
    team_id: &str,
    timestamp: i64,
    file: &Value,
) -> SignedWebhook {
    let file_id = file["id"].as_str().unwrap_or_default();
    let ts = format!("{timestamp}.000100");
    let body = json!({
        "type": "event_callback",
        "token": "deprecated",
        "team_id": team_id,
        "api_app_id": "A0SIMULATOR",
        "event_id": format!("Ev{file_id}"),
        "event_time": timestamp,
        "event_context": "4-simulated",
        "is_ext_shared_channel": false,
        "authorizations": [{
            "enterprise_id": null, "team_id": team_id, "user_id": "U0SIMULATOR",
            "is_bot": true, "is_enterprise_install": false,
        }],
        "event": {
            "type": "message",
            "subtype": "file_share",
            "text": "",
            "files": [file],
            "upload": false,
            "display_as_bot": false,
            "user": "U0SENDER",
            "ts": ts,
            "event_ts": ts,
            "channel": "C0SIMULATOR",
            "channel_type": "channel",
        },
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
}
