//! `MediaSource` as it lies in `attachments.source`.

use crate::attachment::source::{
    LineContentProvider, LineImageSet, LineMessageType, LinePart, LineSource, MediaSource,
    SlackSource, UrlSource,
};
use serde::{Deserialize, Serialize};

/// The stored form. Fields may be added, never renamed: old rows stay.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SourceJson {
    Line {
        message_id: String,
        #[serde(default)]
        preview: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message_type: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        external_url: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        image_set: Option<ImageSetJson>,
    },
    Slack {
        file_id: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url_private_download: Option<String>,
        #[serde(default)]
        mode: String,
        #[serde(default)]
        file_access: String,
    },
    Url {
        url: String,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ImageSetJson {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    index: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    total: Option<u16>,
}

impl From<&MediaSource> for SourceJson {
    fn from(source: &MediaSource) -> Self {
        match source {
            MediaSource::Line(line) => Self::Line {
                message_id: line.message_id.clone(),
                preview: line.part == LinePart::Preview,
                message_type: line.message_type.map(|known| known.as_str().to_owned()),
                external_url: match &line.content_provider {
                    LineContentProvider::Line => None,
                    LineContentProvider::External {
                        original_content_url,
                    } => Some(original_content_url.clone()),
                },
                image_set: line.image_set.as_ref().map(|set| ImageSetJson {
                    id: set.id.clone(),
                    index: set.index,
                    total: set.total,
                }),
            },
            MediaSource::Slack(slack) => Self::Slack {
                file_id: slack.file_id.clone(),
                url_private_download: slack.url_private_download.clone(),
                mode: slack.mode.clone(),
                file_access: slack.file_access.clone(),
            },
            MediaSource::Url(url) => Self::Url {
                url: url.as_str().to_owned(),
            },
        }
    }
}

impl From<SourceJson> for MediaSource {
    fn from(json: SourceJson) -> Self {
        match json {
            SourceJson::Line {
                message_id,
                preview,
                message_type,
                external_url,
                image_set,
            } => Self::Line(LineSource {
                message_id,
                message_type: message_type.as_deref().and_then(LineMessageType::named),
                part: if preview {
                    LinePart::Preview
                } else {
                    LinePart::Content
                },
                content_provider: external_url.map_or(
                    LineContentProvider::Line,
                    |original_content_url| LineContentProvider::External {
                        original_content_url,
                    },
                ),
                image_set: image_set.map(|set| LineImageSet {
                    id: set.id,
                    index: set.index,
                    total: set.total,
                }),
            }),
            SourceJson::Slack {
                file_id,
                url_private_download,
                mode,
                file_access,
            } => Self::Slack(SlackSource {
                file_id,
                url_private_download,
                mode,
                file_access,
            }),
            SourceJson::Url { url } => Self::Url(UrlSource::from_stored(url)),
        }
    }
}
