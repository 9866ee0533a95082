//! Pictures made of a picture: one for eyes, and one that a model's interface
//! takes where the original is too much for it.

use super::pixels::within;
use super::{Decoded, first_frame};
use crate::attachment::media::MediaType;
use crate::inspect::found::Flaw;

/// The longest side of a thumbnail, in pixels.
const THUMBNAIL_SIDE: u32 = 512;
/// A thumbnail of a photo is no larger, in bytes.
const THUMBNAIL_BYTES: usize = 40_000;
/// Qualities that are tried, until it is small enough.
const WEBP_QUALITIES: [f32; 4] = [75.0, 60.0, 45.0, 30.0];

/// The longest side of a picture that a model's interface takes.
const MODEL_SIDE: u32 = 8_000;
/// The largest picture that one takes, in bytes. [Bedrock, `ImageBlock`]
const MODEL_BYTES: usize = 3_750_000;
/// More tells a model nothing, and costs it tokens.
const MODEL_SIDES: [u32; 3] = [2_576, 1_568, 1_024];
/// The quality that a model's picture is written with, of 100.
pub const JPEG_QUALITY: u8 = 85;

/// A picture that was made.
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
    /// It needs more memory than there is.
    #[error("the picture needs more memory than there is")]
    TooLarge,
    /// It could not be written.
    #[error("the picture could not be written")]
    Unwritable,
}

/// A `WebP` of at most 512 pixels a side, as the picture is shown, without
/// anything that is not seen. What is smaller stays as large as it is.
pub fn thumbnail(media_type: MediaType, bytes: &[u8]) -> Result<Picture, Unshown> {
    let Decoded {
        pixels,
        orientation,
        ..
    } = first_frame(media_type, bytes)?;
    let pixels = pixels.ok_or(Unshown::TooLarge)?;
    let small = pixels.shrunk(THUMBNAIL_SIDE);
    let small = small.map_err(|_| Unshown::Unwritable)?;
    // The full-size picture is not needed any more.
    drop(pixels);
    let shown = orientation.apply(small);
    let (width, height) = (shown.width(), shown.height());
    let rgba = shown.rgba();
    let encoder = webp::Encoder::from_rgba(&rgba, width, height);
    let mut written = None;
    for quality in WEBP_QUALITIES {
        let webp = encoder
            .encode_simple(false, quality)
            .map_err(|_| Unshown::Unwritable)?;
        let fits = webp.len() <= THUMBNAIL_BYTES;
        written = Some(webp.to_vec());
        if fits {
            break;
        }
    }
    Ok(Picture {
        bytes: written.ok_or(Unshown::Unwritable)?,
        width,
        height,
    })
}

/// A JPEG that a model's interface takes; none where it takes the original.
pub fn model(media_type: MediaType, bytes: &[u8]) -> Result<Option<Picture>, Unshown> {
    let Decoded {
        width,
        height,
        pixels,
        orientation,
        ..
    } = first_frame(media_type, bytes)?;
    if bytes.len() <= MODEL_BYTES && width.max(height) <= MODEL_SIDE {
        return Ok(None);
    }
    let pixels = pixels.ok_or(Unshown::TooLarge)?;
    for side in MODEL_SIDES {
        let small = pixels.shrunk(side).map_err(|_| Unshown::Unwritable)?;
        let shown = orientation.apply(small);
        let (width, height) = (shown.width(), shown.height());
        let jpeg = jpeg(&shown.on_white(), width, height).ok_or(Unshown::Unwritable)?;
        if jpeg.len() <= MODEL_BYTES {
            return Ok(Some(Picture {
                bytes: jpeg,
                width,
                height,
            }));
        }
    }
    Err(Unshown::Unwritable)
}

fn jpeg(_rgb: &[u8], _width: u32, _height: u32) -> Option<Vec<u8>> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_shrink_together_and_never_to_nothing() {
        assert_eq!(within(4_000, 3_000, 512), (512, 384));
        assert_eq!(within(100, 50, 512), (100, 50));
        assert_eq!(within(16_000, 3, 512), (512, 1));
    }
}
