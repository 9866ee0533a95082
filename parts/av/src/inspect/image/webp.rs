//! WebP: every frame decoded, up to the caps. [RFC 9649]

use super::pixels::{Layout, Pixels};
use super::{Decoded, MAX_FRAME_PIXELS, MAX_FRAMES, Orientation, admit, exif};
use crate::inspect::found::Flaw;
use image_webp::{DecodingError, WebPDecoder};
use std::io::Cursor;

/// What a decoder may take beside its output.
const DECODER_BYTES: usize = 256 * 1024 * 1024;

pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, Flaw> {
    read(bytes, MAX_FRAMES)
}

pub(super) fn first_frame(bytes: &[u8]) -> Result<Decoded, Flaw> {
    read(bytes, 1)
}

/// Decodes up to `most` frames, and keeps the first.
fn read(bytes: &[u8], most: u32) -> Result<Decoded, Flaw> {
    check_length(bytes)?;
    let broken = |error: DecodingError| Flaw::corrupt(0, &format!("it cannot be decoded: {error}"));
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(broken)?;
    decoder.set_memory_limit(DECODER_BYTES);
    let (width, height) = decoder.dimensions();
    admit(width, height)?;
    let exif = decoder.exif_metadata().map_err(broken)?;
    let orientation = exif.as_deref().map(|exif| {
        // Some writers put JPEG's prefix before it.
        let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
        exif::orientation(tiff)
    });
    let size = decoder
        .output_buffer_size()
        .ok_or_else(|| Flaw::corrupt(0, "the picture is too large"))?;
    let mut output = vec![0; size];
    let layout = if decoder.has_alpha() {
        Layout::Rgba
    } else {
        Layout::Rgb
    };
    let frames = if decoder.is_animated() {
        decoder.num_frames()
    } else {
        1
    };
    let mut all_frames_read = true;
    let pixels = if decoder.is_animated() {
        decoder.read_frame(&mut output).map_err(broken)?;
        let first = Pixels::new(width, height, layout, output);
        let of_one = u64::from(width) * u64::from(height);
        // The first is kept while the others go by; they are small, or few.
        let others = frames.min(most).saturating_sub(1);
        let others = others.min(u32::try_from(MAX_FRAME_PIXELS / of_one).unwrap_or(u32::MAX));
        all_frames_read = others + 1 >= frames;
        if others > 0 {
            let mut passing = vec![0; size];
            for _ in 0..others {
                decoder.read_frame(&mut passing).map_err(broken)?;
            }
        }
        first
    } else {
        decoder.read_image(&mut output).map_err(broken)?;
        Pixels::new(width, height, layout, output)
    };
    Ok(Decoded {
        width,
        height,
        orientation: orientation.unwrap_or_else(Orientation::default),
        frames,
        all_frames_read,
        pixels: Some(pixels.map_err(|_| Flaw::corrupt(0, "the image data ends early"))?),
    })
}

/// The container says how long it is; what follows it is none of the picture's.
fn check_length(bytes: &[u8]) -> Result<(), Flaw> {
    let cut = || Flaw::corrupt(bytes.len() as u64, "the picture ends early");
    let length = bytes
        .get(4..)
        .and_then(|rest| rest.first_chunk())
        .map(|length| u32::from_le_bytes(*length))
        .ok_or_else(cut)?;
    if (bytes.len() as u64) < u64::from(length) + 8 {
        return Err(cut());
    }
    Ok(())
}
