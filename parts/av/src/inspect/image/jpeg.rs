//! JPEG: a walk over its markers decides whether it is whole, a decoder proves
//! it. [ITU-T T.81, Annex B]
//!
//! The decoder alone would take what is cut: it fills the rest with grey.

use super::orientation::Orientation;
use super::pixels::{Layout, Pixels};
use super::{Decoded, admit, exif};
use crate::inspect::found::Flaw;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

/// A decode may need so much; a child of the sandbox has little more.
const MAX_MEMORY: u64 = 480_000_000;

/// What its frame header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame {
    width: u32,
    height: u32,
    is_progressive: bool,
    /// Coefficients of all components, each two bytes.
    coefficients: u64,
}

/// What the markers say.
struct Walked {
    frame: Frame,
    orientation: Orientation,
    has_end: bool,
}

pub(super) fn decode(bytes: &[u8], is_whole: bool) -> Result<Decoded, Flaw> {
    let walked = walk(bytes)?;
    let frame = walked.frame;
    if !walked.has_end && (!is_whole || frame.is_progressive) {
        return Err(Flaw::corrupt(bytes.len() as u64, "the picture has no end"));
    }
    let pixels = if frame.memory() > MAX_MEMORY {
        None
    } else {
        // Where only the end is lacking a strict decoder finds all of the data.
        Some(pixels(bytes, !walked.has_end)?)
    };
    Ok(walked.decoded(pixels))
}

pub(super) fn first_frame(bytes: &[u8]) -> Result<Decoded, Flaw> {
    let walked = walk(bytes)?;
    let pixels = if walked.frame.memory() > MAX_MEMORY {
        None
    } else {
        Some(pixels(bytes, false)?)
    };
    Ok(walked.decoded(pixels))
}

impl Walked {
    fn decoded(self, pixels: Option<Pixels>) -> Decoded {
        Decoded {
            width: self.frame.width,
            height: self.frame.height,
            orientation: self.orientation,
            frames: 1,
            all_frames_read: true,
            pixels,
        }
    }
}

impl Frame {
    /// Bytes that a decode needs: its output, and of a progressive picture all
    /// coefficients.
    fn memory(&self) -> u64 {
        let output = 3 * u64::from(self.width) * u64::from(self.height);
        if self.is_progressive {
            output + 2 * self.coefficients
        } else {
            output
        }
    }

    /// Reads a frame header, without its marker and length.
    fn read(marker: u8, segment: &[u8], at: u64) -> Result<Self, Flaw> {
        let short = || Flaw::corrupt(at, "the frame header is cut");
        let [precision, h1, h2, w1, w2, count] = *segment.first_chunk().ok_or_else(short)?;
        let (width, height) = (
            u32::from(u16::from_be_bytes([w1, w2])),
            u32::from(u16::from_be_bytes([h1, h2])),
        );
        admit(width, height)?;
        if !matches!(marker, 0xc0..=0xc2) || precision != 8 {
            let what = "a JPEG of a coding that browsers do not show";
            return Err(Flaw::NotListed(what.to_owned()));
        }
        let components = segment
            .get(6..6 + 3 * usize::from(count))
            .filter(|components| !components.is_empty())
            .ok_or_else(short)?;
        let sampling: Vec<(u64, u64)> = components
            .chunks_exact(3)
            .map(|component| match component {
                [_, factors, _] => (u64::from(factors >> 4), u64::from(factors & 15)),
                _ => (0, 0),
            })
            .collect();
        let most = |factors: fn(&(u64, u64)) -> u64| sampling.iter().map(factors).max();
        let (across, down) = (
            most(|(across, _)| *across).unwrap_or(0),
            most(|(_, down)| *down).unwrap_or(0),
        );
        if across == 0 || down == 0 || sampling.iter().any(|(a, d)| *a == 0 || *d == 0) {
            return Err(Flaw::corrupt(at, "a component has no samples"));
        }
        let units = u64::from(width).div_ceil(8 * across) * u64::from(height).div_ceil(8 * down);
        let blocks: u64 = sampling.iter().map(|(across, down)| across * down).sum();
        Ok(Self {
            width,
            height,
            is_progressive: marker == 0xc2,
            coefficients: units * blocks * 64,
        })
    }
}

