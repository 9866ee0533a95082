//! PNG: every chunk walked to the end with its checksum, the first frame
//! decoded. [PNG, third edition, 5 and 11]

use super::pixels::{Layout, Pixels};
use super::{Decoded, MAX_FRAMES, admit, exif};
use crate::inspect::found::Flaw;
use png::{BitDepth, ColorType, DecodeOptions, Decoder, Limits, Transformations};
use std::io::Cursor;

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// What a decoder may take beside its output.
const DECODER_BYTES: usize = 64 * 1024 * 1024;

/// What the chunks say.
struct Walked {
    width: u32,
    height: u32,
    orientation: super::Orientation,
    frames: u32,
}

pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, Flaw> {
    let walked = walk(bytes)?;
    let pixels = pixels(bytes)?;
    Ok(walked.decoded(pixels))
}

pub(super) fn first_frame(bytes: &[u8]) -> Result<Decoded, Flaw> {
    decode(bytes)
}

impl Walked {
    fn decoded(self, pixels: Pixels) -> Decoded {
        Decoded {
            width: self.width,
            height: self.height,
            orientation: self.orientation,
            frames: self.frames.min(MAX_FRAMES),
            all_frames_read: self.frames == 1,
            pixels: Some(pixels),
        }
    }
}

/// Goes from chunk to chunk up to IEND. Checksums of chunks that a reader may
/// pass over prove nothing of the picture: browsers do not look at them.
fn walk(bytes: &[u8]) -> Result<Walked, Flaw> {
    if !bytes.starts_with(SIGNATURE) {
        return Err(Flaw::corrupt(0, "the picture does not begin as one"));
    }
    let mut at = SIGNATURE.len();
    let mut walked = None;
    let mut has_data = false;
    loop {
        let place = at as u64;
        let cut = || Flaw::corrupt(place, "a chunk is cut");
        let length = u32_at(bytes, at).ok_or_else(cut)? as usize;
        let body = at + 8;
        let checked = body
            .checked_add(length)
            .and_then(|end| bytes.get(at + 4..end))
            .ok_or_else(cut)?;
        let checksum = u32_at(bytes, body + length).ok_or_else(cut)?;
        let (kind, data) = checked.split_first_chunk::<4>().ok_or_else(cut)?;
        let matters = kind[0] & 0x20 == 0 || matches!(kind, b"fdAT" | b"fcTL");
        if matters && crc32fast::hash(checked) != checksum {
            return Err(Flaw::corrupt(place, "a chunk's checksum does not fit"));
        }
        at = body + length + 4;
        match (kind, walked.as_mut()) {
            (b"IHDR", None) => {
                let header = |at| u32_at(data, at).ok_or_else(cut);
                let (width, height) = (header(0)?, header(4)?);
                admit(width, height)?;
                walked = Some(Walked {
                    width,
                    height,
                    orientation: super::Orientation::default(),
                    frames: 1,
                });
            }
            (_, None) => return Err(Flaw::corrupt(place, "the header is not the first chunk")),
            (b"acTL", Some(walked)) => walked.frames = u32_at(data, 0).unwrap_or(1).max(1),
            (b"eXIf", Some(walked)) => walked.orientation = exif::orientation(data),
            (b"IDAT", _) => has_data = true,
            (b"IEND", _) => break,
            _ => {}
        }
    }
    match walked {
        Some(walked) if has_data => Ok(walked),
        _ => Err(Flaw::corrupt(at as u64, "the picture has no image data")),
    }
}

fn pixels(bytes: &[u8]) -> Result<Pixels, Flaw> {
    let broken = |error: png::DecodingError| {
        let what = format!("the image data cannot be decoded: {error}");
        Flaw::corrupt(0, &what)
    };
    let mut options = DecodeOptions::default();
    options.set_ignore_text_chunk(true);
    options.set_ignore_iccp_chunk(true);
    options.set_ignore_adler32(false);
    let mut decoder = Decoder::new_with_options(Cursor::new(bytes), options);
    decoder.set_limits(Limits {
        bytes: DECODER_BYTES,
    });
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(broken)?;
    let size = reader
        .output_buffer_size()
        .ok_or_else(|| Flaw::corrupt(0, "the picture is too large"))?;
    let mut output = vec![0; size];
    let info = reader.next_frame(&mut output).map_err(broken)?;
    let layout = match (info.color_type, info.bit_depth) {
        (ColorType::Grayscale, BitDepth::Eight) => Layout::Gray,
        (ColorType::GrayscaleAlpha, BitDepth::Eight) => Layout::GrayAlpha,
        (ColorType::Rgb, BitDepth::Eight) => Layout::Rgb,
        (ColorType::Rgba, BitDepth::Eight) => Layout::Rgba,
        _ => return Err(Flaw::corrupt(0, "the pixels are of no known form")),
    };
    Pixels::new(info.width, info.height, layout, output)
        .map_err(|_| Flaw::corrupt(0, "the image data ends early"))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}
