//! The forms an attachment's file is stored in.

use super::storage_key::StorageKey;
use std::str::FromStr;

/// A form of the file. Each that is stored is an object of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rendition {
    /// The bytes as they were sent.
    Original,
    /// A `WebP` picture of at most 512 pixels a side.
    Thumbnail,
    /// A picture that fits a model's limits.
    Model,
    /// The text that was extracted, as JSON.
    Text,
}

impl Rendition {
    /// Every form there is.
    pub const ALL: [Self; 4] = [Self::Original, Self::Thumbnail, Self::Model, Self::Text];

    /// The form as it is written in SQL and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Thumbnail => "thumbnail",
            Self::Model => "model",
            Self::Text => "text",
        }
    }
}

/// A string that names no form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown rendition {0:?}")]
pub struct UnknownRendition(String);

impl FromStr for Rendition {
    type Err = UnknownRendition;

    fn from_str(text: &str) -> Result<Self, UnknownRendition> {
        Self::ALL
            .into_iter()
            .find(|rendition| rendition.as_str() == text)
            .ok_or_else(|| UnknownRendition(text.to_owned()))
    }
}

/// A form other than the original that lies in the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRendition {
    /// Which form.
    pub rendition: Rendition,
    /// The object's key.
    pub key: StorageKey,
    /// Its type, as we made it.
    pub content_type: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// SHA-256 of its bytes.
    pub sha256: super::status::Sha256,
    /// Pixels across and down, where it has any.
    pub pixels: Option<(u32, u32)>,
}
