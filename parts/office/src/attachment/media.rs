//! Stand-in: the product's table of types, as far as inspection needs it.
use serde::{Deserialize, Serialize};

/// A type of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the formats")]
pub enum MediaType {
    Png,
    Jpeg,
    Gif,
    Webp,
    Pdf,
    Docx,
    Xlsx,
    Pptx,
    Csv,
    Txt,
    Doc,
    Xls,
    Html,
    Markdown,
    Mp4,
    M4a,
    Mp3,
    Aac,
    // Opt-in, stored as they are.
    Heic,
    Mov,
    Webm,
    Ogg,
    Opus,
    Wav,
    Zip,
}
