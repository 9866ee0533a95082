//! Office documents of today and other zip archives.
//!
//! Promises: the central directory and the list of content types decide what
//! an archive is, not the order or the names of its entries; every entry is
//! unpacked and its CRC checked before anything is said; a document with
//! macros is never taken for one without.

mod archive;
mod document;
mod markup;
mod package;
mod presentation;
mod prose;
mod sheet;
#[cfg(test)]
mod tests;
mod workbook;

use super::extracted::Extracted;
use super::found::{DocumentFacts, Facts, Flaw, Found};
use super::transcript::Transcript;
use crate::attachment::media::MediaType;
use crate::attachment::processing::{Processed, ProcessingError};
use archive::Archive;
use package::Package;

/// What a zip archive is, when it is whole: a document, a workbook, a
/// presentation, or [`MediaType::Zip`] for any other. Templates and slide
/// shows count as what they make.
///
/// # Errors
///
/// What is broken in it, or that it is of a kind that is not listed: with
/// macros, with a password, a binary workbook.
pub fn check(bytes: &[u8]) -> Result<Found, Flaw> {
    let archive = Archive::open(bytes)?;
    archive.prove()?;
    match Package::of(archive)? {
        Ok(package) => match kind(&package)? {
            Some((media_type, main)) => {
                check_markup(&package, &main)?;
                Ok(Found {
                    media_type,
                    facts: Facts::Document(DocumentFacts::default()),
                })
            }
            None => plain(&package.into_archive()),
        },
        Err(archive) => plain(&archive),
    }
}

/// The text of a document that [`check`] has found to be of this type, at most
/// so many bytes of it.
///
/// What cannot be read is a failure of the text alone, and no verdict on the
/// document: other readers may know how.
#[must_use]
pub fn extract(media_type: MediaType, bytes: &[u8], max_text_bytes: usize) -> Extracted {
    let transcript = Transcript::new("ooxml", max_text_bytes);
    let package = Archive::open(bytes).and_then(Package::of);
    let Ok(Ok(package)) = package else {
        return transcript.finish_as(Processed::Failed(ProcessingError::ExtractorFailed));
    };
    let Some(main) = main_part(&package) else {
        return transcript.finish_as(Processed::Failed(ProcessingError::ExtractorFailed));
    };
    match media_type {
        MediaType::Docx => document::extract(&package, &main, transcript),
        MediaType::Pptx => presentation::extract(&package, &main, transcript),
        MediaType::Xlsx => workbook::extract(&package, &main, transcript),
        _ => transcript.finish_as(Processed::Failed(ProcessingError::UnsupportedFormat)),
    }
}

fn plain(archive: &Archive<'_>) -> Result<Found, Flaw> {
    archive.check_stored_names()?;
    Ok(Found {
        media_type: MediaType::Zip,
        facts: Facts::Other,
    })
}

/// Which kind of document a package is, and its main part.
fn kind(package: &Package<'_>) -> Result<Option<(MediaType, String)>, Flaw> {
    if let Some(what) = package
        .parts()
        .find_map(|(part, kind)| active(&part.name, kind))
    {
        return Err(Flaw::NotListed(what.to_owned()));
    }
    let Some(main) = main_part(package) else {
        return Ok(None);
    };
    let Some(media_type) = document_type(package.type_of(&main)) else {
        return Ok(None);
    };
    if !package.has(&main) {
        return Err(Flaw::corrupt(
            0,
            &format!("its main part is missing: {main}"),
        ));
    }
    Ok(Some((media_type, main)))
}

/// The part that the document is: the one that the package's relationships
/// name, or else the first of a document's type.
fn main_part(package: &Package<'_>) -> Option<String> {
    let named = package.main_part();
    let named = named.filter(|main| document_type(package.type_of(main)).is_some());
    named.or_else(|| {
        let mut parts = package.parts();
        let main = parts.find(|(_, kind)| document_type(kind).is_some());
        main.map(|(part, _)| part.name.clone())
    })
}

/// The document that a main part of this content type makes (ECMA-376, part 1,
/// sections 11.3.10, 12.3.23 and 13.3.6).
fn document_type(content_type: &str) -> Option<MediaType> {
    const FAMILY: &str = "application/vnd.openxmlformats-officedocument.";
    match content_type.trim().strip_prefix(FAMILY)? {
        "wordprocessingml.document.main+xml" | "wordprocessingml.template.main+xml" => {
            Some(MediaType::Docx)
        }
        "spreadsheetml.sheet.main+xml" | "spreadsheetml.template.main+xml" => Some(MediaType::Xlsx),
        "presentationml.presentation.main+xml"
        | "presentationml.slideshow.main+xml"
        | "presentationml.template.main+xml" => Some(MediaType::Pptx),
        _ => None,
    }
}

/// What a part makes of its document, where that is more than paper.
fn active(part: &str, content_type: &str) -> Option<&'static str> {
    let file = part.rsplit('/').next().unwrap_or_default();
    if content_type.contains("sheet.binary") {
        return Some("a binary workbook");
    }
    let has_macros = content_type.contains("macroenabled")
        || content_type.contains("macrosheet")
        || content_type.contains("vbaproject")
        || file.eq_ignore_ascii_case("vbaProject.bin");
    has_macros.then_some("a macro-enabled document")
}

/// Parts that a person reads must be whole; no part may define entities.
fn check_markup(package: &Package<'_>, main: &str) -> Result<(), Flaw> {
    for (part, kind) in package.parts() {
        let is_read = part.name.eq_ignore_ascii_case(main) || is_read(kind);
        if !is_read && !is_markup(&part.name, kind) {
            continue;
        }
        let markup = match package::text(part) {
            Ok(markup) => markup,
            Err(flaw) if is_read => return Err(flaw),
            // Nobody reads it, so nobody minds.
            Err(_) => continue,
        };
        if markup::has_document_type(&markup) {
            return Err(markup::Malformed::DocumentType.of(part.at, &part.name));
        }
        if is_read {
            markup::check(&markup).map_err(|fault| fault.of(part.at, &part.name))?;
        }
    }
    Ok(())
}

fn is_read(content_type: &str) -> bool {
    let kind = content_type.strip_suffix("+xml");
    let word = kind.and_then(|kind| kind.rsplit('.').next());
    matches!(
        word,
        Some(
            "slide"
                | "worksheet"
                | "sharedstrings"
                | "header"
                | "footer"
                | "footnotes"
                | "endnotes"
        )
    )
}

fn is_markup(part: &str, content_type: &str) -> bool {
    let extension = part.rsplit_once('.').map_or("", |(_, extension)| extension);
    content_type.ends_with("+xml")
        || content_type.ends_with("/xml")
        || ["xml", "rels"]
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
}
