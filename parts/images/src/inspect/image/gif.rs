//! GIF: every frame decoded, up to the caps, and counted behind them. [`GIF89a`]

use super::orientation::Orientation;
use super::pixels::{Layout, Pixels};
use super::reduce::Reducer;
use super::{Decoded, Frames, MAX_FRAMES, Outline, Wanted, admit};
use crate::inspect::found::Flaw;
use gif::{ColorOutput, DecodeOptions, Decoder, DecodingError, Frame, MemoryLimit};
use std::io::Cursor;
use std::num::NonZeroU64;

/// What the decoder may take beside its frames.
const DECODER_BYTES: NonZeroU64 = NonZeroU64::new(64 * 1024 * 1024).unwrap();

/// Frames are decoded up to so many pixels of them all.
const MAX_FRAME_PIXELS: u64 = 200_000_000;

/// A GIF with a header of an admitted size. Its blocks are walked as its frames
/// are decoded.
pub(super) struct Walked<'a> {
    decoder: Decoder<Cursor<&'a [u8]>>,
    width: u32,
    height: u32,
    frames: u32,
}

/// Reads the header.
pub(super) fn walk(bytes: &[u8]) -> Result<Walked<'_>, Flaw> {
    let mut options = DecodeOptions::new();
    options.set_memory_limit(MemoryLimit::Bytes(DECODER_BYTES));
    options.set_color_output(ColorOutput::Indexed);
    options.allow_unknown_blocks(true);
    let decoder = options.read_info(Cursor::new(bytes));
    let decoder = decoder.map_err(|error| broken(0, &error))?;
    let (width, height) = (decoder.width().into(), decoder.height().into());
    admit(width, height)?;
    Ok(Walked {
        decoder,
        width,
        height,
        frames: 0,
    })
}

impl Walked<'_> {
    pub(super) fn outline(&self) -> Outline {
        Outline {
            width: self.width,
            height: self.height,
            orientation: Orientation::default(),
        }
    }

    pub(super) fn decode(mut self, wanted: Wanted) -> Result<Decoded, Flaw> {
        let mut indices = Vec::new();
        let mut pixels = self.read(&mut indices)?;
        let place = Place::of(self.decoder.current_frame_info());
        let first = place.and_then(|place| self.shown(&place, &indices, wanted));
        let first = first.ok_or_else(|| Flaw::corrupt(0, "the picture has no frame"))?;
        let mut all_frames_read = true;
        if wanted.frames == Frames::All {
            loop {
                all_frames_read = self.frames < MAX_FRAMES && pixels < MAX_FRAME_PIXELS;
                if !all_frames_read {
                    break;
                }
                let before = self.frames;
                pixels += self.read(&mut indices)?;
                if self.frames == before {
                    break;
                }
            }
            if !all_frames_read {
                let decoded = self.frames;
                while self.next()?.is_some() {}
                all_frames_read = self.frames == decoded;
            }
        }
        Ok(Decoded {
            frames: self.frames,
            all_frames_read,
            pixels: Some(first),
        })
    }

    /// Decodes the next frame, and says how many pixels it has. At the end there
    /// is none, and nothing is counted.
    fn read(&mut self, indices: &mut Vec<u8>) -> Result<u64, Flaw> {
        let Some((width, height)) = self.next()? else {
            return Ok(0);
        };
        let pixels = u64::from(width) * u64::from(height);
        if pixels > 0 {
            admit(width, height)?;
            indices.clear();
            indices.resize(self.decoder.buffer_size(), 0);
            let read = self.decoder.read_into_buffer(indices);
            read.map_err(|error| broken(self.frames, &error))?;
        }
        Ok(pixels)
    }

    /// Goes on to the next frame, passing over what was not read of the last.
    fn next(&mut self) -> Result<Option<(u32, u32)>, Flaw> {
        let frames = self.frames;
        match self.decoder.next_frame_info() {
            Ok(Some(frame)) => {
                self.frames += 1;
                Ok(Some((frame.width.into(), frame.height.into())))
            }
            Ok(None) => Ok(None),
            // Browsers show what came before a frame without colours.
            Err(error) if frames > 0 && has_no_colours(&error) => Ok(None),
            Err(error) => Err(broken(frames, &error)),
        }
    }

    /// The canvas with a frame on it, one row after the other.
    fn shown(&self, place: &Place, indices: &[u8], wanted: Wanted) -> Option<Pixels> {
        let palette = self.decoder.palette().ok()?;
        let (colours, _) = palette.as_chunks::<3>();
        let mut reducer = Reducer::new(self.width, self.height, Layout::Rgba, wanted);
        let mut rows = indices.chunks_exact(place.width.max(1));
        let mut row = vec![[0; 4]; self.width as usize];
        for y in 0..self.height as usize {
            row.fill([0; 4]);
            if let Some(indices) = (y >= place.top).then(|| rows.next()).flatten() {
                // What reaches beyond the canvas is cut off.
                let shown = row.iter_mut().skip(place.left);
                for (pixel, index) in shown.zip(indices) {
                    let colour = colours.get(usize::from(*index));
                    if let (Some([red, green, blue]), true) =
                        (colour, place.transparent != Some(*index))
                    {
                        *pixel = [*red, *green, *blue, u8::MAX];
                    }
                }
            }
            reducer.push(row.as_flattened());
        }
        reducer.finish()
    }
}

/// Where a frame lies on the canvas.
struct Place {
    left: usize,
    top: usize,
    width: usize,
    transparent: Option<u8>,
}

impl Place {
    fn of(frame: Option<&Frame<'static>>) -> Option<Self> {
        frame.map(|frame| Self {
            left: frame.left.into(),
            top: frame.top.into(),
            width: frame.width.into(),
            transparent: frame.transparent,
        })
    }
}

/// The library has no variant of its own for it.
fn has_no_colours(error: &DecodingError) -> bool {
    error.to_string().contains("no color table")
}

/// Where it stands in the file, the decoder does not say.
fn broken(frames: u32, error: &DecodingError) -> Flaw {
    let frame = frames.max(1);
    Flaw::corrupt(0, &format!("frame {frame} cannot be decoded: {error}"))
}
