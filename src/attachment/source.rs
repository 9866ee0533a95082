//! The provider's reference to a file. It holds no credential.

use super::channel_policy::Provider;
use super::failure::FailureReason;
use super::media::MediaKind;
use crate::ids::MessageId;
use sha2::{Digest as _, Sha256};
use url::Url;

/// The provider's reference to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaSource {
    /// A message of the LINE Messaging API.
    Line(LineSource),
    /// A file of a Slack workspace.
    Slack(SlackSource),
    /// A plain https URL.
    Url(UrlSource),
}

/// LINE's reference to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineSource {
    /// The message's id: digits today, text by contract.
    pub message_id: String,
    /// Which part of the message.
    pub part: LinePart,
    /// What LINE says the message is, where the gateway told.
    pub message_type: Option<LineMessageType>,
    /// Where LINE says the bytes lie.
    pub content_provider: LineContentProvider,
    /// The album it was sent in.
    pub image_set: Option<LineImageSet>,
}

/// LINE's `message.type`, of the messages that have a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineMessageType {
    /// A picture.
    Image,
    /// A film.
    Video,
    /// A sound.
    Audio,
    /// Any file.
    File,
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

/// Slack's reference to a file.
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
    url: String,
}

/// A URL from which no file is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// It is not a URL.
    #[error("is no absolute URL")]
    Malformed,
    /// It is not https.
    #[error("must be an https URL")]
    Scheme,
    /// It holds a user name or a password.
    #[error("must not hold a user name or a password")]
    UserInfo,
}

impl UrlSource {
    /// Reads an https URL without user info. The text is kept as it is given.
    pub fn parse(text: &str) -> Result<Self, InvalidUrl> {
        let url = Url::parse(text).map_err(|_| InvalidUrl::Malformed)?;
        if url.scheme() != "https" {
            return Err(InvalidUrl::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidUrl::UserInfo);
        }
        // The parser forgives what others read in another way.
        if text
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || c == '\\')
        {
            return Err(InvalidUrl::Malformed);
        }
        Ok(Self {
            url: text.to_owned(),
        })
    }

    /// A URL that was read back from the database.
    #[must_use]
    pub fn from_stored(url: String) -> Self {
        Self { url }
    }

    /// The URL as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.url
    }
}

/// By what a provider is asked; each has a rate limit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// The file itself.
    Download,
    /// What is known of the file: Slack's `files.info`.
    FileInfo,
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

    /// The provider's id of the file.
    #[must_use]
    pub fn media_id(&self) -> MediaId {
        MediaId::of(match self {
            Self::Line(line) => &line.message_id,
            Self::Slack(slack) => &slack.file_id,
            Self::Url(url) => &url.url,
        })
    }

    /// What tells one sharing of the file from another, with tenant, channel,
    /// media id and part the key that makes registration idempotent. LINE's id
    /// names one message; one Slack file or URL may stand in many.
    #[must_use]
    pub fn occurrence<'a>(&self, message: &'a MessageId) -> &'a str {
        match self {
            Self::Line(_) => "",
            Self::Slack(_) | Self::Url(_) => message.as_str(),
        }
    }

    /// The kind that the provider tells before any byte has come.
    #[must_use]
    pub fn kind(&self) -> Option<MediaKind> {
        match self {
            Self::Line(line) => match (line.part, line.message_type?) {
                (LinePart::Preview, _) | (_, LineMessageType::Image) => Some(MediaKind::Image),
                (LinePart::Content, LineMessageType::Video) => Some(MediaKind::Video),
                (LinePart::Content, LineMessageType::Audio) => Some(MediaKind::Audio),
                (LinePart::Content, LineMessageType::File) => None,
            },
            Self::Slack(_) | Self::Url(_) => None,
        }
    }

    /// This source with what `later`, another telling of the same file, knows
    /// more: whatever is empty here is filled in from there.
    #[must_use]
    pub fn filled_in(&self, later: &Self) -> Self {
        match (self, later) {
            (Self::Line(known), Self::Line(later)) => Self::Line(LineSource {
                message_type: known.message_type.or(later.message_type),
                image_set: known.image_set.clone().or_else(|| later.image_set.clone()),
                ..known.clone()
            }),
            (Self::Slack(known), Self::Slack(later)) => Self::Slack(SlackSource {
                file_id: known.file_id.clone(),
                url_private_download: known
                    .url_private_download
                    .clone()
                    .or_else(|| later.url_private_download.clone()),
                mode: first_filled(&known.mode, &later.mode),
                // A stub is told apart by its access: the full event has another.
                file_access: if known.file_access == "check_file_info" {
                    first_filled(&later.file_access, &known.file_access)
                } else {
                    first_filled(&known.file_access, &later.file_access)
                },
            }),
            _ => self.clone(),
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

    /// By what its provider is asked first: Slack has the bytes at an address that
    /// some files do not bring along.
    #[must_use]
    pub fn first_asked_by(&self) -> Method {
        match self {
            Self::Slack(slack)
                if slack.url_private_download.is_none()
                    || slack.file_access == "check_file_info" =>
            {
                Method::FileInfo
            }
            Self::Slack(_) | Self::Line(_) | Self::Url(_) => Method::Download,
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
                ("hidden_by_limit", _) => Err(FailureReason::SourcePlanLimit),
                (_, "access_denied") => Err(FailureReason::SourceForbidden),
                (_, "file_not_found") => Err(FailureReason::SourceNotFound),
                (_, _) => Ok(()),
            },
            Self::Url(_) => Ok(()),
        }
    }
}

