//! PNG: every chunk walked to the end, the first frame decoded row by row.
//! [PNG, third edition, 5 and 11]

mod chunks;

pub(super) use chunks::{Chunk, Chunks};

use super::orientation::Orientation;
use super::pixels::{Layout, Pixels};
use super::reduce::Reducer;
use super::{Decoded, Outline, Wanted, admit, exif};
use crate::inspect::found::Flaw;
use png::{BitDepth, ColorType, DecodeOptions, Decoder, Limits, Reader, Transformations};
use std::io::Cursor;

/// What the decoder may take beside its rows.
const DECODER_BYTES: usize = 64 * 1024 * 1024;

/// A PNG whose chunks are all there.
pub(super) struct Walked<'a> {
    bytes: &'a [u8],
    outline: Outline,
    frames: u32,
}

/// Goes from chunk to chunk up to the last.
pub(super) fn walk(bytes: &[u8]) -> Result<Walked<'_>, Flaw> {
    let mut chunks = Chunks::of(bytes)?;
    let header = chunks.next().transpose()?;
    let Some(Chunk {
        kind: b"IHDR",
        data,
        ..
    }) = header
    else {
        return Err(Flaw::corrupt(8, "the first chunk is not the header"));
    };
    let (Some(width), Some(height)) = (u32_at(data, 0), u32_at(data, 4)) else {
        return Err(Flaw::corrupt(8, "the header is cut"));
    };
    admit(width, height)?;
    let mut orientation = Orientation::default();
    let mut has_data = false;
    let (mut is_animated, mut frames) = (false, 0_u32);
    let mut end = 0;
    for chunk in chunks {
        let Chunk { at, kind, data, .. } = chunk?;
        end = at;
        match kind {
            b"IDAT" => has_data |= !data.is_empty(),
            b"eXIf" => orientation = exif::orientation(data),
            b"acTL" => is_animated = true,
            b"fcTL" => frames = frames.saturating_add(1),
            _ => {}
        }
    }
    if !has_data {
        return Err(Flaw::corrupt(end, "the picture has no image data"));
    }
    Ok(Walked {
        bytes,
        outline: Outline {
            width,
            height,
            orientation,
        },
        frames: if is_animated { frames.max(1) } else { 1 },
    })
}

impl Walked<'_> {
    pub(super) const fn outline(&self) -> Outline {
        self.outline
    }

    /// Decodes the first frame. Those behind it are proved by their checksums
    /// only: browsers show animations that a strict decoder refuses.
    pub(super) fn decode(self, wanted: Wanted) -> Result<Decoded, Flaw> {
        let mut reader = self.reader()?;
        let layout = match reader.output_color_type() {
            (ColorType::Grayscale, BitDepth::Eight) => Layout::Gray,
            (ColorType::GrayscaleAlpha, BitDepth::Eight) => Layout::GrayAlpha,
            (ColorType::Rgb, BitDepth::Eight) => Layout::Rgb,
            (ColorType::Rgba, BitDepth::Eight) => Layout::Rgba,
            _ => return Err(self.broken(&"of no known form")),
        };
        let Outline { width, height, .. } = self.outline;
        let pixels = if reader.info().interlaced {
            self.interlaced(&mut reader, layout, wanted)
        } else {
            let mut reducer = Reducer::new(width, height, layout, wanted);
            while let Some(row) = reader.next_row().map_err(|error| self.broken(&error))? {
                reducer.push(row.data());
            }
            Ok(reducer.finish())
        }?;
        Ok(Decoded {
            frames: self.frames,
            all_frames_read: self.frames == 1,
            pixels: Some(pixels.ok_or_else(|| self.broken(&"cut"))?),
        })
    }

    /// The rows of an interlaced picture come seven times, and only together are
    /// they a picture: at most 200 MB.
    fn interlaced(
        &self,
        reader: &mut Reader<Cursor<&[u8]>>,
        layout: Layout,
        wanted: Wanted,
    ) -> Result<Option<Pixels>, Flaw> {
        let size = reader.output_buffer_size();
        let size = size.ok_or_else(|| self.broken(&"too large"))?;
        let mut output = vec![0; size];
        let frame = reader.next_frame(&mut output);
        let frame = frame.map_err(|error| self.broken(&error))?;
        let pixels = Pixels::new(frame.width, frame.height, layout, output);
        Ok(pixels.and_then(|pixels| pixels.reduced(wanted)))
    }

    fn reader(&self) -> Result<Reader<Cursor<&[u8]>>, Flaw> {
        let mut options = DecodeOptions::default();
        options.set_ignore_text_chunk(true);
        options.set_ignore_iccp_chunk(true);
        options.set_ignore_adler32(false);
        let mut decoder = Decoder::new_with_options(Cursor::new(self.bytes), options);
        decoder.set_limits(Limits {
            bytes: DECODER_BYTES,
        });
        decoder.set_transformations(Transformations::normalize_to_color8());
        let reader = decoder.read_info().map_err(|error| self.broken(&error))?;
        Ok(reader)
    }

    /// Where in the image data it broke, the decoder does not say.
    fn broken(&self, why: &dyn std::fmt::Display) -> Flaw {
        let at = Chunks::of(self.bytes)
            .into_iter()
            .flatten()
            .flatten()
            .find(|chunk| chunk.kind == b"IDAT")
            .map_or(0, |chunk| chunk.at);
        Flaw::corrupt(at, &format!("the image data cannot be decoded: {why}"))
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}
