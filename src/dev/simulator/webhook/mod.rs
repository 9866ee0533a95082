//! Webhooks as LINE and Slack send them, signed over their raw bytes.
//!
//! For demos and for tests of a gateway; the attachment service itself sees no
//! webhook.

mod line;
mod slack;

pub use line::{LineEvent, line_webhook};
pub use slack::{SlackEvent, slack_event, slack_webhook};

/// A body and the headers that go with it. The signature covers these very
/// bytes: written anew as JSON, they no longer verify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedWebhook {
    /// What to post.
    pub body: Vec<u8>,
    /// Content type and signature headers, names as the provider writes them.
    pub headers: Vec<(String, String)>,
}

impl SignedWebhook {
    fn new(body: Vec<u8>, headers: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let headers = headers
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        Self {
            body,
            headers: headers.collect(),
        }
    }
}
