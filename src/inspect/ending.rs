//! Whether a file ends where its format says it does.
//!
//! A cut-off download keeps its magic number, and decoders take half a picture
//! for a whole one; the end marker is what is missing. Bytes after it are
//! common and harmless, so it is looked for, not demanded last.

use super::jpeg::JpegWalk;
use super::mp4::Mp4Walk;
use crate::attachment::media::MediaType;

/// The longest tail a format's end marker is looked for in: a zip's end
/// record may be followed by a comment of 65,535 bytes.
const TAIL_BYTES: usize = 66 * 1024;

/// What tools write after the end of a GIF is shorter.
const GIF_TAIL_BYTES: usize = 1024;

/// The last bytes of what was pushed.
#[derive(Debug, Default)]
struct Tail(Vec<u8>);

impl Tail {
    fn push(&mut self, bytes: &[u8]) {
        if bytes.len() >= TAIL_BYTES {
            self.0.clear();
            self.0.extend_from_slice(&bytes[bytes.len() - TAIL_BYTES..]);
            return;
        }
        // Cut rarely: moving the tail for every small piece would copy it all the time.
        if self.0.len() + bytes.len() > 2 * TAIL_BYTES {
            let excess = self.0.len() + bytes.len() - TAIL_BYTES;
            self.0.drain(..excess.min(self.0.len()));
        }
        self.0.extend_from_slice(bytes);
    }

    fn bytes(&self) -> &[u8] {
        &self.0[self.0.len().saturating_sub(TAIL_BYTES)..]
    }
}

/// Follows a file to its end, whatever it turns out to be.
#[derive(Debug, Default)]
pub(super) struct Ending {
    tail: Tail,
    jpeg: JpegWalk,
    mp4: Mp4Walk,
}

impl Ending {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.tail.push(bytes);
        self.jpeg.push(bytes);
        self.mp4.push(bytes);
    }

    /// Whether what came is a whole file of this type, with this head.
    pub(super) fn is_whole(&self, media_type: MediaType, head: &[u8], size: u64) -> bool {
        let tail = self.tail.bytes();
        let ends_with_any = |markers: &[&[u8]]| markers.iter().any(|marker| contains(tail, marker));
        match media_type {
            MediaType::Png => {
                head.get(12..16) == Some(b"IHDR") && ends_with_any(&[b"IEND\xae\x42\x60\x82"])
            }
            MediaType::Jpeg => self.jpeg.has_ended(),
            // Two bytes turn up by chance: in a whole one they are among the last.
            MediaType::Gif => {
                let last = &tail[tail.len().saturating_sub(GIF_TAIL_BYTES)..];
                contains(last, &[0x00, 0x3b])
            }
            MediaType::Webp => riff_length(head).is_some_and(|length| length <= size),
            MediaType::Pdf => ends_with_any(&[b"%%EOF", b"startxref"]),
            MediaType::Docx | MediaType::Xlsx | MediaType::Pptx => ends_with_any(&[b"PK\x05\x06"]),
            MediaType::Mp4 | MediaType::M4a => self.mp4.has_ended(),
            // These do not tell.
            MediaType::Csv
            | MediaType::Txt
            | MediaType::Doc
            | MediaType::Xls
            | MediaType::Html
            | MediaType::Markdown
            | MediaType::Mp3
            | MediaType::Aac => true,
        }
    }
}

/// Looks from the end, where the marker of a whole file stands.
fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .rev()
        .any(|window| window == needle)
}

/// The length a RIFF header gives for the whole file.
fn riff_length(head: &[u8]) -> Option<u64> {
    let length = head.get(4..8)?.try_into().ok()?;
    Some(u64::from(u32::from_le_bytes(length)) + 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_the_last_bytes_however_they_came() {
        let bytes: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
        for piece in [1000, 65_536, 100_000, 300_000] {
            let mut tail = Tail::default();
            bytes.chunks(piece).for_each(|chunk| tail.push(chunk));
            assert_eq!(tail.bytes(), &bytes[bytes.len() - TAIL_BYTES..], "{piece}");
        }
    }

    #[test]
    fn half_a_picture_is_not_whole() {
        let is_whole = |media_type, bytes: &[u8], size| {
            let mut ending = Ending::default();
            ending.push(bytes);
            ending.is_whole(media_type, bytes, size)
        };
        let mut gif = b"GIF89a".to_vec();
        gif.extend([0x00, 0x3b]);
        gif.extend([7; 2000]);
        assert!(!is_whole(MediaType::Gif, &gif, 2008));
        gif.extend([0x00, 0x3b, 0, 0]);
        assert!(is_whole(MediaType::Gif, &gif, 2012));
        let webp = b"RIFF\x0c\0\0\0WEBPVP8 \0\0\0\0";
        assert!(is_whole(MediaType::Webp, webp, 20));
        assert!(!is_whole(MediaType::Webp, &webp[..16], 16));
    }
}
