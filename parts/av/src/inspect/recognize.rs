//! Which format's walker shall judge a file, by its first bytes.
//!
//! A proof is what no text can be: a NUL, a control character, a byte that
//! starts nothing. A magic number of printable letters proves nothing while the
//! bytes around it may be text, so that both are answered, and whoever knows
//! what the file is called tries the one and then the other.

use super::av::{self, Container};
use crate::attachment::media::MediaType;

/// So many bytes are enough to recognise a file by.
pub const HEAD_BYTES: usize = 16 * 1024;

/// A PDF may have anything before it, and no more than this (ISO 32000-1,
/// Annex H, note 13).
const PDF_WITHIN: usize = 1024;

/// A format whose structure is walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the formats")]
pub enum Format {
    Png,
    Jpeg,
    Gif,
    Webp,
    Pdf,
    /// An archive, which may be an Office file.
    Zip,
    /// A compound file, which may be an old Office file.
    Compound,
    /// A film or a recording.
    Av(Container),
}

impl Format {
    /// The types that a walk may find, the commonest first. While a file comes,
    /// it may have as many bytes as the largest of them.
    #[must_use]
    pub const fn may_be(self) -> &'static [MediaType] {
        use MediaType as T;
        match self {
            Self::Png => &[T::Png],
            Self::Jpeg => &[T::Jpeg],
            Self::Gif => &[T::Gif],
            Self::Webp => &[T::Webp],
            Self::Pdf => &[T::Pdf],
            Self::Zip => &[T::Docx, T::Xlsx, T::Pptx, T::Zip],
            Self::Compound => &[T::Doc, T::Xls],
            Self::Av(Container::IsoMedia) => &[T::Mp4, T::M4a, T::Mov, T::Heic],
            Self::Av(Container::MpegAudio) => &[T::Mp3, T::Aac],
            Self::Av(Container::Ogg) => &[T::Ogg, T::Opus],
            Self::Av(Container::Wav) => &[T::Wav],
            Self::Av(Container::Ebml) => &[T::Webm],
        }
    }
}

/// What the first bytes may be the beginning of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recognized {
    /// The format that they begin as.
    pub format: Option<Format>,
    /// A PDF begins among them, though not with the first one.
    pub holds_pdf: bool,
    /// Nothing among them rules text out.
    pub may_be_text: bool,
    /// They are text that begins as a page.
    pub is_page: bool,
    /// A format that is known and not taken, as a MIME type.
    pub foreign: Option<&'static str>,
}

impl Recognized {
    /// The formats whose walkers judge, in their order.
    pub fn formats(&self) -> impl Iterator<Item = Format> + use<> {
        let pdf = self.holds_pdf.then_some(Format::Pdf);
        self.format.into_iter().chain(pdf)
    }
}

/// Recognises a file of so many bytes by its head: its first 16 KiB, or all of
/// it where it is shorter.
#[must_use]
pub fn recognize(head: &[u8], len: u64) -> Recognized {
    let may_be_text = may_be_text(head);
    let pdf_at = pdf_at(head);
    let format = match pdf_at {
        Some(0) => Some(Format::Pdf),
        _ => begins_as(head, len, may_be_text),
    };
    let foreign = if format.is_none() && !may_be_text {
        foreign(head)
    } else {
        None
    };
    let frames = || av::has_frames(head).then_some(Format::Av(Container::MpegAudio));
    let format = match (format, foreign, may_be_text) {
        // A recording of a stream may begin within a frame.
        (None, None, false) => frames(),
        (known, ..) => known,
    };
    Recognized {
        format,
        holds_pdf: pdf_at.is_some_and(|at| at > 0),
        may_be_text,
        is_page: may_be_text && is_page(head),
        foreign,
    }
}

fn pdf_at(head: &[u8]) -> Option<usize> {
    let reach = head.get(..PDF_WITHIN).unwrap_or(head);
    reach.windows(5).position(|window| window == b"%PDF-")
}

fn begins_as(head: &[u8], len: u64, may_be_text: bool) -> Option<Format> {
    match head {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Format::Png),
        [0xff, 0xd8, 0xff, ..] => Some(Format::Jpeg),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Format::Gif),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Some(Format::Webp),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'A',
            b'V',
            b'E',
            ..,
        ]
        | [
            b'R',
            b'F',
            b'6',
            b'4',
            _,
            _,
            _,
            _,
            b'W',
            b'A',
            b'V',
            b'E',
            ..,
        ]
        | [
            b'B',
            b'W',
            b'6',
            b'4',
            _,
            _,
            _,
            _,
            b'W',
            b'A',
            b'V',
            b'E',
            ..,
        ] => Some(Format::Av(Container::Wav)),
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Format::Zip),
        [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1, ..] => Some(Format::Compound),
        [b'O', b'g', b'g', b'S', 0, ..] => Some(Format::Av(Container::Ogg)),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => Some(Format::Av(Container::Ebml)),
        _ if begins_with_box(head, len) => Some(Format::Av(Container::IsoMedia)),
        _ if !may_be_text && av::begins_with_sound(head) => Some(Format::Av(Container::MpegAudio)),
        _ => None,
    }
}

