//! Grows a file by a number of bytes that its format lets readers skip.

use super::crc32::crc32;
use super::fixtures::Fixture;

/// The fewest bytes (above none) that can be added to a file of this kind and
/// all larger numbers can, too.
pub(super) fn least(kind: Fixture) -> usize {
    match kind {
        Fixture::Png => 12,
        Fixture::Jpeg => 4,
        Fixture::Gif => 5,
        Fixture::Webp | Fixture::Mp4 | Fixture::M4a => 8,
        Fixture::Pdf | Fixture::Txt | Fixture::Csv | Fixture::Docx | Fixture::Html => 1,
    }
}

/// `base` with `gap` bytes more; `gap` is at least [`least`] of the kind.
pub(super) fn grow(kind: Fixture, base: &[u8], gap: usize) -> Vec<u8> {
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

/// A length field; sizes are below [`super::fixtures::MAX_SIZE`], so it always fits.
fn u32_of(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// A private, ancillary, safe-to-copy chunk.
fn png_chunk(gap: usize) -> Vec<u8> {
    let mut named = b"paDd".to_vec();
    named.resize(gap - 8, 0);
    let mut chunk = u32_of(gap - 12).to_be_bytes().to_vec();
    chunk.extend(&named);
    chunk.extend(crc32(&named).to_be_bytes());
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
