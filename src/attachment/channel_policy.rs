//! What a channel's owner decided about the files that come by it.

use super::media::MediaType;
use super::media_limits::MediaLimits;
use std::fmt;
use std::time::Duration;

/// Who sends the files of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provider {
    /// The LINE Messaging API.
    Line,
    /// Slack.
    Slack,
    /// Plain https URLs.
    Url,
}

/// How long the files of a channel live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retention {
    /// Until they are deleted.
    Durable,
    /// For this long, or until purged.
    Ephemeral {
        /// Life from registration on.
        ttl: Duration,
    },
}

/// How links to the files of a channel are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkMode {
    /// By object storage itself.
    Presigned,
    /// Through this service.
    Proxy,
}

/// Limits that a channel sets; what it leaves out is the service's default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LimitOverrides {
    /// Largest image in bytes.
    pub image_max_bytes: Option<u64>,
    /// Largest document in bytes.
    pub document_max_bytes: Option<u64>,
    /// Largest audio file in bytes.
    pub audio_max_bytes: Option<u64>,
    /// Largest video in bytes.
    pub video_max_bytes: Option<u64>,
    /// Files of one message.
    pub max_files_per_message: Option<u16>,
    /// Types allowed beyond the default list.
    pub opted_in: Vec<MediaType>,
}

/// What a channel's owner decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelPolicy {
    /// Who sends the files.
    pub provider: Provider,
    /// How long they live.
    pub retention: Retention,
    /// How their links are served; `None` leaves it to the service.
    pub link_mode: Option<LinkMode>,
    /// Limits that differ from the defaults.
    pub limits: LimitOverrides,
}

impl Provider {
    /// The provider as it is written in SQL, logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Slack => "slack",
            Self::Url => "url",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Line => "LINE",
            Self::Slack => "Slack",
            Self::Url => "plain URLs",
        })
    }
}

impl Retention {
    /// The retention class, as it stands in storage keys and in SQL.
    #[must_use]
    pub const fn class(self) -> RetentionClass {
        match self {
            Self::Durable => RetentionClass::Durable,
            Self::Ephemeral { .. } => RetentionClass::Ephemeral,
        }
    }
}

/// The part of a retention that a storage key shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetentionClass {
    /// Kept until deleted.
    Durable,
    /// Kept for a while; the bucket's lifecycle rule covers its prefix.
    Ephemeral,
}

impl RetentionClass {
    /// The class as it is written in keys and in SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Durable => "durable",
            Self::Ephemeral => "ephemeral",
        }
    }
}

impl LimitOverrides {
    /// These where they are set, `wider` ones elsewhere; types add up.
    #[must_use]
    pub fn or(self, wider: Self) -> Self {
        Self {
            image_max_bytes: self.image_max_bytes.or(wider.image_max_bytes),
            document_max_bytes: self.document_max_bytes.or(wider.document_max_bytes),
            audio_max_bytes: self.audio_max_bytes.or(wider.audio_max_bytes),
            video_max_bytes: self.video_max_bytes.or(wider.video_max_bytes),
            max_files_per_message: self.max_files_per_message.or(wider.max_files_per_message),
            opted_in: [self.opted_in, wider.opted_in].concat(),
        }
    }

    /// The limits in force: these where they are set, `defaults` elsewhere.
    #[must_use]
    pub fn over(&self, defaults: &MediaLimits) -> MediaLimits {
        MediaLimits {
            image_max_bytes: self.image_max_bytes.unwrap_or(defaults.image_max_bytes),
            document_max_bytes: self
                .document_max_bytes
                .unwrap_or(defaults.document_max_bytes),
            audio_max_bytes: self.audio_max_bytes.unwrap_or(defaults.audio_max_bytes),
            video_max_bytes: self.video_max_bytes.unwrap_or(defaults.video_max_bytes),
            max_files_per_message: self
                .max_files_per_message
                .unwrap_or(defaults.max_files_per_message),
            opted_in: [defaults.opted_in.as_slice(), &self.opted_in].concat(),
        }
    }
}
