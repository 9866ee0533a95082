//! Who sent a webhook: LINE's and Slack's signatures over the raw body.
//!
//! Both are checked in constant time and before the body is parsed. A body
//! that was parsed and written again no longer verifies: LINE escapes emoji
//! and Thai as `\uXXXX`, a serializer does not.

use crate::clock::Clock;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::Arc;

/// Slack: a request is fresh for this many seconds, either way.
const WINDOW_SECONDS: i64 = 300;

/// The signature is missing, wrong or stale. Which of these is not told.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the webhook's signature is not valid")]
pub(super) struct BadSignature;

/// Checks `x-line-signature`: base64 of HMAC-SHA256 over the raw body. The
/// scheme has no timestamp, so a replay is left to the message's primary key.
pub(super) struct LineVerifier {
    key: hmac::Key,
}

impl LineVerifier {
    pub(super) fn new(channel_secret: &SecretString) -> Self {
        Self {
            key: key(channel_secret),
        }
    }

    pub(super) fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), BadSignature> {
        let given = header(headers, "x-line-signature")?;
        let tag = STANDARD.decode(given).map_err(|_| BadSignature)?;
        hmac::verify(&self.key, body, &tag).map_err(|_| BadSignature)
    }
}

/// Checks `X-Slack-Signature`: `v0=` and hex of HMAC-SHA256 over
/// `v0:{timestamp}:{raw body}`, the timestamp not further than 300 s off.
pub(super) struct SlackVerifier {
    key: hmac::Key,
    clock: Arc<dyn Clock>,
}

impl SlackVerifier {
    pub(super) fn new(signing_secret: &SecretString, clock: Arc<dyn Clock>) -> Self {
        Self {
            key: key(signing_secret),
            clock,
        }
    }

    pub(super) fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), BadSignature> {
        let timestamp = header(headers, "x-slack-request-timestamp")?;
        let sent_at: i64 = timestamp.parse().map_err(|_| BadSignature)?;
        let now = self.clock.now().unix_timestamp();
        if now.abs_diff(sent_at) > WINDOW_SECONDS.unsigned_abs() {
            return Err(BadSignature);
        }
        let given = header(headers, "x-slack-signature")?;
        let tag = given
            .strip_prefix("v0=")
            .and_then(|tag| hex::decode(tag).ok())
            .ok_or(BadSignature)?;
        let signed = [b"v0:", timestamp.as_bytes(), b":", body].concat();
        hmac::verify(&self.key, &signed, &tag).map_err(|_| BadSignature)
    }
}

fn key(secret: &SecretString) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes())
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, BadSignature> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .ok_or(BadSignature)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use time::OffsetDateTime;

    struct StoppedAt(i64);

    impl Clock for StoppedAt {
        fn now(&self) -> OffsetDateTime {
            OffsetDateTime::from_unix_timestamp(self.0).unwrap()
        }
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    (*name).parse().unwrap(),
                    HeaderValue::from_str(value).unwrap(),
                )
            })
            .collect()
    }

    /// Signed with `openssl dgst -sha256 -hmac 'channel secret'`.
    const LINE_BODY: &str =
        r#"{"destination":"U0","events":[{"text":"\uD83E\uDD28 \u0E44\u0E17\u0E22"}]}"#;
    const LINE_SIGNATURE: &str = "JaU3Xn7138tGbZ05RVPBhnxhuPdWzvf/Bq6zjy+R9tI=";

    fn line(signature: &str, body: &[u8]) -> Result<(), BadSignature> {
        LineVerifier::new(&"channel secret".into())
            .verify(&headers(&[("X-Line-Signature", signature)]), body)
    }

    #[test]
    fn line_signs_the_raw_bytes() {
        assert_eq!(line(LINE_SIGNATURE, LINE_BODY.as_bytes()), Ok(()));
        let parsed: serde_json::Value = serde_json::from_str(LINE_BODY).unwrap();
        let rewritten = serde_json::to_vec(&parsed).unwrap();
        assert_eq!(line(LINE_SIGNATURE, &rewritten), Err(BadSignature));
    }

    #[test]
    fn line_refuses_what_is_no_signature() {
        for bad in [
            "",
            "?",
            "JaU3Xn7138tGbZ05RVPBhg==",
            &LINE_SIGNATURE.to_lowercase(),
        ] {
            assert_eq!(
                line(bad, LINE_BODY.as_bytes()),
                Err(BadSignature),
                "{bad:?}"
            );
        }
        let verifier = LineVerifier::new(&"channel secret".into());
        assert_eq!(
            verifier.verify(&HeaderMap::new(), LINE_BODY.as_bytes()),
            Err(BadSignature)
        );
    }

    /// The example of Slack's documentation.
    const SLACK_BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SLACK_SENT_AT: i64 = 1_531_420_618;
    const SLACK_SIGNATURE: &str =
        "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    fn slack(now: i64, sent_at: &str, signature: &str) -> Result<(), BadSignature> {
        let verifier = SlackVerifier::new(
            &"8f742231b10e8888abcd99yyyzzz85a5".into(),
            Arc::new(StoppedAt(now)),
        );
        let headers = headers(&[
            ("X-Slack-Request-Timestamp", sent_at),
            ("X-Slack-Signature", signature),
        ]);
        verifier.verify(&headers, SLACK_BODY.as_bytes())
    }

    #[test]
    fn slacks_own_example_verifies() {
        assert_eq!(slack(SLACK_SENT_AT, "1531420618", SLACK_SIGNATURE), Ok(()));
    }

    #[test]
    fn slack_allows_300_seconds_either_way() {
        for (now, expected) in [
            (SLACK_SENT_AT + 300, Ok(())),
            (SLACK_SENT_AT - 300, Ok(())),
            (SLACK_SENT_AT + 301, Err(BadSignature)),
            (SLACK_SENT_AT - 301, Err(BadSignature)),
        ] {
            assert_eq!(slack(now, "1531420618", SLACK_SIGNATURE), expected, "{now}");
        }
    }

    #[test]
    fn slacks_timestamp_is_part_of_what_is_signed() {
        let refused = Err(BadSignature);
        assert_eq!(slack(SLACK_SENT_AT, "1531420619", SLACK_SIGNATURE), refused);
        for bad in ["", "soon", "9223372036854775807", "-9223372036854775808"] {
            assert_eq!(
                slack(SLACK_SENT_AT, bad, SLACK_SIGNATURE),
                refused,
                "{bad:?}"
            );
        }
        for bad in [
            "",
            "v0=",
            "v0=zz",
            &SLACK_SIGNATURE[3..],
            &SLACK_SIGNATURE.replace("v0", "v1"),
        ] {
            assert_eq!(slack(SLACK_SENT_AT, "1531420618", bad), refused, "{bad:?}");
        }
    }
}
