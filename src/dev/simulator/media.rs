//! One file at a simulated provider: its bytes and how it behaves.

use super::fixtures::Fixture;
use super::padding::{ImpossibleSize, fixture_of_size};
use super::script::{InvalidStep, Script};
use super::shelf::Kept;
use bytes::Bytes;
use http::HeaderValue;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// What LINE's transcoding call says of a video or audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transcoding {
    /// The content call answers 202.
    Processing,
    /// The content can be had.
    Succeeded,
    /// It never will.
    Failed,
}

/// A file's content and its script. Made step by step, then put into the simulator.
#[derive(Clone, Serialize, Deserialize)]
pub struct Media {
    /// A shelf keeps them beside the rest.
    #[serde(skip)]
    pub(super) bytes: Bytes,
    #[serde(with = "header_text")]
    pub(super) content_type: HeaderValue,
    pub(super) channel_token: Option<String>,
    pub(super) transcoding: Option<Transcoding>,
    pub(super) script: Script,
}

impl Media {
    /// These bytes under this content type, be it true or not.
    #[must_use]
    pub fn new(bytes: impl Into<Bytes>, content_type: HeaderValue) -> Self {
        Self {
            bytes: bytes.into(),
            content_type,
            channel_token: None,
            transcoding: None,
            script: Script::default(),
        }
    }

    /// A small real file.
    #[must_use]
    pub fn fixture(kind: Fixture) -> Self {
        Self::new(kind.bytes(), HeaderValue::from_static(kind.content_type()))
    }

    /// A real file of exactly `size` bytes.
    pub fn fixture_of_size(kind: Fixture, size: usize) -> Result<Self, ImpossibleSize> {
        let bytes = fixture_of_size(kind, size)?;
        Ok(Self::new(
            bytes,
            HeaderValue::from_static(kind.content_type()),
        ))
    }

    /// Announces another content type.
    #[must_use]
    pub fn content_type(self, content_type: HeaderValue) -> Self {
        Self {
            content_type,
            ..self
        }
    }

    /// Lets only this token read it; any known token of the provider may otherwise.
    #[must_use]
    pub fn channel_token(self, token: impl Into<String>) -> Self {
        Self {
            channel_token: Some(token.into()),
            ..self
        }
    }

    /// Fixes what the transcoding call says. Otherwise it follows the script:
    /// `processing` while the next step is 202, `succeeded` then.
    #[must_use]
    pub fn transcoding(self, transcoding: Transcoding) -> Self {
        Self {
            transcoding: Some(transcoding),
            ..self
        }
    }

    /// One step a request, in the written form that `docs/simulator.md`
    /// lists; the last step repeats.
    pub fn script<I>(self, steps: I) -> Result<Self, InvalidStep>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        Ok(Self {
            script: Script::parse(steps)?,
            ..self
        })
    }

    /// The length of the content.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The SHA-256 of the content, in hex.
    #[must_use]
    pub fn checksum_sha256(&self) -> String {
        hex::encode(Sha256::digest(&self.bytes))
    }

    /// Whether `token` may read it.
    pub(super) fn admits(&self, token: &str) -> bool {
        self.channel_token
            .as_deref()
            .is_none_or(|owner| owner == token)
    }
}

impl Kept for Media {
    const FOLDER: &'static str = "line";

    fn media(&self) -> Option<&Media> {
        Some(self)
    }

    fn media_mut(&mut self) -> Option<&mut Media> {
        Some(self)
    }
}

/// A header's value as text.
mod header_text {
    use http::HeaderValue;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer, ser};

    pub(super) fn serialize<S: Serializer>(value: &HeaderValue, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(value.to_str().map_err(ser::Error::custom)?)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<HeaderValue, D::Error> {
        HeaderValue::try_from(String::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// Neither the content nor the token.
impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Media")
            .field("content_type", &self.content_type)
            .field("size_bytes", &self.size_bytes())
            .field("script", &self.script)
            .finish_non_exhaustive()
    }
}
