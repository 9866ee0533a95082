//! Pictures: proved whole, measured, and made small.
//!
//! Promises: what is said of a picture was read by walking and decoding it, and
//! not by what it claims; a picture beyond the limits is refused by its header,
//! before any memory is taken for it; two full-size pictures are never in memory
//! at once; whatever the bytes are, the answer is a typed one.
//!
//! Each format has a walk over its structure, which says whether the file is all
//! there, and a decoder, which proves that its data is a picture. What a decoder
//! gives is made smaller as it comes, row by row where the decoder can.

mod exif;
mod gif;
mod jpeg;
mod memory;
mod orientation;
mod pixels;
mod png;
mod preview;
mod reduce;
mod strip;
mod webp;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

pub use preview::{Picture, Unshown, model, thumbnail};
pub use strip::without_location;

use super::found::{Flaw, ImageFacts};
use crate::attachment::media::MediaType;
use orientation::Orientation;
use pixels::{Pixels, within};
use reduce::Care;

/// The most pixels that are taken, as 8,660 by 5,773. [DESIGN 4]
const MAX_PIXELS: u64 = 50_000_000;
/// The longest side that is taken, in pixels. [DESIGN 4]
const MAX_SIDE: u32 = 16_384;
/// Frames of an animation are decoded up to so many, and each format has its own
/// cap on the pixels of them all; what comes behind is counted only.
const MAX_FRAMES: u32 = 2_000;
/// The longest side of what a placeholder is made of, in pixels.
const PLACEHOLDER_SIDE: u32 = 100;

/// Proves that a picture is whole, and measures it.
///
/// `is_whole` says that as many bytes came as were announced. A JPEG of which
/// all data is there may lack its end marker then, as some cameras leave it; a
/// picture of any format that ends before its data does is refused either way.
/// What stands behind the end of a picture, of any length, is none of it.
///
/// # Errors
///
/// [`Flaw::TooManyPixels`] beyond 50,000,000 pixels or 16,384 a side, by the
/// header; [`Flaw::NotListed`] of a coding that browsers do not show, or of a type
/// that is no picture; else [`Flaw::Corrupt`] with where it breaks.
pub fn check(media_type: MediaType, bytes: &[u8], is_whole: bool) -> Result<ImageFacts, Flaw> {
    let walked = Walked::over(media_type, bytes, is_whole)?;
    let Outline {
        width,
        height,
        orientation,
    } = walked.outline();
    let decoded = walked.decode(Wanted {
        frames: Frames::All,
        side: PLACEHOLDER_SIDE,
        care: Care::Hurried,
    })?;
    let thumbhash = decoded
        .pixels
        .and_then(|pixels| pixels.resized(within(width, height, PLACEHOLDER_SIDE)))
        .map(|small| orientation.apply(small).thumbhash());
    let (width, height) = orientation.shown(width, height);
    Ok(ImageFacts {
        width,
        height,
        orientation: orientation.exif(),
        frames: decoded.frames,
        all_frames_read: decoded.all_frames_read,
        thumbhash,
    })
}

/// A file whose structure is sound, as far as it can be told without decoding.
enum Walked<'a> {
    Png(png::Walked<'a>),
    Jpeg(jpeg::Walked<'a>),
    Gif(Box<gif::Walked<'a>>),
    Webp(webp::Walked<'a>),
}

/// A picture as it lies in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Outline {
    width: u32,
    height: u32,
    orientation: Orientation,
}

/// What is wanted of a decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wanted {
    frames: Frames,
    /// The longest side may shrink to so many pixels, and not below.
    side: u32,
    care: Care,
}

/// Which frames are decoded. The first is the one that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frames {
    First,
    All,
}

/// What a decode gives.
struct Decoded {
    /// How many there are, whether they were decoded or not.
    frames: u32,
    all_frames_read: bool,
    /// The first frame, not turned yet; none where decoding it would take more
    /// memory than there is.
    pixels: Option<Pixels>,
}

impl<'a> Walked<'a> {
    fn over(media_type: MediaType, bytes: &'a [u8], is_whole: bool) -> Result<Self, Flaw> {
        match media_type {
            MediaType::Png => png::walk(bytes).map(Self::Png),
            MediaType::Jpeg => jpeg::walk(bytes, is_whole).map(Self::Jpeg),
            MediaType::Gif => gif::walk(bytes).map(Box::new).map(Self::Gif),
            MediaType::Webp => webp::walk(bytes).map(Self::Webp),
            _ => Err(Flaw::NotListed("no picture of a listed format".to_owned())),
        }
    }

    fn outline(&self) -> Outline {
        match self {
            Self::Png(png) => png.outline(),
            Self::Jpeg(jpeg) => jpeg.outline(),
            Self::Gif(gif) => gif.outline(),
            Self::Webp(webp) => webp.outline(),
        }
    }

    fn decode(self, wanted: Wanted) -> Result<Decoded, Flaw> {
        match self {
            Self::Png(png) => png.decode(wanted),
            Self::Jpeg(jpeg) => jpeg.decode(wanted),
            Self::Gif(gif) => gif.decode(wanted),
            Self::Webp(webp) => webp.decode(wanted),
        }
    }
}

/// Refuses what is larger than is taken; a picture without pixels is broken.
fn admit(width: u32, height: u32) -> Result<(), Flaw> {
    if width == 0 || height == 0 {
        return Err(Flaw::corrupt(0, "the picture has no pixels"));
    }
    let pixels = u64::from(width) * u64::from(height);
    if width > MAX_SIDE || height > MAX_SIDE || pixels > MAX_PIXELS {
        return Err(Flaw::TooManyPixels { width, height });
    }
    Ok(())
}
