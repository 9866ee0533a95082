//! What an interface to a language model takes of a file, and by which name.

use super::facts::Facts;
use super::media::{MediaKind, MediaType};
use crate::ids::AttachmentId;

/// A model's interface, with what it takes of a file as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelApi {
    /// Its name in `ProcessedContent.fits`.
    pub name: &'static str,
    /// The largest picture, in bytes.
    pub image_max_bytes: u64,
    /// The longest side of a picture, in pixels.
    pub image_max_side: u32,
    /// The largest document, in bytes.
    pub document_max_bytes: u64,
}

/// Whether a model's interface takes a file as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// It does.
    Fits,
    /// It has too many bytes.
    TooLarge,
    /// It has too many pixels.
    TooManyPixels,
}

impl ModelApi {
    /// Those that are known. Bedrock's limits are those of the API reference of
    /// Converse; whether its MB is a million is not said, so it is.
    pub const ALL: [Self; 1] = [Self {
        name: "bedrock.converse",
        image_max_bytes: 3_750_000,
        image_max_side: 8_000,
        document_max_bytes: 4_500_000,
    }];

    /// Whether it takes a file of this type and size; none where it takes no
    /// file of that kind.
    #[must_use]
    pub fn takes(&self, media_type: MediaType, size_bytes: u64, facts: &Facts) -> Option<Fit> {
        let most = match media_type.kind() {
            MediaKind::Image => self.image_max_bytes,
            MediaKind::Document => self.document_max_bytes,
            MediaKind::Video | MediaKind::Audio | MediaKind::Other => return None,
        };
        let side = match facts {
            Facts::Image(image) => image.width.max(image.height),
            Facts::Av(_) | Facts::Document(_) | Facts::Other => 0,
        };
        Some(if side > self.image_max_side {
            Fit::TooManyPixels
        } else if size_bytes > most {
            Fit::TooLarge
        } else {
            Fit::Fits
        })
    }
}

/// A name that says nothing of the sender's and that a model's interface takes:
/// `document (pdf) [k3x9ab]`. Words of a sender's could be instructions, and
/// two files of one request may not share a name; so the kind, the format and
/// letters of the attachment's id make it. At most 23 characters of ASCII, of
/// those that Bedrock's `DocumentBlock.name` allows.
#[must_use]
pub fn model_name(media_type: MediaType, id: AttachmentId) -> String {
    let kind = match media_type.kind() {
        MediaKind::Image => "image",
        MediaKind::Document => "document",
        MediaKind::Video => "video",
        MediaKind::Audio => "audio",
        MediaKind::Other => "file",
    };
    format!("{kind} ({}) [{}]", media_type.extension(), short(id))
}

/// Six letters and digits of the id's random end.
fn short(id: AttachmentId) -> String {
    const DIGITS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let random = id.as_uuid().as_u128();
    (0..6)
        .map(|place| {
            let five_bits = (random >> (place * 5)) & 31;
            char::from(DIGITS[usize::try_from(five_bits).unwrap_or_default()])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::facts::ImageFacts;
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_name_is_neutral_and_of_allowed_characters() {
        let mut names = HashSet::new();
        for media_type in MediaType::ALL {
            let name = model_name(*media_type, AttachmentId::generate());
            assert!(name.len() <= 64, "{name}");
            assert!(
                name.bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b" -()[]".contains(&byte)),
                "{name}"
            );
            assert!(!name.contains("  "), "{name}");
            assert!(names.insert(name));
        }
        let id = AttachmentId::generate();
        let name = model_name(MediaType::Pdf, id);
        assert!(name.starts_with("document (pdf) ["), "{name}");
        assert_eq!(name, model_name(MediaType::Pdf, id));
    }

    #[test]
    fn what_fits_is_decided_by_pixels_and_bytes() {
        let [bedrock] = ModelApi::ALL;
        let picture = |width| {
            Facts::Image(ImageFacts {
                width,
                height: 100,
                orientation: 1,
                frames: 1,
                all_frames_read: true,
                thumbhash: None,
            })
        };
        let png = |bytes, width| bedrock.takes(MediaType::Png, bytes, &picture(width));
        assert_eq!(png(3_750_000, 8_000), Some(Fit::Fits));
        assert_eq!(png(3_750_001, 8_000), Some(Fit::TooLarge));
        assert_eq!(png(1, 8_001), Some(Fit::TooManyPixels));
        let pdf = |bytes| bedrock.takes(MediaType::Pdf, bytes, &Facts::Other);
        assert_eq!(pdf(4_500_000), Some(Fit::Fits));
        assert_eq!(pdf(4_500_001), Some(Fit::TooLarge));
        assert_eq!(bedrock.takes(MediaType::Mp4, 1, &Facts::Other), None);
    }
}
