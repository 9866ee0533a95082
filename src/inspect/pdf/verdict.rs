//! Whether bytes are a whole PDF.
//!
//! Two questions, and each has its own answer. *Is it all there?* Its end says
//! so: nothing may follow the last `startxref` that belongs to a revision, for a
//! file that is cut off ends within one. Here nothing is mended. *Can it be
//! read?* The cross-reference leads to the catalog and to its pages; where it is
//! bent, the objects are found as every viewer finds them, by a scan.

use super::document::Document;
use super::filter::find;
use super::object::{Reader, is_space};
use super::scan::{Scan, header_before, scan};
use super::{corrupt, pages, xref};
use crate::inspect::found::{DocumentFacts, Flaw};
use hayro_syntax::Pdf;

/// How far from the beginning the header may stand: Acrobat's rule, which all follow.
const HEADER_WITHIN: usize = 1_024;

/// Proves that these bytes are a whole PDF.
///
/// Whatever stands before `%PDF-` within the first KiB or behind the end is taken.
/// `whole_by_length` says that as many bytes came as were announced: only then is
/// a file without `%%EOF` whole.
///
/// # Errors
/// [`Flaw::Corrupt`] where it is cut off, where its structure is broken beyond
/// what viewers mend, where an object that a page needs is lost, or where it
/// unpacks to more than 100 MiB of structure.
pub fn check(bytes: &[u8], whole_by_length: bool) -> Result<DocumentFacts, Flaw> {
    let head = bytes
        .get(..HEADER_WITHIN.saturating_add(5))
        .unwrap_or(bytes);
    let Some(header) = find(head, b"%PDF-") else {
        return Err(corrupt(0, "no %PDF- in the first 1024 bytes"));
    };
    let mut document = match end(bytes, whole_by_length)? {
        End::Marked { marker, offset } => {
            let tables =
                offset.map(|offset| [header, 0].map(|base| xref::read(bytes, base, offset)));
            match tables {
                Some([Ok(table), _] | [_, Ok(table)]) => Document::new(bytes, header, table),
                Some([Err(flaw), _]) if !marker => return Err(flaw),
                _ => scanned(bytes)?,
            }
        }
        End::Unmarked => scanned(bytes)?,
    };
    pages::check(&mut document)?;
    Ok(DocumentFacts {
        encrypted: document.is_encrypted() && needs_password(bytes),
        charset: None,
    })
}

/// How a file ends that is all there.
enum End {
    /// With a `startxref`, which gives this offset, and with `%%EOF` as the marker or without.
    Marked { marker: bool, offset: Option<usize> },
    /// With the trailer, and no `startxref`.
    Unmarked,
}

/// Finds the end, and that it is one.
fn end(bytes: &[u8], whole_by_length: bool) -> Result<End, Flaw> {
    let Some(last) = memchr::memmem::rfind(bytes, b"startxref") else {
        return unmarked(bytes, whole_by_length);
    };
    let mut reader = Reader::new(bytes, last);
    reader.take(b"startxref");
    while reader.rest().first().is_some_and(|byte| is_space(*byte)) {
        reader.take(reader.rest().get(..1).unwrap_or_default());
    }
    let offset = reader.number().and_then(|it| usize::try_from(it).ok());
    let rest = reader.rest();
    let marker = find(rest, b"%%EOF");
    let behind = marker
        .and_then(|at| rest.get(at.saturating_add(5)..))
        .unwrap_or(rest);
    if begins_revision(behind) {
        return Err(corrupt(last, "what follows the last startxref breaks off"));
    }
    match marker {
        Some(_) => Ok(End::Marked {
            marker: true,
            offset,
        }),
        None if whole_by_length && rest.iter().all(|byte| is_space(*byte)) => Ok(End::Marked {
            marker: false,
            offset,
        }),
        None => Err(corrupt(bytes.len(), "no %%EOF at the end")),
    }
}

/// A file without `startxref` is whole where its trailer is, and nothing breaks off behind it.
fn unmarked(bytes: &[u8], whole_by_length: bool) -> Result<End, Flaw> {
    let scan = scan(bytes);
    let end = scan
        .trailer_end
        .ok_or_else(|| corrupt(bytes.len(), "no trailer"))?;
    if scan.last_object.is_some_and(|last| last > end) {
        return Err(corrupt(
            bytes.len(),
            "objects follow the trailer and break off",
        ));
    }
    let rest = bytes.get(end..).unwrap_or_default().trim_ascii();
    if rest.starts_with(b"%%EOF") || (rest.is_empty() && whole_by_length) {
        return Ok(End::Unmarked);
    }
    Err(corrupt(end, "no startxref at the end"))
}

/// Whether another revision begins in what stands behind the end, even if only
/// the first bytes of one do.
fn begins_revision(behind: &[u8]) -> bool {
    let mut from = 0_usize;
    while let Some(found) = behind.get(from..).and_then(|it| find(it, b"obj")) {
        let keyword = from.saturating_add(found);
        if header_before(behind, from, keyword).is_some() {
            return true;
        }
        from = keyword.saturating_add(3);
    }
    let rest = behind.trim_ascii();
    let mut reader = Reader::new(rest, 0);
    // "7", "7 0", "7 0 o": an object header that breaks off.
    let (first, _) = (reader.number(), reader.space());
    let (second, _) = (reader.number(), reader.space());
    let short = first.is_some() && reader.rest().is_empty();
    short || (second.is_some() && b"obj".starts_with(reader.rest()))
}

/// A file whose cross-reference is of no use.
fn scanned(bytes: &[u8]) -> Result<Document<'_>, Flaw> {
    let scan: Scan = scan(bytes);
    match (scan.trailer_end, scan.last_object) {
        (Some(end), Some(last)) if last < end => Ok(Document::scanned(bytes, scan)),
        (Some(end), _) => Err(corrupt(end, "objects follow the trailer and break off")),
        (None, _) => Err(corrupt(
            bytes.len(),
            "neither a cross-reference nor a trailer",
        )),
    }
}

/// Whether the empty password does not open it. Files that only their owner's
/// password protects are opened by everyone without asking.
fn needs_password(bytes: &[u8]) -> bool {
    Pdf::new(bytes.to_vec()).is_err()
}
