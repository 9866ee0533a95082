//! WebP: its container walked, every frame decoded, up to the caps. [RFC 9649]

mod chunks;
mod sizes;

pub(super) use chunks::{Chunk, Chunks};

use super::pixels::{Layout, Pixels};
use super::{Decoded, Frames, MAX_FRAMES, Outline, Wanted, admit, exif, memory};
use crate::inspect::found::Flaw;
use image_webp::{DecodingError, WebPDecoder};
use sizes::Coding;
use std::io::Cursor;

/// What the decoder may take of a chunk.
const DECODER_BYTES: usize = 64 * 1024 * 1024;
/// Frames of an animation are decoded up to so many pixels of them all, which is
/// less than of a GIF: this decoder takes three times as long for each.
const MAX_FRAME_PIXELS: u64 = 60_000_000;

/// A WebP whose chunks are all there.
pub(super) struct Walked<'a> {
    bytes: &'a [u8],
    outline: Outline,
    /// None where it does not move.
    frames: Option<u32>,
    /// What decoding the costliest frame takes, in bytes.
    need: u64,
}

/// Goes from chunk to chunk up to where the container ends.
pub(super) fn walk(bytes: &[u8]) -> Result<Walked<'_>, Flaw> {
    let mut chunks = Chunks::of(bytes)?;
    let first = chunks.next().transpose()?;
    let first = first.ok_or_else(|| Flaw::corrupt(12, "the picture has no data"))?;
    let canvas = sizes::canvas(&first)?;
    let (width, height) = canvas;
    admit(width, height)?;
    let mut coding = Coding::of(&first, canvas)?;
    let mut frames = 0_u32;
    let mut orientation = None;
    for chunk in chunks {
        let chunk = chunk?;
        match chunk.kind {
            b"ANMF" => {
                frames = frames.saturating_add(1);
                coding = coding.and(sizes::frame(&chunk, canvas)?);
            }
            b"EXIF" if orientation.is_none() => orientation = Some(exif::orientation(chunk.data)),
            _ => coding = coding.and(Coding::of(&chunk, canvas)?),
        }
    }
    let is_animated = sizes::is_animated(&first);
    Ok(Walked {
        bytes,
        outline: Outline {
            width,
            height,
            orientation: orientation.unwrap_or_default(),
        },
        need: coding.need(canvas, is_animated),
        frames: is_animated.then_some(frames),
    })
}

impl Walked<'_> {
    pub(super) const fn outline(&self) -> Outline {
        self.outline
    }

    pub(super) fn decode(self, wanted: Wanted) -> Result<Decoded, Flaw> {
        let frames = self.frames.unwrap_or(1);
        if !memory::holds(self.need, self.bytes) {
            return Ok(Decoded {
                frames,
                all_frames_read: false,
                pixels: None,
            });
        }
        let mut decoder = WebPDecoder::new(Cursor::new(self.bytes)).map_err(|e| broken(1, &e))?;
        decoder.set_memory_limit(DECODER_BYTES);
        let Outline { width, height, .. } = self.outline;
        let size = decoder.output_buffer_size().unwrap_or(0);
        if decoder.dimensions() != (width, height) {
            return Err(Flaw::corrupt(0, "the picture has two sizes"));
        }
        let layout = if decoder.has_alpha() {
            Layout::Rgba
        } else {
            Layout::Rgb
        };
        let mut output = vec![0; size];
        let mut decoded = 1;
        if decoder.is_animated() {
            decoder.read_frame(&mut output).map(drop)
        } else {
            decoder.read_image(&mut output)
        }
        .map_err(|error| broken(1, &error))?;
        let whole = Pixels::new(width, height, layout, output);
        let first = whole.and_then(|whole| whole.reduced(wanted));
        if self.frames.is_some() && wanted.frames == Frames::All {
            // Each frame costs its decoder a canvas, however small it is.
            let canvas = u64::from(width) * u64::from(height);
            let affordable = MAX_FRAME_PIXELS.checked_div(canvas).unwrap_or(0);
            let affordable = u32::try_from(affordable)
                .unwrap_or(u32::MAX)
                .min(MAX_FRAMES);
            let mut passing = Vec::new();
            while decoded < frames.min(affordable.max(1)) {
                passing.resize(size, 0);
                decoded += 1;
                let read = decoder.read_frame(&mut passing);
                read.map_err(|error| broken(decoded, &error))?;
            }
        }
        Ok(Decoded {
            frames,
            all_frames_read: decoded == frames,
            pixels: Some(first.ok_or_else(|| Flaw::corrupt(0, "the picture has no pixels"))?),
        })
    }
}

/// Where it stands in the file, the decoder does not say.
fn broken(frame: u32, error: &DecodingError) -> Flaw {
    Flaw::corrupt(0, &format!("frame {frame} cannot be decoded: {error}"))
}
