//! GIF: every frame decoded, up to the caps. [GIF89a]

use super::pixels::{Layout, Pixels};
use super::{Decoded, MAX_FRAME_PIXELS, MAX_FRAMES, Orientation, admit};
use crate::inspect::found::Flaw;
use gif::{ColorOutput, DecodeOptions, Decoder, DecodingError, MemoryLimit};
use std::io::Cursor;
use std::num::NonZeroU64;

/// What a decoder may take.
const DECODER_BYTES: NonZeroU64 = NonZeroU64::new(256 * 1024 * 1024).unwrap();

pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, Flaw> {
    let first = first_frame(bytes)?;
    let mut decoder = begin(bytes, ColorOutput::Indexed)?;
    let (mut frames, mut pixels) = (0_u32, 0_u64);
    let all_frames_read = loop {
        if frames == MAX_FRAMES || pixels > MAX_FRAME_PIXELS {
            break false;
        }
        match decoder.read_next_frame() {
            Ok(Some(frame)) => {
                frames += 1;
                pixels += u64::from(frame.width) * u64::from(frame.height);
            }
            Ok(None) => break true,
            // Browsers show what came before a frame without colours.
            Err(error) if frames > 0 && has_no_colours(&error) => break true,
            Err(error) => return Err(broken(&error)),
        }
    };
    Ok(Decoded {
        frames,
        all_frames_read,
        ..first
    })
}

/// The canvas with the first frame on it.
pub(super) fn first_frame(bytes: &[u8]) -> Result<Decoded, Flaw> {
    let mut decoder = begin(bytes, ColorOutput::RGBA)?;
    let (width, height) = (u32::from(decoder.width()), u32::from(decoder.height()));
    let frame = decoder
        .read_next_frame()
        .map_err(|error| broken(&error))?
        .ok_or_else(|| Flaw::corrupt(0, "the picture has no frame"))?;
    let mut canvas = vec![0; width as usize * height as usize * 4];
    let (left, top) = (usize::from(frame.left), usize::from(frame.top));
    let row_bytes = usize::from(frame.width) * 4;
    if row_bytes > 0 {
        let rows = frame.buffer.chunks_exact(row_bytes);
        for (row, pixels) in rows.enumerate() {
            let at = ((top + row) * width as usize + left) * 4;
            // What reaches beyond the canvas is cut off.
            let room = (width as usize).saturating_sub(left) * 4;
            let taken = row_bytes.min(room);
            if let (Some(to), Some(from)) = (canvas.get_mut(at..at + taken), pixels.get(..taken)) {
                to.copy_from_slice(from);
            }
        }
    }
    let pixels = Pixels::new(width, height, Layout::Rgba, canvas)
        .map_err(|_| Flaw::corrupt(0, "the picture has no pixels"))?;
    Ok(Decoded {
        width,
        height,
        orientation: Orientation::default(),
        frames: 1,
        all_frames_read: false,
        pixels: Some(pixels),
    })
}

fn begin(bytes: &[u8], output: ColorOutput) -> Result<Decoder<Cursor<&[u8]>>, Flaw> {
    let mut options = DecodeOptions::new();
    options.set_memory_limit(MemoryLimit::Bytes(DECODER_BYTES));
    options.set_color_output(output);
    options.allow_unknown_blocks(true);
    let decoder = options.read_info(Cursor::new(bytes));
    let decoder = decoder.map_err(|error| broken(&error))?;
    admit(decoder.width().into(), decoder.height().into())?;
    Ok(decoder)
}

fn has_no_colours(error: &DecodingError) -> bool {
    error.to_string().contains("no color table")
}

fn broken(error: &DecodingError) -> Flaw {
    Flaw::corrupt(0, &format!("a frame cannot be decoded: {error}"))
}