/// A box that a film or a picture begins with, of a length that it may have:
/// the first byte of which is zero in any file below 16 MiB, and no text.
fn begins_with_box(head: &[u8], len: u64) -> bool {
    let Some((size, name)) = head.first_chunk().zip(head.get(4..8)) else {
        return false;
    };
    let size = u64::from(u32::from_be_bytes(*size));
    match name {
        b"ftyp" => (8..=len.max(1024)).contains(&size),
        b"moov" | b"mdat" | b"free" | b"skip" | b"wide" | b"pnot" | b"styp" => {
            size <= 1 || (8..=u64::from(u32::MAX) / 4).contains(&size)
        }
        _ => false,
    }
}

/// What another crate knows by its magic number. It is asked only where the
/// bytes are no text and no format of ours.
fn foreign(head: &[u8]) -> Option<&'static str> {
    let known = infer::get(head).map(|known| known.mime_type());
    known.filter(|mime| MediaType::from_mime(mime).is_none())
}

/// Whether nothing in it rules text out in any encoding that is read: the
/// control characters of real logs may stand in it, NUL only in UTF-16.
fn may_be_text(head: &[u8]) -> bool {
    !head.is_empty()
        && match utf16_order(head) {
            Some(order) => !head
                .chunks_exact(2)
                .any(|pair| is_control(order([pair[0], pair[1]]))),
            None => !head.iter().any(|byte| is_control(u16::from(*byte))),
        }
}

fn is_control(character: u16) -> bool {
    matches!(character, 0..=6 | 0x0e..=0x19 | 0x1c..=0x1f)
}

/// How two bytes make a character, where they do: by a byte order mark, or by
/// letters of Latin, of which one half is zeros and the other none.
fn utf16_order(head: &[u8]) -> Option<fn([u8; 2]) -> u16> {
    match head {
        [0xff, 0xfe, ..] => return Some(u16::from_le_bytes),
        [0xfe, 0xff, ..] => return Some(u16::from_be_bytes),
        _ => {}
    }
    let zeros = |from: usize| {
        let half = head.iter().skip(from).step_by(2);
        half.filter(|byte| **byte == 0).count()
    };
    let (even, odd) = (zeros(0), zeros(1));
    // 30 in 100 of all bytes, and next to none on the other side.
    let is_clear =
        |most: usize, least: usize| most * 10 >= head.len() * 3 && least * 100 <= head.len();
    if is_clear(odd, even) {
        Some(u16::from_le_bytes)
    } else if is_clear(even, odd) {
        Some(u16::from_be_bytes)
    } else {
        None
    }
}