/// The provider's id of a file, as tables and tombstones have it: text of the
/// provider's, or the hash of a URL, which may be long and may hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MediaId(String);

impl MediaId {
    /// The id of what a provider, or a caller, calls so.
    #[must_use]
    pub fn of(name: &str) -> Self {
        if name.contains("://") {
            Self(format!("sha256:{}", hex::encode(Sha256::digest(name))))
        } else {
            Self(name.to_owned())
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn first_filled(first: &str, second: &str) -> String {
    if first.is_empty() { second } else { first }.to_owned()
}

impl LineMessageType {
    /// The type as LINE spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::File => "file",
        }
    }

    /// The type that LINE spells so.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Image, Self::Video, Self::Audio, Self::File]
            .into_iter()
            .find(|known| known.as_str() == name)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_https_without_user_info() {
        for (text, fault) in [
            ("http://example.com/a", InvalidUrl::Scheme),
            ("ftp://example.com/a", InvalidUrl::Scheme),
            ("foo bar", InvalidUrl::Malformed),
            ("https://exa mple.com/", InvalidUrl::Malformed),
            ("https:\\\\example.com\\a", InvalidUrl::Malformed),
            ("https://user@example.com/", InvalidUrl::UserInfo),
            ("https://user:pw@example.com/", InvalidUrl::UserInfo),
        ] {
            assert_eq!(UrlSource::parse(text), Err(fault), "{text}");
        }
        assert!(UrlSource::parse("https://example.com/a?b=c#d").is_ok());
    }

    #[test]
    fn a_url_is_known_by_its_hash_and_an_id_by_itself() {
        assert_eq!(MediaId::of("F01234567").as_str(), "F01234567");
        let url = MediaId::of("https://example.com/a?token=secret");
        assert!(url.as_str().starts_with("sha256:") && url.as_str().len() == 71);
    }

    #[test]
    fn a_later_telling_fills_in_what_was_empty_and_nothing_else() {
        let slack = |url: Option<&str>, mode: &str, access: &str| {
            MediaSource::Slack(SlackSource {
                file_id: "F1".to_owned(),
                url_private_download: url.map(str::to_owned),
                mode: mode.to_owned(),
                file_access: access.to_owned(),
            })
        };
        let stub = slack(None, "", "check_file_info");
        let whole = slack(Some("https://files.slack.com/a"), "hosted", "visible");
        assert_eq!(stub.filled_in(&whole), whole);
        assert_eq!(whole.filled_in(&stub), whole);
    }
}
