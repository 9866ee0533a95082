//! `LimitOverrides` as they lie in `tenants.limits` and `channels.limits`.

use super::to_smallint;
use crate::attachment::channel_policy::LimitOverrides;
use crate::attachment::media::MediaType;
use serde::{Deserialize, Serialize};

/// The stored form. Fields may be added, never renamed: old rows stay.
#[derive(Debug, Serialize, Deserialize, Default)]
#[serde(default)]
pub(super) struct LimitsJson {
    #[serde(skip_serializing_if = "Option::is_none")]
    image_max_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    document_max_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio_max_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    video_max_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_files_per_message: Option<u16>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    extra_content_types: Vec<String>,
}

impl From<&LimitOverrides> for LimitsJson {
    fn from(limits: &LimitOverrides) -> Self {
        Self {
            image_max_bytes: limits.image_max_bytes,
            document_max_bytes: limits.document_max_bytes,
            audio_max_bytes: limits.audio_max_bytes,
            video_max_bytes: limits.video_max_bytes,
            max_files_per_message: limits.max_files_per_message,
            extra_content_types: limits
                .opted_in
                .iter()
                .map(|media_type| media_type.mime().to_owned())
                .collect(),
        }
    }
}

impl From<LimitsJson> for LimitOverrides {
    fn from(json: LimitsJson) -> Self {
        Self {
            image_max_bytes: json.image_max_bytes,
            document_max_bytes: json.document_max_bytes,
            audio_max_bytes: json.audio_max_bytes,
            video_max_bytes: json.video_max_bytes,
            max_files_per_message: json.max_files_per_message.map(|n| n.min(to_u15())),
            opted_in: json
                .extra_content_types
                .iter()
                .filter_map(|mime| MediaType::from_mime(mime))
                .collect(),
        }
    }
}

/// The largest count a `smallint` column takes.
fn to_u15() -> u16 {
    to_smallint(u16::MAX).unsigned_abs()
}
