//! A picture that a child made, looked at as a stranger's before it is stored
//! and served.

use super::frame::{Frame, Garbled, Kind};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The longest side of a thumbnail, in pixels.
const THUMBNAIL_SIDE: u32 = 512;
/// More than any thumbnail of that size needs.
const THUMBNAIL_BYTES: usize = 512 * 1024;
/// The longest side of a picture for a model, in pixels.
const MODEL_SIDE: u32 = 8_000;
/// The most bytes that a model's interface takes.
const MODEL_BYTES: usize = 3_750_000;

/// What a picture is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// For eyes: `WebP`, at most 512 pixels a side.
    Thumbnail,
    /// For a model's interface: JPEG within its limits.
    Model,
}

/// A picture that a child made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// What for.
    pub purpose: Purpose,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// The file.
    pub bytes: Bytes,
}

/// What a child says of a picture.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PictureFacts {
    pub(super) purpose: Purpose,
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Purpose {
    const fn content_type(self) -> &'static str {
        match self {
            Self::Thumbnail => "image/webp",
            Self::Model => "image/jpeg",
        }
    }

    fn is_begun_by(self, bytes: &[u8]) -> bool {
        match self {
            Self::Thumbnail => bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP"),
            Self::Model => bytes.starts_with(&[0xff, 0xd8, 0xff]),
        }
    }

    const fn most(self) -> (u32, usize) {
        match self {
            Self::Thumbnail => (THUMBNAIL_SIDE, THUMBNAIL_BYTES),
            Self::Model => (MODEL_SIDE, MODEL_BYTES),
        }
    }
}

impl Picture {
    /// Its type, which follows from what it is for.
    #[must_use]
    pub const fn content_type(&self) -> &'static str {
        self.purpose.content_type()
    }

    /// A picture, if the frame holds one of the kind that it says.
    pub(super) fn of(frame: Frame) -> Result<Self, Garbled> {
        let PictureFacts {
            purpose,
            width,
            height,
        } = frame.facts()?;
        let (side, size) = purpose.most();
        let fits = (1..=side).contains(&width)
            && (1..=side).contains(&height)
            && frame.body.len() <= size
            && purpose.is_begun_by(&frame.body);
        if !fits {
            return Err(Garbled::Facts(Kind::Preview));
        }
        Ok(Self {
            purpose,
            width,
            height,
            bytes: frame.body,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(purpose: Purpose, width: u32, body: &[u8]) -> Result<Picture, Garbled> {
        let facts = PictureFacts {
            purpose,
            width,
            height: 1,
        };
        Picture::of(Frame {
            kind: Kind::Preview,
            header: serde_json::to_vec(&facts).unwrap().into(),
            body: Bytes::copy_from_slice(body),
        })
    }

    #[test]
    fn only_what_it_says_it_is_gets_through() {
        const WEBP: &[u8] = b"RIFF\x04\0\0\0WEBP";
        const JPEG: &[u8] = &[0xff, 0xd8, 0xff, 0xe0];
        let thumbnail = picture(Purpose::Thumbnail, 512, WEBP).unwrap();
        assert_eq!(thumbnail.content_type(), "image/webp");
        let model = picture(Purpose::Model, 8_000, JPEG).unwrap();
        assert_eq!(model.content_type(), "image/jpeg");
        let large = [WEBP, &[0; THUMBNAIL_BYTES]].concat();
        for (purpose, width, body) in [
            (Purpose::Thumbnail, 513, WEBP),
            (Purpose::Thumbnail, 0, WEBP),
            (Purpose::Thumbnail, 512, JPEG),
            (Purpose::Thumbnail, 512, b"<html>"),
            (Purpose::Thumbnail, 512, &large),
            (Purpose::Model, 8_001, JPEG),
            (Purpose::Model, 8_000, WEBP),
        ] {
            assert!(
                picture(purpose, width, body).is_err(),
                "{purpose:?} {width}"
            );
        }
    }
}