/// Goes from marker to marker, up to the end of the picture.
fn walk(bytes: &[u8]) -> Result<Walked, Flaw> {
    if !bytes.starts_with(&[0xff, 0xd8]) {
        return Err(Flaw::corrupt(0, "the picture does not begin as one"));
    }
    let mut at = 2;
    let mut frame = None;
    let mut orientation = None;
    let mut has_scan = false;
    let has_end = loop {
        let Some(marker) = marker(bytes, &mut at) else {
            break false;
        };
        let place = at as u64;
        match marker {
            0xd9 => break true,
            0x01 | 0xd0..=0xd8 => continue,
            _ => {}
        }
        let Some(segment) = segment(bytes, &mut at) else {
            return Err(Flaw::corrupt(place, "a segment is cut"));
        };
        match marker {
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                frame.get_or_insert(Frame::read(marker, segment, place)?);
            }
            0xe1 if orientation.is_none() => {
                let tiff = segment.strip_prefix(b"Exif\0\0");
                orientation = tiff.map(exif::orientation);
            }
            0xda => {
                has_scan = true;
                skip_scan(bytes, &mut at);
            }
            _ => {}
        }
    };
    let end = bytes.len() as u64;
    let frame = frame.ok_or_else(|| Flaw::corrupt(end, "the picture has no frame header"))?;
    if !has_scan {
        return Err(Flaw::corrupt(end, "the picture has no image data"));
    }
    Ok(Walked {
        frame,
        orientation: orientation.unwrap_or_default(),
        has_end,
    })
}

/// The next marker's code. Whatever stands before it is passed over, as decoders do.
fn marker(bytes: &[u8], at: &mut usize) -> Option<u8> {
    let rest = bytes.get(*at..)?;
    *at += rest.iter().position(|byte| *byte == 0xff)?;
    let rest = bytes.get(*at..)?;
    *at += rest.iter().position(|byte| *byte != 0xff)?;
    let code = *bytes.get(*at)?;
    *at += 1;
    Some(code)
}

/// What stands in a segment, after its length.
fn segment<'a>(bytes: &'a [u8], at: &mut usize) -> Option<&'a [u8]> {
    let length = usize::from(u16::from_be_bytes(*bytes.get(*at..)?.first_chunk()?));
    let segment = bytes.get(*at + 2..*at + length.max(2))?;
    *at += length.max(2);
    Some(segment)
}

/// Passes over entropy-coded data, in which a zero or a restart follows each 0xff.
fn skip_scan(bytes: &[u8], at: &mut usize) {
    while let Some(found) = bytes
        .get(*at..)
        .and_then(|rest| rest.iter().position(|byte| *byte == 0xff))
    {
        *at += found;
        match bytes.get(*at + 1) {
            Some(0 | 0xd0..=0xd7) => *at += 2,
            Some(0xff) => *at += 1,
            _ => return,
        }
    }
    *at = bytes.len();
}

fn pixels(bytes: &[u8], strict: bool) -> Result<Pixels, Flaw> {
    let options = DecoderOptions::default()
        .set_strict_mode(strict)
        .set_max_width(super::MAX_SIDE as usize)
        .set_max_height(super::MAX_SIDE as usize)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let broken = || Flaw::corrupt(0, "the image data cannot be decoded");
    decoder.decode_headers().map_err(|_| broken())?;
    let (width, height) = decoder.dimensions().ok_or_else(broken)?;
    let (Ok(width), Ok(height)) = (u32::try_from(width), u32::try_from(height)) else {
        return Err(broken());
    };
    admit(width, height)?;
    let decoded = decoder.decode().map_err(|_| broken())?;
    Pixels::new(width, height, Layout::Rgb, decoded).map_err(|_| broken())
}
