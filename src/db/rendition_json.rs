//! `StoredRendition` as SQL aggregates it, and as a settlement hands it in.

use crate::attachment::rendition::StoredRendition;
use crate::attachment::status::Sha256;
use crate::attachment::storage_key::StorageKey;
use serde::{Deserialize, Serialize};

/// The names are those of columns and of `jsonb_build_object` in SQL.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RenditionJson {
    rendition: String,
    key: String,
    content_type: String,
    size_bytes: u64,
    /// In hex.
    sha256: String,
    width: Option<u32>,
    height: Option<u32>,
}

impl From<&StoredRendition> for RenditionJson {
    fn from(made: &StoredRendition) -> Self {
        Self {
            rendition: made.rendition.as_str().to_owned(),
            key: made.key.as_str().to_owned(),
            content_type: made.content_type.clone(),
            size_bytes: made.size_bytes,
            sha256: made.sha256.to_hex(),
            width: made.pixels.map(|(width, _)| width),
            height: made.pixels.map(|(_, height)| height),
        }
    }
}

/// What cannot be read is said in words.
impl TryFrom<RenditionJson> for StoredRendition {
    type Error = String;

    fn try_from(json: RenditionJson) -> Result<Self, String> {
        let mut sha256 = [0; 32];
        hex::decode_to_slice(&json.sha256, &mut sha256).map_err(|error| error.to_string())?;
        let rendition = json.rendition.parse();
        Ok(Self {
            rendition: rendition.map_err(|unknown| format!("{unknown}"))?,
            key: StorageKey::from_stored(json.key),
            content_type: json.content_type,
            size_bytes: json.size_bytes,
            sha256: Sha256(sha256),
            pixels: json.width.zip(json.height),
        })
    }
}
