//! Compound files: old Word documents and Excel workbooks. [MS-CFB]
//!
//! Promises: the directory decides, wherever in the file it lies. Nothing is
//! read out of one yet but what proves that it is whole.

use super::found::{DocumentFacts, Facts, Flaw, Found};
use super::transcript::Transcript;
use crate::attachment::extracted::Extracted;
use crate::attachment::media::MediaType;
use crate::attachment::processing::{Processed, ProcessingError};
use cfb::CompoundFile;
use std::io::{Cursor, Read as _};

type Compound<'a> = CompoundFile<Cursor<&'a [u8]>>;

/// A stream that is larger is none of a document that is taken.
const MAX_STREAM_BYTES: u64 = 256 * 1024 * 1024;
/// More entries than a document has.
const MAX_ENTRIES: usize = 100_000;

/// What a compound file is, when it is whole.
///
/// # Errors
/// What is broken in it, or that it is of a kind that is not listed: with
/// macros, with a password for the whole, a presentation, a mail.
pub fn check(bytes: &[u8]) -> Result<Found, Flaw> {
    let mut file = CompoundFile::open(Cursor::new(bytes)).map_err(|error| broken(&error))?;
    let mut streams = Vec::new();
    for entry in file.walk().take(MAX_ENTRIES) {
        let name = entry.name().to_ascii_uppercase();
        if matches!(name.as_str(), "MACROS" | "_VBA_PROJECT_CUR") {
            return Err(Flaw::NotListed("a document with macros".to_owned()));
        }
        if entry.is_stream() {
            streams.push(entry.path().to_owned());
        }
    }
    let found = kind(&mut file)?;
    // Every stream is read, so that a chain that leads nowhere is noticed.
    for path in streams {
        let stream = file.open_stream(path).map_err(|error| broken(&error))?;
        let (length, mut read) = (stream.len(), 0_u64);
        if length > MAX_STREAM_BYTES {
            return Err(Flaw::corrupt(0, "a stream is larger than the file can be"));
        }
        let mut piece = [0; 4096];
        let mut stream = stream;
        loop {
            match stream.read(&mut piece).map_err(|error| broken(&error))? {
                0 => break,
                count => read += count as u64,
            }
        }
        if read != length {
            return Err(Flaw::corrupt(0, "a stream ends early"));
        }
    }
    Ok(found)
}

/// The text of an old document. None is read yet.
#[must_use]
pub fn extract(_: MediaType, _: &[u8], max_text_bytes: usize) -> Extracted {
    let error = ProcessingError::UnsupportedFormat;
    Transcript::new("compound", max_text_bytes).finish_as(Processed::Skipped(error))
}

fn kind(file: &mut Compound<'_>) -> Result<Found, Flaw> {
    let found = |media_type, encrypted| Found {
        media_type,
        facts: Facts::Document(DocumentFacts {
            encrypted,
            charset: None,
        }),
    };
    if file.is_stream("/EncryptedPackage") {
        let what = "an Office file with a password".to_owned();
        return Err(Flaw::NotListed(what));
    }
    if file.is_stream("/WordDocument") {
        let header = beginning(file, "/WordDocument")?;
        return match header.get(..12) {
            // The magic number, and among the flags the one of a password.
            // [MS-DOC, 2.5.2]
            Some([0xec | 0xdc, 0xa5, .., low, high]) => {
                let table = if high & 2 == 2 { "/1Table" } else { "/0Table" };
                if !file.is_stream(table) {
                    return Err(Flaw::corrupt(0, "the document has no table stream"));
                }
                let _ = low;
                Ok(found(MediaType::Doc, high & 1 == 1))
            }
            _ => Err(Flaw::corrupt(0, "the document does not begin as one")),
        };
    }
    for book in ["/Workbook", "/Book"] {
        if file.is_stream(book) {
            let header = beginning(file, book)?;
            // A record that begins a workbook. [MS-XLS, 2.4.21]
            let begins = matches!(header.get(..2), Some([0x09, 0x08]));
            if !begins {
                return Err(Flaw::corrupt(0, "the workbook does not begin as one"));
            }
            // A record after it says that a password is needed.
            let after = u16_at(&header, 2)
                .map(usize::from)
                .and_then(|length| u16_at(&header, 4 + length));
            return Ok(found(MediaType::Xls, after == Some(0x002f)));
        }
    }
    Err(Flaw::NotListed(
        "a compound file of another program".to_owned(),
    ))
}

fn beginning(file: &mut Compound<'_>, path: &str) -> Result<Vec<u8>, Flaw> {
    let stream = file.open_stream(path).map_err(|error| broken(&error))?;
    let mut header = Vec::new();
    let read = stream.take(64).read_to_end(&mut header);
    read.map_err(|error| broken(&error))?;
    Ok(header)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn broken(error: &std::io::Error) -> Flaw {
    Flaw::corrupt(0, &format!("the compound file is broken: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn file(streams: &[(&str, &[u8])]) -> Vec<u8> {
        let mut file = CompoundFile::create(Cursor::new(Vec::new())).unwrap();
        for (path, bytes) in streams {
            let mut stream = file.create_stream(path).unwrap();
            stream.write_all(bytes).unwrap();
        }
        file.flush().unwrap();
        file.into_inner().into_inner()
    }

    fn document(flags: u8) -> Vec<u8> {
        let mut header = vec![0xec, 0xa5, 0xc1, 0, 0, 0, 0, 0, 0, 0, 0, flags];
        header.resize(5_000, 7);
        file(&[("/WordDocument", &header), ("/1Table", &[1; 5_000])])
    }

    fn workbook() -> Vec<u8> {
        let mut book = vec![0x09, 0x08, 16, 0, 0, 6, 5, 0];
        book.resize(9_000, 0);
        file(&[("/Workbook", &book)])
    }

    #[test]
    fn the_directory_decides() {
        let kind = |bytes: &[u8]| check(bytes).map(|found| found.media_type);
        assert_eq!(kind(&document(2)), Ok(MediaType::Doc));
        assert_eq!(kind(&workbook()), Ok(MediaType::Xls));
        assert!(matches!(kind(&document(0)), Err(Flaw::Corrupt { .. })));
        let mail = file(&[("/__properties_version1.0", b"x")]);
        assert!(matches!(kind(&mail), Err(Flaw::NotListed(_))));
        let locked = check(&document(3)).unwrap();
        let Facts::Document(facts) = locked.facts else {
            panic!("{locked:?}");
        };
        assert!(facts.encrypted);
    }

    #[test]
    fn what_is_cut_or_changed_ends_in_a_flaw_or_a_verdict() {
        let whole = workbook();
        // Of the last sector only a part holds anything.
        for length in (0..whole.len() - 4_096).step_by(97) {
            assert!(check(&whole[..length]).is_err(), "{length}");
        }
        for at in (0..whole.len()).step_by(61) {
            let mut changed = whole.clone();
            changed[at] ^= 0xff;
            let _ = check(&changed);
        }
    }
}
