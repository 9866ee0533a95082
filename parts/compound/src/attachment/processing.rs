//! Stand-in: the two enums of the product's attachment/processing.rs.
use serde::{Deserialize, Serialize};

/// How making the content ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Processed {
    /// All visible content is there.
    Success,
    /// Some visible content is missing.
    Partial,
    /// There is none.
    Failed(ProcessingError),
    /// There is nothing a model could read.
    Skipped(ProcessingError),
}

/// Why there is no content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ProcessingError {
    /// Pictures of text.
    Scanned,
    /// Encrypted.
    Encrypted,
    /// The text cannot be mapped to characters.
    NoTextMapping,
    /// Larger or deeper than may be read.
    TooComplex,
    /// More pixels than may be read.
    TooManyPixels,
    /// No format that is read.
    UnsupportedFormat,
    /// The extractor failed.
    ExtractorFailed,
    /// The file is gone.
    SourceGone,
}
