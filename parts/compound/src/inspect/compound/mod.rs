//! Compound files: old Word documents and Excel workbooks. (\[MS-CFB\])
//!
//! Promises: the directory decides, wherever in the file it lies; the streams
//! that the document is made of are whole; a document with macros is never
//! taken for one without.

mod document;
mod fib;
mod file;
mod formatting;
mod pieces;
mod prose;
mod record;
mod sheet;
mod strings;
#[cfg(test)]
mod tests;
mod unseen;
mod workbook;

use super::found::{DocumentFacts, Facts, Flaw, Found};
use super::transcript::Transcript;
use crate::attachment::extracted::Extracted;
use crate::attachment::media::MediaType;
use crate::attachment::processing::{Processed, ProcessingError};
use fib::Fib;
use file::File;
use workbook::Globals;

/// The stream that makes a document.
const DOCUMENT: &str = "WordDocument";

/// The streams that make a workbook: of Excel 97 and later, and of Excel 5
/// and 95. A workbook saved for both has both.
const WORKBOOKS: [&str; 2] = ["Workbook", "Book"];

/// What a compound file is, when it is whole: a document or a workbook.
///
/// # Errors
///
/// What is broken in it, or that it is of a kind that is not listed: with
/// macros, with a password for the whole, a presentation, a mail.
pub fn check(bytes: &[u8]) -> Result<Found, Flaw> {
    let mut file = File::open(bytes)?;
    if file.has_stream("EncryptedPackage") {
        return Err(not_listed("an Office file with a password"));
    }
    let (media_type, encrypted) = if file.has_stream(DOCUMENT) {
        (MediaType::Doc, document(&mut file)?)
    } else if let Some(name) = workbook_of(&file) {
        (MediaType::Xls, workbook(&mut file, name)?)
    } else {
        return Err(not_listed(other_program(&file)));
    };
    if file.has_macros() {
        return Err(not_listed("a document with macros"));
    }
    file.prove_streams()?;
    Ok(Found {
        media_type,
        facts: Facts::Document(DocumentFacts {
            encrypted,
            charset: None,
        }),
    })
}

/// The text of a document that [`check`] has found to be of this type, at most
/// so many bytes of it.
///
/// What cannot be read is a failure of the text alone, and no verdict on the
/// document: other readers may know how.
#[must_use]
pub fn extract(media_type: MediaType, bytes: &[u8], max_text_bytes: usize) -> Extracted {
    let transcript = Transcript::new("compound", max_text_bytes);
    let Ok(mut file) = File::open(bytes) else {
        return transcript.finish_as(Processed::Failed(ProcessingError::ExtractorFailed));
    };
    match media_type {
        MediaType::Doc => document::extract(&mut file, transcript),
        MediaType::Xls => workbook::extract(&mut file, transcript),
        _ => transcript.finish_as(Processed::Failed(ProcessingError::UnsupportedFormat)),
    }
}

/// Proves that there is a document, and says whether it has a password.
fn document(file: &mut File<'_>) -> Result<bool, Flaw> {
    let beginning = file.read(DOCUMENT)?;
    let fib = Fib::read(&beginning)
        .ok_or_else(|| Flaw::corrupt(0, "the document does not begin as one"))?;
    if !file.has_stream(fib.table) {
        // Its tables stood in the document's own stream.
        return Err(if fib.is_of_word_95() {
            not_listed("a document of Word 95 or older")
        } else {
            Flaw::corrupt(0, "the document has no table stream")
        });
    }
    Ok(fib.is_encrypted)
}

/// Proves that there is a workbook, and says whether it has a password.
fn workbook(file: &mut File<'_>, name: &str) -> Result<bool, Flaw> {
    let stream = file.read(name)?;
    let globals = Globals::read(&stream)
        .ok_or_else(|| Flaw::corrupt(0, "the workbook does not begin as one"))?;
    if globals.has_macro_sheet(&stream) {
        return Err(not_listed("a document with macros"));
    }
    if !globals.is_encrypted && !globals.has_sheet(&stream) {
        return Err(Flaw::corrupt(0, "the workbook has none of its sheets"));
    }
    Ok(globals.is_encrypted)
}

/// The stream of a workbook, where there is one.
fn workbook_of(file: &File<'_>) -> Option<&'static str> {
    WORKBOOKS.into_iter().find(|name| file.has_stream(name))
}

/// What other programs keep in compound files.
fn other_program(file: &File<'_>) -> &'static str {
    if file.has_stream("PowerPoint Document") {
        "a presentation of PowerPoint 2003 or older"
    } else if file.has_stream("__properties_version1.0") {
        "a mail of Outlook"
    } else {
        "a compound file of another program"
    }
}

fn not_listed(what: &str) -> Flaw {
    Flaw::NotListed(what.to_owned())
}
