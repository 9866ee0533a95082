//! Grows a file to a wanted size, by bytes that its format lets readers skip.
//! It stays valid: the magic, the picture and the end marker are kept.

use super::fixtures::Fixture;
use bytes::Bytes;

/// The largest file that is generated, so that a typing error does not eat the memory: 1 GiB.
pub const MAX_SIZE: usize = 1 << 30;

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
        next: base.len() + least(kind),
        even: kind == Fixture::Webp,
    };
    let gap = size.checked_sub(base.len()).ok_or(impossible)?;
    if gap == 0 {
        return Ok(base);
    }
    if gap < least(kind) || size > MAX_SIZE || (impossible.even && size % 2 == 1) {
        return Err(impossible);
    }
    Ok(grow(kind, &base, gap).into())
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

/// The fewest bytes (above none) that can be added to a file of this kind and
/// all larger numbers can, too.
fn least(kind: Fixture) -> usize {
    match kind {
        Fixture::Png => 12,
        Fixture::Jpeg => 4,
        Fixture::Gif => 5,
        Fixture::Webp | Fixture::Mp4 | Fixture::M4a => 8,
        Fixture::Pdf | Fixture::Txt | Fixture::Csv | Fixture::Docx | Fixture::Html => 1,
    }
}

/// `base` with `gap` bytes more; `gap` is at least [`least`] of the kind.
fn grow(kind: Fixture, base: &[u8], gap: usize) -> Vec<u8> {
    match kind {
        Fixture::Png => insert(base, base.len() - 12, &png_chunk(gap)),
        Fixture::Jpeg => insert(base, base.len() - 2, &jpeg_comments(gap)),
        Fixture::Gif => insert(base, base.len() - 1, &gif_comment(gap)),
        Fixture::Webp => grow_riff(base, gap),
        Fixture::Mp4 | Fixture::M4a => insert(base, base.len(), &mp4_free_box(gap)),
        Fixture::Docx => grow_zip(base, gap),
        // A comment before `startxref` moves no object that the table points at.
        Fixture::Pdf => {
            let at = rfind(base, b"startxref");
            insert(base, at, &lines(gap, b'%'))
        }
        Fixture::Txt | Fixture::Csv | Fixture::Html => insert(base, base.len(), &lines(gap, b'-')),
    }
}

fn insert(base: &[u8], at: usize, padding: &[u8]) -> Vec<u8> {
    let (head, tail) = base.split_at(at);
    [head, padding, tail].concat()
}

fn rfind(haystack: &[u8], needle: &[u8]) -> usize {
    haystack
        .windows(needle.len())
        .rposition(|window| window == needle)
        .unwrap_or(haystack.len())
}

/// A length field; sizes are below [`MAX_SIZE`], so it always fits.
fn u32_of(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// A private, ancillary, safe-to-copy chunk.
fn png_chunk(gap: usize) -> Vec<u8> {
    let mut named = b"paDd".to_vec();
    named.resize(gap - 8, 0);
    let mut chunk = u32_of(gap - 12).to_be_bytes().to_vec();
    chunk.extend(&named);
    chunk.extend(crc32fast::hash(&named).to_be_bytes());
    chunk
}

/// COM segments of at most 64 KiB, none of them shorter than its own header.
fn jpeg_comments(gap: usize) -> Vec<u8> {
    const HEADER: usize = 4;
    const LARGEST: usize = 65_535 + 2;
    let mut out = Vec::with_capacity(gap);
    while out.len() < gap {
        let left = gap - out.len();
        let segment = if left > LARGEST {
            LARGEST.min(left - HEADER)
        } else {
            left
        };
        let length = u16::try_from(segment - 2).unwrap_or(u16::MAX);
        out.extend([0xff, 0xfe]);
        out.extend(length.to_be_bytes());
        out.resize(out.len() + segment - HEADER, b' ');
    }
    out
}

/// One comment extension: sub-blocks of at most 255 bytes, none of them empty.
fn gif_comment(gap: usize) -> Vec<u8> {
    let mut out = vec![0x21, 0xfe];
    while out.len() < gap - 1 {
        let left = gap - 1 - out.len();
        let block = if left == 257 { 255 } else { left.min(256) };
        out.push(u8::try_from(block - 1).unwrap_or(u8::MAX));
        out.resize(out.len() + block - 1, b' ');
    }
    out.push(0);
    out
}

fn grow_riff(base: &[u8], gap: usize) -> Vec<u8> {
    let mut out = base.to_vec();
    out.extend(b"JUNK");
    out.extend(u32_of(gap - 8).to_le_bytes());
    out.resize(base.len() + gap, 0);
    let riff_size = u32_of(out.len() - 8).to_le_bytes();
    out[4..8].copy_from_slice(&riff_size);
    out
}

fn mp4_free_box(gap: usize) -> Vec<u8> {
    let mut out = u32_of(gap).to_be_bytes().to_vec();
    out.extend(b"free");
    out.resize(gap, 0);
    out
}

/// Bytes between the last entry and the central directory, whose offset the
/// end record then states anew.
fn grow_zip(base: &[u8], gap: usize) -> Vec<u8> {
    const END_RECORD: usize = 22;
    const OFFSET_FIELD: usize = 16;
    let field = base.len() - END_RECORD + OFFSET_FIELD;
    let mut offset = [0; 4];
    offset.copy_from_slice(&base[field..field + 4]);
    let directory = usize::try_from(u32::from_le_bytes(offset)).unwrap_or(usize::MAX);
    let mut out = insert(base, directory, &vec![0; gap]);
    let moved = u32_of(directory + gap).to_le_bytes();
    out[field + gap..field + gap + 4].copy_from_slice(&moved);
    out
}

/// Lines of 80 bytes that begin with `mark`.
fn lines(gap: usize, mark: u8) -> Vec<u8> {
    (0..gap)
        .map(|index| match index % 80 {
            79 => b'\n',
            _ if index + 1 == gap => b'\n',
            0 => mark,
            _ => b' ',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(u32::from_be_bytes(*crc), crc32fast::hash(chunk));
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
