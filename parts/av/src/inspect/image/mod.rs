//! Pictures: proved whole, measured, and made small.
//!
//! Promises: what is said of a picture was decoded, not claimed; a picture
//! beyond the limits is refused by its header, before any memory is taken for
//! it; no two full-size pictures are in memory at once.

mod exif;
mod gif;
mod jpeg;
mod orientation;
mod pixels;
mod png;
mod preview;
mod webp;

#[cfg(test)]
mod tests;

pub use preview::{JPEG_QUALITY, Picture, Unshown, model, thumbnail};

use super::found::{Flaw, ImageFacts};
use crate::attachment::media::MediaType;
use orientation::Orientation;
use pixels::Pixels;

/// The most pixels that are taken, as 8,660 by 5,773.
const MAX_PIXELS: u64 = 50_000_000;
/// The longest side that is taken.
const MAX_SIDE: u32 = 16_384;
/// Frames of an animation are decoded up to so many, and up to so many pixels
/// of them all; the rest is counted.
const MAX_FRAMES: u32 = 2_000;
const MAX_FRAME_PIXELS: u64 = 200_000_000;
/// A placeholder is made of a picture of at most this side.
const PLACEHOLDER_SIDE: u32 = 100;

/// A picture as it lies in its file.
struct Decoded {
    width: u32,
    height: u32,
    orientation: Orientation,
    frames: u32,
    all_frames_read: bool,
    /// Of the first frame; none where it needs more memory than there is.
    pixels: Option<Pixels>,
}

/// Proves that a picture is whole, and measures it.
///
/// `is_whole` says that all bytes came that there are: then a JPEG whose data is
/// complete may lack its end, as some cameras leave it.
pub fn check(media_type: MediaType, bytes: &[u8], is_whole: bool) -> Result<ImageFacts, Flaw> {
    let decoded = match media_type {
        MediaType::Png => png::decode(bytes),
        MediaType::Jpeg => jpeg::decode(bytes, is_whole),
        MediaType::Gif => gif::decode(bytes),
        MediaType::Webp => webp::decode(bytes),
        _ => Err(Flaw::NotListed("a picture of another kind".to_owned())),
    }?;
    let orientation = decoded.orientation;
    let (width, height) = orientation.shown(decoded.width, decoded.height);
    let thumbhash = decoded
        .pixels
        .and_then(|pixels| pixels.sampled(PLACEHOLDER_SIDE).ok())
        .map(|small| orientation.apply(small).thumbhash());
    Ok(ImageFacts {
        width,
        height,
        orientation: orientation.exif(),
        frames: decoded.frames,
        all_frames_read: decoded.all_frames_read,
        thumbhash,
    })
}

/// The first frame as it is shown, and at which orientation it lies in its file.
fn first_frame(media_type: MediaType, bytes: &[u8]) -> Result<Decoded, Flaw> {
    match media_type {
        MediaType::Png => png::first_frame(bytes),
        MediaType::Jpeg => jpeg::first_frame(bytes),
        MediaType::Gif => gif::first_frame(bytes),
        MediaType::Webp => webp::first_frame(bytes),
        _ => Err(Flaw::NotListed("a picture of another kind".to_owned())),
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
