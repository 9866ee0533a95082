//! The text of a document, whatever its format.

use super::{compound, ooxml, pdf, text};
use crate::attachment::extracted::Extracted;
use crate::attachment::media::MediaType;

/// The text of a file that was judged to be of this type, at most so many
/// bytes of it; none where files of the type have no text.
#[must_use]
pub fn extract(media_type: MediaType, bytes: &[u8], max_text_bytes: usize) -> Option<Extracted> {
    Some(match media_type {
        MediaType::Pdf => pdf::extract(bytes, max_text_bytes),
        MediaType::Docx | MediaType::Xlsx | MediaType::Pptx => {
            ooxml::extract(media_type, bytes, max_text_bytes)
        }
        MediaType::Doc | MediaType::Xls => compound::extract(media_type, bytes, max_text_bytes),
        MediaType::Txt | MediaType::Csv | MediaType::Html | MediaType::Markdown => {
            text::extract(media_type, bytes, max_text_bytes)
        }
        MediaType::Png
        | MediaType::Jpeg
        | MediaType::Gif
        | MediaType::Webp
        | MediaType::Mp4
        | MediaType::M4a
        | MediaType::Mp3
        | MediaType::Aac
        | MediaType::Heic
        | MediaType::Mov
        | MediaType::Webm
        | MediaType::Ogg
        | MediaType::Opus
        | MediaType::Wav
        | MediaType::Zip => return None,
    })
}
