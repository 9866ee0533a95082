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
                // Without its mark, the end has nothing but this to show for itself.
                Some([Err(flaw), _]) if !marker => return Err(flaw),
                None if !marker => return Err(corrupt(bytes.len(), "startxref says nothing")),
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
/// Whoever writes a cross-reference writes where it is: with one, it is cut off.
fn unmarked(bytes: &[u8], whole_by_length: bool) -> Result<End, Flaw> {
    let mut tables = memchr::memmem::find_iter(bytes, b"xref").filter(|at| {
        let before = at.checked_sub(1).and_then(|it| bytes.get(it));
        let behind = bytes.get(at.saturating_add(4));
        [before, behind]
            .iter()
            .all(|byte| byte.is_some_and(|it| is_space(*it)))
    });
    if tables.next().is_some() || find(bytes, b"/XRef").is_some() {
        return Err(corrupt(bytes.len(), "no startxref at the end"));
    }
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
    let first = reader.number();
    reader.space();
    let second = reader.number();
    reader.space();
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

#[cfg(test)]
mod tests {
    use super::super::written::{self, Written};
    use super::*;

    /// The shapes in which files are written, each with its name.
    fn shapes() -> Vec<(&'static str, Vec<u8>)> {
        let page = || Written::page("BT /F 12 Tf 72 700 Td (Hello) Tj ET");
        vec![
            ("table", page().with_table()),
            ("stream", page().with_stream()),
            ("object streams", page().packed()),
            ("incremental", written::revised(&page().with_table())),
            ("hybrid", written::hybrid()),
            ("linearized", written::linearized()),
        ]
    }

    fn refused(bytes: &[u8], whole_by_length: bool) -> String {
        check(bytes, whole_by_length).unwrap_err().to_string()
    }

    #[test]
    fn every_shape_is_a_whole_file() {
        for (shape, bytes) in shapes() {
            let facts = check(&bytes, false);
            assert_eq!(facts, Ok(DocumentFacts::default()), "{shape}");
        }
    }

    #[test]
    fn a_file_cut_anywhere_is_refused() {
        for (shape, bytes) in shapes() {
            let mark = memchr::memmem::rfind(&bytes, b"%%EOF").unwrap();
            let first_end = find(&bytes, b"%%EOF").unwrap() + 5;
            // Up to the end of an older revision it is a file of its own.
            let begins = if shape == "incremental" {
                first_end + 2
            } else {
                0
            };
            for end in begins..mark - 1 {
                let verdict = check(&bytes[..end], true);
                assert!(verdict.is_err(), "{shape} cut at {end} of {}", bytes.len());
            }
        }
    }

    #[test]
    fn without_its_mark_a_file_is_whole_by_its_length() {
        for (shape, bytes) in shapes() {
            let mark = memchr::memmem::rfind(&bytes, b"%%EOF").unwrap();
            assert!(check(&bytes[..mark], true).is_ok(), "{shape}");
            assert!(check(&bytes[..mark], false).is_err(), "{shape}");
            assert!(check(&bytes[..mark + 3], true).is_err(), "{shape}");
        }
        let bare = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n";
        assert!(check(bare, true).is_ok());
        assert_eq!(refused(bare, false), "no startxref at the end, at byte 62");
        for end in 0..bare.len() - 1 {
            assert!(check(&bare[..end], true).is_err(), "{end}");
        }
    }

    #[test]
    fn what_stands_before_or_behind_is_taken() {
        for (shape, bytes) in shapes() {
            for before in [&b"PK\x03\x04"[..], b"<html>", &[b'x'; 1_000], &[0; 1_024]] {
                let file = [before, &bytes].concat();
                assert!(
                    check(&file, false).is_ok(),
                    "{shape} behind {}",
                    before.len()
                );
            }
            for behind in [&b"<html>obj"[..], &vec![0; 100_000], b"\r\n", b"PK\x03\x04"] {
                let file = [&bytes, behind].concat();
                assert!(
                    check(&file, false).is_ok(),
                    "{shape} before {}",
                    behind.len()
                );
            }
            let late = [&[b'x'; 1_025][..], &bytes].concat();
            assert!(check(&late, false).is_err(), "{shape}");
            for behind in [&b"7 0 obj<<"[..], b"\n7 0 ob", b" 7 0", b"7"] {
                let file = [&bytes, behind].concat();
                assert!(check(&file, true).is_err(), "{shape}: {behind:?}");
            }
        }
        // Two that real senders sent: junk before the header, and 80,000 zeros behind the end.
        let bare = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\nstartxref\n9\n%%EOF\n";
        assert!(check(&[&[b'x'; 57][..], bare].concat(), false).is_ok());
        assert!(check(&[&bare[..], &vec![0; 80_508]].concat(), false).is_ok());
    }

    #[test]
    fn wrong_offsets_are_mended_and_lost_objects_are_not() {
        for (shape, bytes) in shapes() {
            // All objects move, and no offset is right any more.
            let moved = [&bytes[..9], b"% moved\n", &bytes[9..]].concat();
            assert!(check(&moved, false).is_ok(), "{shape}");
        }
        let whole = Written::page("q Q").with_table();
        for (from, to) in [
            ("/Pages 2 0 R", "/Pages 9 0 R"),
            ("/Catalog/Pages", "/Catalog/Bages"),
            ("/Kids", "/Bids"),
            ("/Root", "/Toor"),
            ("4 0 obj", "4 0 obx"),
            ("endstream", "endxtream"),
            ("3 0 obj", "8 0 obj"),
            ("2 0 obj\n<<", "2 0 obj\n<("),
            ("%PDF-", "%PDG-"),
            ("%%EOF", "%%EOG"),
        ] {
            let bent = written::replaced(&whole, from, to);
            assert!(check(&bent, true).is_err(), "{from}");
        }
        let hole = written::blanked(&Written::page("q Q").packed(), b"/ObjStm");
        assert!(check(&hole, true).is_err());
    }

    #[test]
    fn what_only_begins_as_one_is_refused() {
        for text in [
            "%PDF-1.4\n<html><script>alert(1)</script></html>\n%%EOF",
            "%PDF-1.4",
            "%PDF-1.4 startxref trailer xref obj 1 0 obj endobj %%EOF",
            "note: a PDF begins with %PDF-1.4 and ends with startxref 0 %%EOF",
            "",
        ] {
            assert!(check(text.as_bytes(), true).is_err(), "{text}");
        }
    }

    #[test]
    fn a_page_tree_has_an_end_and_a_page() {
        let tree = |node: &str| {
            let nodes = ["<</Type/Catalog/Pages 2 0 R>>", node];
            check(&Written::of(&nodes).with_table(), true)
        };
        assert!(tree("<</Type/Pages/Kids[2 0 R]/Count 1>>").is_err());
        assert!(tree("<</Type/Pages/Kids[9 0 R]/Count 1>>").is_err());
        assert!(tree("<</Type/Pages/Kids[]/Count 1>>").is_err());
        assert!(tree("<</Type/Pages/Kids[]/Count 0>>").is_ok());
        assert!(tree("<</Type/Pages/Kids[<</Type/Page>>]/Count 1>>").is_ok());
        let deep = format!(
            "<</Type/Page/X {}{}>>",
            "[".repeat(9_000),
            "]".repeat(9_000)
        );
        assert!(tree(&deep).is_err());
    }

    #[test]
    fn circles_and_bombs_end() {
        let circle = "%PDF-1.4\nxref\n0 1\n0000000000 65535 f \ntrailer<</Root 1 0 R/Prev 9>>\nstartxref\n9\n%%EOF";
        assert!(check(circle.as_bytes(), true).is_err());
        assert!(check(&written::xref_bomb(), true).is_err());
        let waste = format!(
            "%PDF-1.4\n{}\nstartxref\n9\n%%EOF",
            "1 0 obj(".repeat(100_000)
        );
        assert!(check(waste.as_bytes(), true).is_err());
        let streams = format!(
            "%PDF-1.4\n{}\nstartxref\n9\n%%EOF",
            "1 0 obj<<>>stream ".repeat(50_000)
        );
        assert!(check(streams.as_bytes(), true).is_err());
    }

    #[test]
    fn a_password_is_told_from_none() {
        let sealed = |user: &str| {
            let encrypt = format!(
                "/ID[<00><00>]/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<{}>/U<{user}>>>",
                "00".repeat(32)
            );
            check(
                &Written::page("q Q").with_trailer(&encrypt).with_table(),
                true,
            )
            .unwrap()
        };
        assert!(sealed(&"00".repeat(32)).encrypted);
        assert!(!sealed(&written::empty_password()).encrypted);
    }

    #[test]
    fn no_bent_byte_is_more_than_a_flaw() {
        for (shape, bytes) in shapes() {
            for at in 0..bytes.len() {
                for bit in [0x01, 0x10, 0x80] {
                    let mut bent = bytes.clone();
                    bent[at] ^= bit;
                    let length = bent.len();
                    if let Err(Flaw::Corrupt { at, .. }) = check(&bent, true) {
                        assert!(at <= length as u64, "{shape}");
                    }
                }
            }
        }
    }
}
