//! Pictures made of a picture: one for eyes, and one that a model's interface
//! takes where the original is too much for it.

use super::pixels::{Pixels, within};
use super::reduce::Care;
use super::{Frames, Outline, Walked, Wanted};
use crate::attachment::media::MediaType;
use crate::inspect::found::Flaw;
use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;

/// The longest side of a thumbnail, in pixels.
const THUMBNAIL_SIDE: u32 = 512;
/// A thumbnail is written worse until it is no larger, in bytes.
const THUMBNAIL_BYTES: usize = 40_000;
/// Qualities that are tried, of 100.
const WEBP_QUALITIES: [f32; 5] = [75.0, 60.0, 45.0, 30.0, 15.0];

/// The longest side of a picture that a model's interface takes, in pixels.
const MODEL_MAX_SIDE: u32 = 8_000;
/// The largest picture that one takes, in bytes. [Bedrock, `ImageBlock`]
const MODEL_MAX_BYTES: usize = 3_750_000;
/// The sides that are tried. More than the first tells a model nothing, and
/// costs its user tokens.
const MODEL_SIDES: [u32; 3] = [2_576, 1_568, 1_024];
/// The quality of what is written for a model, of 100.
const JPEG_QUALITY: u8 = 85;

/// A picture that was made: without metadata, and as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The file.
    pub bytes: Vec<u8>,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

/// No picture can be made of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unshown {
    /// It is broken.
    #[error(transparent)]
    Flaw(#[from] Flaw),
    /// Decoding it takes more memory than there is.
    #[error("the picture needs more memory than there is")]
    TooLarge,
    /// It could not be written.
    #[error("the picture could not be written")]
    Unwritable,
}

/// A `WebP` of at most 512 pixels a side and at most 40,000 bytes where it is a
/// photo; what is transparent stays so, and what is small stays as small as it
/// is. Of an animation it is the first frame.
///
/// # Errors
///
/// See [`Unshown`]; a picture that [`super::check`] took is not broken.
pub fn thumbnail(media_type: MediaType, bytes: &[u8]) -> Result<Picture, Unshown> {
    let walked = Walked::over(media_type, bytes, true)?;
    let Outline {
        width,
        height,
        orientation,
    } = walked.outline();
    // Twice as many pixels as are shown, for the better filter to work on.
    let first = first_frame(walked, 2 * THUMBNAIL_SIDE)?;
    let small = first.resized(within(width, height, THUMBNAIL_SIDE));
    let shown = orientation.apply(small.ok_or(Unshown::Unwritable)?);
    let (width, height) = (shown.width(), shown.height());
    Ok(Picture {
        bytes: webp(&shown)?,
        width,
        height,
    })
}

/// A JPEG that a model's interface takes, on white where the picture can be seen
/// through; none where it takes the original, which is of at most 3,750,000 bytes
/// and 8,000 pixels a side.
///
/// # Errors
///
/// See [`Unshown`].
pub fn model(media_type: MediaType, bytes: &[u8]) -> Result<Option<Picture>, Unshown> {
    let walked = Walked::over(media_type, bytes, true)?;
    let Outline {
        width,
        height,
        orientation,
    } = walked.outline();
    if bytes.len() <= MODEL_MAX_BYTES && width.max(height) <= MODEL_MAX_SIDE {
        return Ok(None);
    }
    let [largest, ..] = MODEL_SIDES;
    let mut small = first_frame(walked, largest)?;
    for side in MODEL_SIDES {
        let resized = small.resized(within(width, height, side));
        small = resized.ok_or(Unshown::Unwritable)?;
        let shown = orientation.apply(small.clone());
        let (width, height) = (shown.width(), shown.height());
        let bytes = jpeg(&shown)?;
        if bytes.len() <= MODEL_MAX_BYTES {
            return Ok(Some(Picture {
                bytes,
                width,
                height,
            }));
        }
    }
    Err(Unshown::Unwritable)
}

/// The first frame as it lies in its file, not much longer than `side`.
fn first_frame(walked: Walked, side: u32) -> Result<Pixels, Unshown> {
    let wanted = Wanted {
        frames: Frames::First,
        side,
        care: Care::Careful,
    };
    walked.decode(wanted)?.pixels.ok_or(Unshown::TooLarge)
}

fn webp(pixels: &Pixels) -> Result<Vec<u8>, Unshown> {
    let (width, height) = (pixels.width(), pixels.height());
    let is_transparent = pixels.is_transparent();
    let channels = if is_transparent {
        pixels.rgba()
    } else {
        pixels.on_white()
    };
    let encoder = if is_transparent {
        webp::Encoder::from_rgba(&channels, width, height)
    } else {
        webp::Encoder::from_rgb(&channels, width, height)
    };
    let mut written = Err(Unshown::Unwritable);
    for quality in WEBP_QUALITIES {
        let webp = encoder.encode_simple(false, quality);
        let webp = webp.map_err(|_| Unshown::Unwritable)?.to_vec();
        let is_small_enough = webp.len() <= THUMBNAIL_BYTES;
        written = Ok(webp);
        if is_small_enough {
            break;
        }
    }
    written
}

fn jpeg(pixels: &Pixels) -> Result<Vec<u8>, Unshown> {
    let mut bytes = Vec::new();
    let (width, height) = (pixels.width(), pixels.height());
    JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)
        .encode(&pixels.on_white(), width, height, ExtendedColorType::Rgb8)
        .map_err(|_| Unshown::Unwritable)?;
    Ok(bytes)
}
