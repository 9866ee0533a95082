//! `Facts` as they lie in `objects.facts`.

use crate::attachment::facts::{AvFacts, Charset, DocumentFacts, Facts, ImageFacts, KnownBy};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The stored form. Fields may be added, never renamed: old rows stay.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FactsJson {
    Image {
        width: u32,
        height: u32,
        orientation: u8,
        frames: u32,
        #[serde(default)]
        all_frames_read: bool,
        /// In hex.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        thumbhash: Option<String>,
    },
    Av {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        duration_ms: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pixels: Option<(u32, u32)>,
    },
    Document {
        #[serde(default)]
        encrypted: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        charset: Option<CharsetJson>,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CharsetJson {
    name: String,
    known_by: KnownByJson,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KnownByJson {
    Bom,
    Valid,
    Guessed,
}

impl FactsJson {
    /// The stored form, where there is anything to store.
    pub(super) fn of(facts: &Facts) -> Option<Self> {
        match facts {
            Facts::Image(image) => Some(Self::Image {
                width: image.width,
                height: image.height,
                orientation: image.orientation,
                frames: image.frames,
                all_frames_read: image.all_frames_read,
                thumbhash: image.thumbhash.as_ref().map(hex::encode),
            }),
            Facts::Av(av) => Some(Self::Av {
                duration_ms: av
                    .duration
                    .map(|length| u64::try_from(length.as_millis()).unwrap_or(u64::MAX)),
                pixels: av.pixels,
            }),
            Facts::Document(document) => Some(Self::Document {
                encrypted: document.encrypted,
                charset: document.charset.as_ref().map(CharsetJson::from),
            }),
            Facts::Other => None,
        }
    }
}

impl From<FactsJson> for Facts {
    fn from(json: FactsJson) -> Self {
        match json {
            FactsJson::Image {
                width,
                height,
                orientation,
                frames,
                all_frames_read,
                thumbhash,
            } => Self::Image(ImageFacts {
                width,
                height,
                orientation,
                frames,
                all_frames_read,
                // A placeholder that cannot be read costs no record.
                thumbhash: thumbhash.and_then(|hash| hex::decode(hash).ok()),
            }),
            FactsJson::Av {
                duration_ms,
                pixels,
            } => Self::Av(AvFacts {
                duration: duration_ms.map(Duration::from_millis),
                pixels,
            }),
            FactsJson::Document { encrypted, charset } => Self::Document(DocumentFacts {
                encrypted,
                charset: charset.map(Charset::from),
            }),
        }
    }
}

impl From<&Charset> for CharsetJson {
    fn from(charset: &Charset) -> Self {
        Self {
            name: charset.name.clone(),
            known_by: match charset.known_by {
                KnownBy::Bom => KnownByJson::Bom,
                KnownBy::Valid => KnownByJson::Valid,
                KnownBy::Guessed => KnownByJson::Guessed,
            },
        }
    }
}

impl From<CharsetJson> for Charset {
    fn from(json: CharsetJson) -> Self {
        Self {
            name: json.name,
            known_by: match json.known_by {
                KnownByJson::Bom => KnownBy::Bom,
                KnownByJson::Valid => KnownBy::Valid,
                KnownByJson::Guessed => KnownBy::Guessed,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_reads_back() {
        let image = ImageFacts {
            width: 4032,
            height: 3024,
            orientation: 6,
            frames: 1,
            all_frames_read: true,
            thumbhash: Some(vec![1, 2, 3]),
        };
        let av = AvFacts {
            duration: Some(Duration::from_millis(1_500)),
            pixels: Some((640, 360)),
        };
        let document = DocumentFacts {
            encrypted: true,
            charset: Some(Charset {
                name: "Shift_JIS".to_owned(),
                known_by: KnownBy::Guessed,
            }),
        };
        for facts in [
            Facts::Image(image),
            Facts::Av(av),
            Facts::Document(document),
        ] {
            let stored = FactsJson::of(&facts).unwrap();
            let text = serde_json::to_string(&stored).unwrap();
            let read: FactsJson = serde_json::from_str(&text).unwrap();
            assert_eq!(Facts::from(read), facts, "{text}");
        }
        assert!(FactsJson::of(&Facts::Other).is_none());
    }
}
