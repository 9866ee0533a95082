//! Taking out of a picture where it was made, and what else a person does not
//! see, by copying the parts that are shown. No pixel is changed.

mod jpeg;
mod png;
mod webp;

use super::exif;
use super::orientation::Orientation;
use crate::attachment::media::MediaType;

/// The same picture without Exif, XMP, comments, and what stands behind its end,
/// as the film of a motion photo, which says where it was made too. How it has to
/// be turned is kept.
///
/// None of a GIF, and of what cannot be walked to its end: [`super::check`] refuses
/// that too.
#[must_use]
pub fn without_location(media_type: MediaType, bytes: &[u8]) -> Option<Vec<u8>> {
    match media_type {
        MediaType::Jpeg => jpeg::stripped(bytes),
        MediaType::Png => png::stripped(bytes),
        MediaType::Webp => webp::stripped(bytes),
        _ => None,
    }
}

/// Exif of nothing but an orientation; none where there is nothing to turn.
fn turned(orientation: Orientation) -> Option<Vec<u8>> {
    (orientation != Orientation::default()).then(|| exif::only(orientation))
}
