//! What a webhook tells, whichever provider sent it.
//!
//! Texts that a sender chose are cut to what the service's contract takes
//! here, so that a long file name never costs the file.

use crate::ids::MessageId;
use crate::proto::RegisterAttachmentRequest;
use crate::proto::register_attachment_request::Source;
use serde_json::Value;

/// Bytes of a file name, by the contract of `RegisterAttachment`.
const FILE_NAME_MAX: usize = 1024;
/// Bytes of a declared content type, by the same contract.
const CONTENT_TYPE_MAX: usize = 255;
/// Bytes of a provider's own word, by the same contract.
const WORD_MAX: usize = 64;
/// Bytes of a URL. No browser or provider makes longer ones, and a batch of
/// requests has to stay below gRPC's message limit.
const URL_MAX: usize = 2048;
/// Seconds since 1970 to the end of the year 9999, as far as the contract goes.
pub(super) const TIMES: std::ops::RangeInclusive<i64> = 0..=253_402_300_799;

/// One thing that happened at the provider.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Event {
    /// Somebody sent a message.
    Message(InboundMessage),
    /// Somebody edited a message: this is what it is now.
    Edited {
        /// With all files that it has now.
        message: InboundMessage,
        /// Microseconds since 1970, to tell the newest of several edits.
        at: i64,
    },
    /// Somebody took a message back that is a file; the file has the same id.
    Unsent(MessageId),
    /// Somebody deleted a message, whatever files it had.
    MessageDeleted(MessageId),
    /// A file is gone, in whatever messages it stood.
    FileDeleted { file_id: String },
    /// A file left this conversation, and is elsewhere perhaps.
    FileUnshared {
        file_id: String,
        conversation: String,
    },
}

/// A message as it is persisted, with the calls its files need.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct InboundMessage {
    pub(super) id: MessageId,
    /// The provider's word for it: `image`, `file_share`, ...
    pub(super) kind: String,
    /// The event as it came.
    pub(super) payload: Value,
    /// One a file, in the order of the message.
    pub(super) files: Vec<RegisterAttachmentRequest>,
}

/// A body that is not what the provider documents.
#[derive(Debug, thiserror::Error)]
#[error("the webhook body is malformed")]
pub(super) struct Malformed(#[from] serde_json::Error);

/// The provider's id of a file.
pub(super) fn media_id(request: &RegisterAttachmentRequest) -> &str {
    match &request.source {
        Some(Source::Line(line)) => &line.message_id,
        Some(Source::Slack(slack)) => &slack.file_id,
        Some(Source::Url(url)) => &url.url,
        None => "",
    }
}

/// The text when it is a valid name of the contract, `[A-Za-z0-9._:@/=+~-]{1,256}`.
pub(super) fn as_name(text: &str) -> Option<String> {
    text.parse::<MessageId>().ok().map(|_| text.to_owned())
}

/// The name, cut at a character's end to what the contract takes.
pub(super) fn file_name(mut name: String) -> String {
    name.truncate(name.floor_char_boundary(FILE_NAME_MAX));
    name
}

/// The type, or nothing when it is too long to be one.
pub(super) fn content_type(declared: Option<String>) -> String {
    bounded(declared, CONTENT_TYPE_MAX)
}

/// The URL, or nothing when it is too long: half a URL is of no use.
pub(super) fn url(url: Option<String>) -> String {
    bounded(url, URL_MAX)
}

/// The provider's word, or nothing when it is too long to be one.
pub(super) fn word(word: Option<String>) -> String {
    bounded(word, WORD_MAX)
}

fn bounded(text: Option<String>, max: usize) -> String {
    text.filter(|text| text.len() <= max).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_between_characters() {
        let thai = "ไ".repeat(400);
        let cut = file_name(thai);
        assert_eq!(cut.len(), 1023);
        assert!(cut.chars().all(|c| c == 'ไ'));
    }

    #[test]
    fn a_text_too_long_for_its_field_is_left_out() {
        assert_eq!(url(Some("h".repeat(2048))).len(), 2048);
        assert_eq!(url(Some("h".repeat(2049))), "");
        assert_eq!(content_type(Some("t".repeat(256))), "");
        assert_eq!(word(Some("w".repeat(65))), "");
    }

    #[test]
    fn a_name_is_of_the_contracts_charset() {
        assert_eq!(
            as_name("C1:1531420618.000100").as_deref(),
            Some("C1:1531420618.000100")
        );
        assert_eq!(as_name("a\0b"), None);
        assert_eq!(as_name(""), None);
    }
}