/// Whether text begins as a page does, and not only with a tag.
fn is_page(head: &[u8]) -> bool {
    const OPENINGS: &[&[u8]] = &[b"<!doctype html", b"<html", b"<head", b"<body"];
    let mut text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    loop {
        text = text.trim_ascii_start();
        let behind = [(&b"<!--"[..], &b"-->"[..]), (b"<?xml", b"?>")]
            .into_iter()
            .find(|(open, _)| text.starts_with(open))
            .and_then(|(_, close)| {
                let at = text.windows(close.len()).position(|it| it == close)?;
                text.get(at + close.len()..)
            });
        match behind {
            Some(behind) => text = behind,
            None => break,
        }
    }
    OPENINGS.iter().any(|opening| {
        let begins = text.get(..opening.len());
        begins.is_some_and(|begins| begins.eq_ignore_ascii_case(opening))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(head: &[u8]) -> Option<Format> {
        recognize(head, head.len() as u64).format
    }

    #[test]
    fn what_no_text_begins_with_is_recognised() {
        for (head, expected) in [
            (&b"\x89PNG\r\n\x1a\n\0\0"[..], Format::Png),
            (b"\xff\xd8\xff\xd9", Format::Jpeg),
            (b"GIF89a\x01\0\x01\0", Format::Gif),
            (b"RIFF\x24\0\0\0WEBPVP8 ", Format::Webp),
            (b"RIFF\x24\0\0\0WAVEfmt ", Format::Av(Container::Wav)),
            (b"%PDF-1.7\n\0", Format::Pdf),
            (b"PK\x03\x04\x14\0", Format::Zip),
            (b"PK\x05\x06\0\0", Format::Zip),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Format::Compound),
            (b"OggS\0\x02", Format::Av(Container::Ogg)),
            (b"\x1a\x45\xdf\xa3\x9f", Format::Av(Container::Ebml)),
            (b"\0\0\0\x18ftypisom", Format::Av(Container::IsoMedia)),
            (
                b"\0\0\0\x08wide\0\0\0\0mdat",
                Format::Av(Container::IsoMedia),
            ),
            (b"ID3\x03\0\0\0\0\0\0", Format::Av(Container::MpegAudio)),
            (
                b"\0\0\0ID3\x04\0\0\0\0\0\x0a",
                Format::Av(Container::MpegAudio),
            ),
        ] {
            assert_eq!(format(head), Some(expected), "{head:?}");
            assert!(!recognize(head, 100).is_page);
        }
    }

    #[test]
    fn printable_letters_prove_nothing_against_text() {
        for text in [
            &b"BMI,weight,height\n22.1,64,170\n"[..],
            b"MZ is the beginning of a program",
            b"ID3 tags are read by players",
            b"OggS pages are checked",
            b"Rar!, 7z and PK are archives",
            b"8BPS fLaC #!AMR FLV FWS wOFF",
            b"GIF89a is a format of 1989",
            b"RIFFxxxxWAVE is how it begins",
            b"    ftyp is a box",
        ] {
            let recognized = recognize(text, text.len() as u64);
            assert!(recognized.may_be_text, "{text:?}");
            assert_eq!(recognized.foreign, None, "{text:?}");
        }
        assert_eq!(format(b"BMI,weight,height\n"), None);
        assert_eq!(format(b"ID3 tags are read by players"), None);
    }

    #[test]
    fn a_pdf_is_found_behind_whatever_stands_before_it() {
        let behind = |before: &[u8]| {
            let head = [before, b"%PDF-1.7\n\x01\x02"].concat();
            recognize(&head, head.len() as u64)
        };
        let zip = behind(b"PK\x03\x04junk");
        assert!(zip.formats().eq([Format::Zip, Format::Pdf]));
        assert!(behind(b"\n").formats().eq([Format::Pdf]));
        assert!(behind(&[b'x'; 1019]).formats().eq([Format::Pdf]));
        assert!(behind(&[b'x'; 1020]).formats().eq([]));
        let program = behind(b"MZ\x90\0\x03\0\0\0");
        assert!(program.formats().eq([Format::Pdf]));
        assert_eq!(
            program.foreign,
            Some("application/vnd.microsoft.portable-executable")
        );
        let note = b"A PDF begins with %PDF-1.7 and ends with a marker.";
        let note = recognize(note, 100);
        assert!(note.may_be_text);
        assert!(note.formats().eq([Format::Pdf]));
    }

    #[test]
    fn what_is_known_and_not_taken_has_a_name() {
        for (head, expected) in [
            (&b"\x7fELF\x02\x01\x01\0"[..], "application/x-executable"),
            (b"Rar!\x1a\x07\x01\0", "application/vnd.rar"),
            (b"7z\xbc\xaf\x27\x1c\0\x04", "application/x-7z-compressed"),
            (b"\x1f\x8b\x08\0\0\0\0\0", "application/gzip"),
            (b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0", "image/bmp"),
            (b"II*\0\x08\0\0\0", "image/tiff"),
            (b"RIFF\x24\0\0\0AVI LIST", "video/x-msvideo"),
        ] {
            let mut head = head.to_vec();
            head.resize(100, 0);
            let recognized = recognize(&head, 1000);
            assert_eq!(recognized.foreign, Some(expected), "{head:?}");
            assert_eq!(recognized.format, None, "{head:?}");
            assert!(!recognized.may_be_text);
        }
    }

    #[test]
    fn text_of_any_encoding_may_be_text_and_binaries_may_not() {
        let utf16: Vec<u8> = "a,b\r\n"
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect();
        let marked = [b"\xff\xfe", "สวัสดี".as_bytes()].concat();
        let japanese = b"\x1b$B%F%9%H\x1b(B\n".to_vec();
        let thai = b"\xca\xc7\xd1\xca\xb4\xd5,1\r\n".to_vec();
        let log = b"\x1b[32mINFO\x1b[0m \x07\x08\x0b\x0c\x85\x1a".to_vec();
        for text in [utf16, marked, japanese, thai, log] {
            assert!(recognize(&text, 100).may_be_text, "{text:?}");
        }
        for binary in [
            &b"\0\x01\x02"[..],
            b"text\0text",
            b"",
            b"\xff\xfe\0\0",
            b"a\x01b",
        ] {
            assert!(!recognize(binary, 100).may_be_text, "{binary:?}");
        }
    }

    #[test]
    fn a_page_is_more_than_a_tag() {
        let is_page = |text: &str| recognize(text.as_bytes(), 100).is_page;
        assert!(is_page("<!DOCTYPE html><html>"));
        assert!(is_page("\u{feff}\n <!-- a --><!-- b -->\n<HTML lang=th>"));
        assert!(is_page("<?xml version=\"1.0\"?><!DOCTYPE html PUBLIC>"));
        assert!(!is_page("<b>Hello</b> and welcome"));
        assert!(!is_page("<h1 align=\"center\">Project</h1>"));
        assert!(!is_page("<!-- never closed <html>"));
        assert!(!is_page("<?xml version=\"1.0\"?><svg>"));
    }
}
