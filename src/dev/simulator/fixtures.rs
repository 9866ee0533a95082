//! Small real files of each kind. They open in ordinary viewers and were made
//! with Pillow and ffmpeg.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// A kind of file the simulator can make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fixture {
    /// A palette picture, 96 by 96.
    Png,
    /// The same picture as a baseline JPEG.
    Jpeg,
    /// The same picture, two frames.
    Gif,
    /// The same picture as lossy WebP.
    Webp,
    /// One page with a line of text.
    Pdf,
    /// UTF-8 with letters of several scripts.
    Txt,
    /// A header and two rows.
    Csv,
    /// Two paragraphs.
    Docx,
    /// A page that is not a sign-in page.
    Html,
    /// Under a second of H.264 in an `isom` container.
    Mp4,
    /// Half a second of AAC, brand `M4A `.
    M4a,
}

impl Fixture {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Png,
        Self::Jpeg,
        Self::Gif,
        Self::Webp,
        Self::Pdf,
        Self::Txt,
        Self::Csv,
        Self::Docx,
        Self::Html,
        Self::Mp4,
        Self::M4a,
    ];

    /// The file, as small as it comes.
    #[must_use]
    pub fn bytes(self) -> Bytes {
        Bytes::from_static(match self {
            Self::Png => include_bytes!("fixtures/picture.png"),
            Self::Jpeg => include_bytes!("fixtures/picture.jpeg"),
            Self::Gif => include_bytes!("fixtures/picture.gif"),
            Self::Webp => include_bytes!("fixtures/picture.webp"),
            Self::Pdf => include_bytes!("fixtures/report.pdf"),
            Self::Txt => include_bytes!("fixtures/notes.txt"),
            Self::Csv => include_bytes!("fixtures/table.csv"),
            Self::Docx => include_bytes!("fixtures/report.docx"),
            Self::Html => include_bytes!("fixtures/page.html"),
            Self::Mp4 => include_bytes!("fixtures/picture.mp4"),
            Self::M4a => include_bytes!("fixtures/tone.m4a"),
        })
    }

    /// The media type a provider would announce.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
            Self::Pdf => "application/pdf",
            Self::Txt => "text/plain",
            Self::Csv => "text/csv",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Html => "text/html",
            Self::Mp4 => "video/mp4",
            Self::M4a => "audio/x-m4a",
        }
    }

    /// The usual file name extension, without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Gif => "gif",
            Self::Webp => "webp",
            Self::Pdf => "pdf",
            Self::Txt => "txt",
            Self::Csv => "csv",
            Self::Docx => "docx",
            Self::Html => "html",
            Self::Mp4 => "mp4",
            Self::M4a => "m4a",
        }
    }
}
