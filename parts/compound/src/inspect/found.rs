//! What inspection finds in a file: shared by every format.

pub use crate::attachment::facts::{AvFacts, Charset, DocumentFacts, Facts, ImageFacts, KnownBy};
use crate::attachment::media::MediaType;
use serde::{Deserialize, Serialize};

/// What a whole file turned out to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Its type, by its structure.
    pub media_type: MediaType,
    /// What was read of it on the way.
    pub facts: Facts,
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
