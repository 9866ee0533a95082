//! Documents and workbooks as Office wrote them until 2003, in compound files.
//!
//! Promises: the directory decides what a file is, wherever it lies and
//! whatever class it names; a stream that is cut off is told from a whole one;
//! and what cannot be read is a failure of the text alone.

mod continued;
mod directory;
mod excel;
mod formatting;
#[cfg(test)]
mod tests;
mod word;

use super::extracted::Extracted;
use super::found::{DocumentFacts, Facts, Flaw, Found};
use super::transcript::Transcript;
use crate::attachment::media::MediaType;
use crate::attachment::processing::{Processed, ProcessingError};
use directory::Compound;

/// What a compound file is, when it is whole: [`MediaType::Doc`] or
/// [`MediaType::Xls`], and whether a password is needed to read it.
///
/// # Errors
///
/// What is broken in it, or that it holds something that is not listed: a
/// presentation, a mail, a document of today that is encrypted.
pub fn check(bytes: &[u8]) -> Result<Found, Flaw> {
    let compound = Compound::open(bytes)?;
    let (media_type, encrypted) = if let Some(document) = compound.stream(&[word::STREAM]) {
        (MediaType::Doc, word::check(&compound, &document)?)
    } else if let Some(workbook) = compound.stream(&excel::STREAMS) {
        (MediaType::Xls, excel::check(&workbook)?)
    } else {
        return Err(Flaw::NotListed(other_kind(&compound).to_owned()));
    };
    let facts = Facts::Document(DocumentFacts {
        encrypted,
        charset: None,
    });
    Ok(Found { media_type, facts })
}

/// The text of a file that [`check`] has found to be of this type, at most so
/// many bytes of it.
#[must_use]
pub fn extract(media_type: MediaType, bytes: &[u8], max_text_bytes: usize) -> Extracted {
    let transcript = Transcript::new("cfb", max_text_bytes);
    let Ok(compound) = Compound::open(bytes) else {
        return transcript.finish_as(Processed::Failed(ProcessingError::ExtractorFailed));
    };
    match media_type {
        MediaType::Doc => word::extract(&compound, transcript),
        MediaType::Xls => excel::extract(&compound, transcript),
        _ => transcript.finish_as(Processed::Failed(ProcessingError::UnsupportedFormat)),
    }
}

fn other_kind(compound: &Compound<'_>) -> &'static str {
    const KINDS: [(&str, &str); 4] = [
        (
            "EncryptedPackage",
            "a document that is encrypted as a whole",
        ),
        ("PowerPoint Document", "a presentation of before 2007"),
        ("__properties_version1.0", "a mail of Outlook"),
        ("VisioDocument", "a drawing of Visio"),
    ];
    let kind = KINDS.iter().find(|(name, _)| compound.has(name));
    kind.map_or("a compound file of another kind", |(_, kind)| kind)
}
