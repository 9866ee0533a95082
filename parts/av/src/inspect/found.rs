//! What inspection finds in a file: shared by every format.

use crate::attachment::media::MediaType;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What a whole file turned out to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Its type, by its structure.
    pub media_type: MediaType,
    /// What was read of it on the way.
    pub facts: Facts,
}

/// What was read of a file while its structure was proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Facts {
    /// Of a picture.
    Image(ImageFacts),
    /// Of a film or a recording.
    Av(AvFacts),
    /// Of something with text in it.
    Document(DocumentFacts),
    /// Of what is stored as it is.
    Other,
}

/// Of a picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFacts {
    /// Pixels across, as it is shown: after its orientation.
    pub width: u32,
    /// Pixels down, as it is shown.
    pub height: u32,
    /// The EXIF orientation, 1 to 8; 1 where none is said.
    pub orientation: u8,
    /// Pictures in it; 1 where it does not move.
    pub frames: u32,
    /// Whether every frame was decoded, or only as many as the caps allow.
    pub all_frames_read: bool,
    /// A `ThumbHash` of the first frame as it is shown, 5 to 25 bytes.
    pub thumbhash: Option<Vec<u8>>,
}

/// Of a film or a recording.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AvFacts {
    /// How long it plays, where it says so.
    pub duration: Option<Duration>,
    /// Pixels across and down as it is shown, where it has any.
    pub pixels: Option<(u32, u32)>,
}

/// Of something with text in it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DocumentFacts {
    /// Whether a password is needed to read it.
    pub encrypted: bool,
    /// The encoding of a text.
    pub charset: Option<Charset>,
}

/// The encoding of a text, and how it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charset {
    /// The name of the WHATWG Encoding Standard, as `Shift_JIS`.
    pub name: String,
    /// How it is known.
    pub known_by: KnownBy,
}

/// How an encoding is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KnownBy {
    /// A byte order mark says so.
    Bom,
    /// All of it is valid UTF-8, or UTF-16 by its zeros.
    Valid,
    /// By the frequency of its letters.
    Guessed,
}

/// Why bytes are not a whole file of the format that they begin as.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Flaw {
    /// Something in it is broken or lacking.
    #[error("{what}, at byte {at}")]
    Corrupt {
        /// Where, in bytes from the beginning.
        at: u64,
        /// What, in plain words: "the image data ends early".
        what: String,
    },
    /// More pixels than are taken.
    #[error("{width} by {height} pixels")]
    TooManyPixels {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
    /// A sound file of a kind that is not listed: "a macro-enabled workbook".
    #[error("{0}")]
    NotListed(String),
}

impl Flaw {
    /// Something broken or lacking.
    #[must_use]
    pub fn corrupt(at: u64, what: &str) -> Self {
        Self::Corrupt {
            at,
            what: what.to_owned(),
        }
    }
}
