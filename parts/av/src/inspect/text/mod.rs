//! Texts: plain, CSV, Markdown, HTML.
//!
//! Promises: what is taken for text is text to its last byte, in an encoding
//! that is named; and no binary file is taken for one because it begins well.

mod encoding;
mod html;
#[cfg(test)]
mod tests;

use super::extracted::{Extracted, PartKind};
use super::found::{DocumentFacts, Flaw};
use super::transcript::{Transcript, Unit};
use crate::attachment::media::MediaType;
use crate::attachment::processing::{Processed, ProcessingError};

/// Whether the bytes are text, and in which encoding.
///
/// The hint is the primary subtag of the language that their sender's tenant
/// speaks (`th`, `ja`); it decides where a few letters could be of either.
///
/// # Errors
///
/// Where the bytes cease to be text.
pub fn check(bytes: &[u8], language_hint: Option<&str>) -> Result<DocumentFacts, Flaw> {
    let decoded = encoding::decode(bytes, language_hint)?;
    Ok(DocumentFacts {
        encrypted: false,
        charset: Some(decoded.charset),
    })
}

/// The text of a file that [`check`] has found to be text, at most so many
/// bytes of it in UTF-8. Give the hint that `check` was given.
#[must_use]
pub fn extract(
    media_type: MediaType,
    bytes: &[u8],
    language_hint: Option<&str>,
    max_text_bytes: usize,
) -> Extracted {
    let method = match media_type {
        MediaType::Html => "html",
        _ => "text",
    };
    let mut transcript = Transcript::new(method, max_text_bytes);
    let Ok(decoded) = encoding::decode(bytes, language_hint) else {
        return transcript.finish_as(Processed::Failed(ProcessingError::ExtractorFailed));
    };
    transcript.charset = Some(decoded.charset);
    let mut unit = Unit {
        kind: PartKind::Section,
        number: 1,
        name: "",
        has_pictures: false,
    };
    if media_type != MediaType::Html {
        transcript.unit(unit, &decoded.text);
        return transcript.finish();
    }
    let page = html::read(&decoded.text, max_text_bytes);
    unit.name = &page.title;
    unit.has_pictures = page.has_pictures;
    transcript.hidden.characters = page.hidden_characters;
    transcript.hidden.comments = page.comments;
    transcript.unit(unit, &page.text);
    if page.is_cut {
        transcript.was_cut_at(1);
    }
    if page.is_incomplete {
        transcript.misses_something();
    }
    transcript.finish()
}
