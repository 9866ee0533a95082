//! A JPEG, segment by segment.

use super::super::jpeg::{Marker, Markers, Part, walk};
use super::turned;

pub(super) fn stripped(bytes: &[u8]) -> Option<Vec<u8>> {
    let orientation = walk(bytes, true).ok()?.outline().orientation;
    let mut kept = Vec::with_capacity(bytes.len());
    kept.extend_from_slice(&[0xff, 0xd8]);
    let mut exif = turned(orientation);
    for part in Markers::of(bytes).ok()? {
        let part = part.ok()?;
        // JFIF's own segment has to be the first.
        if part.marker != Marker::Application(0)
            && let Some(tiff) = exif.take()
        {
            let length = u16::try_from(2 + 6 + tiff.len()).ok()?;
            kept.extend_from_slice(&[0xff, 0xe1]);
            kept.extend_from_slice(&length.to_be_bytes());
            kept.extend_from_slice(b"Exif\0\0");
            kept.extend_from_slice(&tiff);
        }
        if is_shown(&part) {
            kept.extend_from_slice(part.whole);
        }
    }
    if !kept.ends_with(&[0xff, 0xd9]) {
        kept.extend_from_slice(&[0xff, 0xd9]);
    }
    Some(kept)
}

/// Whether a reader that shows the picture needs it. Of what applications write
/// that is JFIF, colour profiles and Adobe's transform.
fn is_shown(part: &Part) -> bool {
    match part.marker {
        Marker::Application(2) => part.segment.starts_with(b"ICC_PROFILE\0"),
        Marker::Application(number) => matches!(number, 0 | 14),
        Marker::Comment => false,
        _ => true,
    }
}
