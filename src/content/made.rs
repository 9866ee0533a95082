//! What a child made of a file, as it is put.

use super::failure::Failure;
use crate::attachment::Attachment;
use crate::attachment::extracted::{EXTRACTOR_VERSION, Extracted, StoredText};
use crate::attachment::media::{MediaKind, MediaType};
use crate::attachment::processing::{Processed, ProcessingError};
use crate::attachment::rendition::{Rendition, StoredRendition};
use crate::attachment::status::Sha256;
use crate::attachment::storage_key::StorageKey;
use crate::blob::Payload;
use crate::sandbox::{self, Picture, Prepared};
use bytes::Bytes;
use sha2::Digest as _;

/// What the text is stored as.
const TEXT_TYPE: &str = "application/json";

/// A form that is to be put.
pub(super) struct Made {
    rendition: Rendition,
    content_type: &'static str,
    pixels: Option<(u32, u32)>,
    bytes: Bytes,
}

impl Made {
    fn picture(rendition: Rendition, picture: Picture) -> Self {
        Self {
            rendition,
            content_type: picture.content_type(),
            pixels: Some((picture.width, picture.height)),
            bytes: picture.bytes,
        }
    }

    fn text(extracted: Extracted) -> Result<Self, Failure> {
        let text = StoredText {
            extractor_version: EXTRACTOR_VERSION,
            extracted,
        };
        let json = serde_json::to_vec(&text).map_err(|_| Failure::unwritable())?;
        Ok(Self {
            rendition: Rendition::Text,
            content_type: TEXT_TYPE,
            pixels: None,
            bytes: json.into(),
        })
    }

    /// What is recorded of it once it is put.
    pub(super) fn stored(&self, attachment: &Attachment, fence: i64) -> StoredRendition {
        StoredRendition {
            rendition: self.rendition,
            key: StorageKey::of(attachment, fence, self.rendition),
            content_type: self.content_type.to_owned(),
            size_bytes: self.bytes.len() as u64,
            sha256: Sha256(sha2::Sha256::digest(&self.bytes).into()),
            pixels: self.pixels,
        }
    }

    /// Its bytes.
    pub(super) fn payload(self) -> Payload {
        Payload::Memory(self.bytes)
    }
}

/// How the content ended, and the forms that are to be put.
pub(super) fn made_of(
    media_type: MediaType,
    said: Prepared,
) -> Result<(Processed, Vec<Made>), Failure> {
    let Prepared {
        thumbnail,
        model,
        text,
        error,
        failure,
    } = said;
    let mut forms = Vec::new();
    forms.extend(thumbnail.map(|picture| Made::picture(Rendition::Thumbnail, picture)));
    forms.extend(model.map(|picture| Made::picture(Rendition::Model, picture)));
    let processed = match (text, failure) {
        (Some(text), _) => {
            let processed = text.processed;
            forms.push(Made::text(text)?);
            processed
        }
        // What a child could not do within its bounds, none can.
        (None, Some(sandbox::Failure::OutOfTime(_) | sandbox::Failure::OutOfMemory { .. })) => {
            Processed::Failed(ProcessingError::TooComplex)
        }
        (None, Some(failure)) => return Err(failure.into()),
        (None, None) => match error {
            Some(error) => Processed::Skipped(error),
            None if media_type.kind() == MediaKind::Image => Processed::Success,
            None => Processed::Failed(ProcessingError::ExtractorFailed),
        },
    };
    Ok((processed, forms))
}
