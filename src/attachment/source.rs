//! What names a file at its channel. Holds no credential.

use super::channel_policy::Provider;
use super::failure::FailureReason;

/// What names a file at its channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaSource {
    /// A message of the LINE Messaging API.
    Line(LineSource),
    /// A file of a Slack workspace.
    Slack(SlackSource),
    /// A plain https URL.
    Url(UrlSource),
}

/// What names a file at LINE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineSource {
    /// The message's id: digits today, text by contract.
    pub message_id: String,
    /// Which part of the message.
    pub part: LinePart,
    /// Where LINE says the bytes lie.
    pub content_provider: LineContentProvider,
    /// The album it was sent in.
    pub image_set: Option<LineImageSet>,
}

/// Which part of a LINE message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinePart {
    /// What was sent.
    Content,
    /// The smaller preview image of an image or a video.
    Preview,
}

/// Where LINE says the bytes lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineContentProvider {
    /// With LINE.
    Line,
    /// With a third party; LINE's content API does not have them.
    External {
        /// Where they are said to lie. Never called with a credential.
        original_content_url: String,
    },
}

/// LINE's album. Old senders leave position and size out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineImageSet {
    /// The album's id.
    pub id: String,
    /// Position, from 1.
    pub index: Option<u16>,
    /// Images in all.
    pub total: Option<u16>,
}

/// What names a file at Slack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlackSource {
    /// Slack's file id.
    pub file_id: String,
    /// Where the event says the bytes lie; checked before a token goes there.
    pub url_private_download: Option<String>,
    /// Slack's `mode`, empty when the event had none.
    pub mode: String,
    /// Slack's `file_access`, empty when the event had none.
    pub file_access: String,
}

/// A file that a URL names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlSource {
    /// The URL, which is the media id too.
    pub url: String,
}

impl MediaSource {
    /// Who has the file.
    #[must_use]
    pub const fn provider(&self) -> Provider {
        match self {
            Self::Line(_) => Provider::Line,
            Self::Slack(_) => Provider::Slack,
            Self::Url(_) => Provider::Url,
        }
    }

    /// The provider's id of the file: with tenant, channel and part the key
    /// that makes registration idempotent.
    #[must_use]
    pub fn media_id(&self) -> &str {
        match self {
            Self::Line(line) => &line.message_id,
            Self::Slack(slack) => &slack.file_id,
            Self::Url(url) => &url.url,
        }
    }

    /// Which part of the media; empty for the content itself.
    #[must_use]
    pub fn part(&self) -> &'static str {
        match self {
            Self::Line(line) => line.part.as_str(),
            Self::Slack(_) | Self::Url(_) => "",
        }
    }

    /// Whether the size that was announced is that of the bytes which come: a
    /// snippet's text can be edited meanwhile, and a preview is another file.
    #[must_use]
    pub fn keeps_its_size(&self) -> bool {
        match self {
            Self::Line(line) => line.part == LinePart::Content,
            Self::Slack(slack) => slack.mode != "snippet",
            Self::Url(_) => true,
        }
    }

    /// What the announcement alone already rules out.
    ///
    /// Slack's `mode` and `file_access` are read as its file object documents
    /// them; an unknown value is left for the download to find out.
    pub fn admit(&self) -> Result<(), FailureReason> {
        match self {
            Self::Line(line) => match line.content_provider {
                LineContentProvider::Line => Ok(()),
                LineContentProvider::External { .. } => Err(FailureReason::ExternalFile),
            },
            Self::Slack(slack) => match (slack.mode.as_str(), slack.file_access.as_str()) {
                ("tombstone", _) => Err(FailureReason::SourceDeleted),
                ("external", _) => Err(FailureReason::ExternalFile),
                ("post" | "canvas" | "quip" | "list", _) => {
                    Err(FailureReason::ContentTypeNotAllowed)
                }
                ("hidden_by_limit", _) | (_, "access_denied") => {
                    Err(FailureReason::SourceForbidden)
                }
                (_, "file_not_found") => Err(FailureReason::SourceNotFound),
                (_, _) => Ok(()),
            },
            Self::Url(_) => Ok(()),
        }
    }
}

impl LinePart {
    /// The part as it stands in requests and in the key; empty for the content.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Content => "",
            Self::Preview => "preview",
        }
    }
}
