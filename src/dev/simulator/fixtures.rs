//! Small real files of each kind, and the same files grown to a wanted size.
//!
//! The files open in ordinary viewers; they were made with Pillow and ffmpeg.
//! Growing keeps them valid: the magic, the picture and the end marker stay.

use super::padding;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The largest file that is generated, so that a typing error does not eat the memory: 1 GiB.
pub const MAX_SIZE: usize = 1 << 30;

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

/// No valid file of this kind has exactly this size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "no valid {kind:?} of {size} bytes: take {smallest}, or from {next} to {MAX_SIZE}{}",
    if *.even { ", even" } else { "" }
)]
pub struct ImpossibleSize {
    kind: Fixture,
    size: usize,
    smallest: usize,
    next: usize,
    even: bool,
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

/// A valid file of exactly `size` bytes.
///
/// The smallest size of a kind is that of [`Fixture::bytes`]. A few sizes just
/// above it have no room for a padding chunk, and a WebP is always even.
pub fn fixture_of_size(kind: Fixture, size: usize) -> Result<Bytes, ImpossibleSize> {
    let base = kind.bytes();
    let impossible = ImpossibleSize {
        kind,
        size,
        smallest: base.len(),
        next: base.len() + padding::least(kind),
        even: kind == Fixture::Webp,
    };
    let gap = size.checked_sub(base.len()).ok_or(impossible)?;
    if gap == 0 {
        return Ok(base);
    }
    if gap < padding::least(kind) || size > MAX_SIZE || (impossible.even && size % 2 == 1) {
        return Err(impossible);
    }
    Ok(padding::grow(kind, &base, gap).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dev::simulator::crc32::crc32;

    #[test]
    fn every_kind_grows_to_the_byte_and_keeps_its_type_and_its_end() {
        for kind in Fixture::ALL {
            let base = kind.bytes();
            for gap in [
                0, 12, 13, 255, 256, 260, 261, 262, 65_539, 65_540, 65_544, 300_000,
            ] {
                if kind == Fixture::Webp && gap % 2 == 1 {
                    continue;
                }
                let size = base.len() + gap;
                let grown = fixture_of_size(kind, size).unwrap();
                assert_eq!(grown.len(), size, "{kind:?} + {gap}");
                let sniffed = |bytes: &[u8]| infer::get(bytes).map(|found| found.mime_type());
                assert_eq!(sniffed(&grown), sniffed(&base), "{kind:?} + {gap}");
            }
        }
    }

    #[test]
    fn end_markers_hold() {
        for (kind, marker) in [
            (Fixture::Png, b"IEND\xaeB`\x82".as_slice()),
            (Fixture::Jpeg, b"\xff\xd9"),
            (Fixture::Gif, b";"),
            (Fixture::Pdf, b"%%EOF\n"),
        ] {
            let grown = fixture_of_size(kind, 10_000).unwrap();
            assert!(grown.ends_with(marker), "{kind:?}");
        }
    }

    #[test]
    fn every_chunk_of_a_grown_png_has_a_right_checksum() {
        let grown = fixture_of_size(Fixture::Png, 5_000).unwrap();
        let mut rest = &grown[8..];
        let mut names = Vec::new();
        while let Some((length, tail)) = rest.split_first_chunk::<4>() {
            let length = usize::try_from(u32::from_be_bytes(*length)).unwrap();
            let (chunk, tail) = tail.split_at(4 + length);
            let (crc, tail) = tail.split_first_chunk::<4>().unwrap();
            assert_eq!(u32::from_be_bytes(*crc), crc32(chunk));
            names.push(String::from_utf8_lossy(&chunk[..4]).into_owned());
            rest = tail;
        }
        assert_eq!(names.last().unwrap(), "IEND");
    }

    #[test]
    fn a_size_without_room_is_refused_with_the_sizes_that_work() {
        let least = Fixture::Png.bytes().len();
        for size in [0, least - 1, least + 1, least + 11, MAX_SIZE + 1] {
            let error = fixture_of_size(Fixture::Png, size).unwrap_err();
            assert!(error.to_string().contains(&least.to_string()), "{error}");
        }
        assert!(fixture_of_size(Fixture::Webp, 4_001).is_err());
    }
}
