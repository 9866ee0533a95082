//! What a channel lets in: how large a file of each kind may be, which types,
//! and what a declared type is worth.
//!
//! A declared type is a hint, not a verdict: it refuses a file before its first
//! byte only where nothing that is taken can be what it says.

use super::failure::FailureReason;
use super::media::{DeclaredType, MediaKind, MediaType};

/// What a channel lets in. Sizes are in bytes and inclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaLimits {
    /// Largest image.
    pub image_max_bytes: u64,
    /// Largest document.
    pub document_max_bytes: u64,
    /// Largest audio file.
    pub audio_max_bytes: u64,
    /// Largest video.
    pub video_max_bytes: u64,
    /// Files of one message; further ones are rejected.
    pub max_files_per_message: u16,
    /// Types allowed beyond the default list.
    pub opted_in: Vec<MediaType>,
}

impl MediaLimits {
    /// The same, with no file larger than this many bytes.
    #[must_use]
    pub fn at_most(self, bytes: u64) -> Self {
        Self {
            image_max_bytes: self.image_max_bytes.min(bytes),
            document_max_bytes: self.document_max_bytes.min(bytes),
            audio_max_bytes: self.audio_max_bytes.min(bytes),
            video_max_bytes: self.video_max_bytes.min(bytes),
            ..self
        }
    }

    /// The most bytes a file of this kind may have; without a kind, the most
    /// any file may have.
    #[must_use]
    pub fn max_bytes(&self, kind: Option<MediaKind>) -> u64 {
        match kind {
            Some(MediaKind::Image) => self.image_max_bytes,
            Some(MediaKind::Document | MediaKind::Other) => self.document_max_bytes,
            Some(MediaKind::Audio) => self.audio_max_bytes,
            Some(MediaKind::Video) => self.video_max_bytes,
            None => [
                self.image_max_bytes,
                self.document_max_bytes,
                self.audio_max_bytes,
                self.video_max_bytes,
            ]
            .into_iter()
            .max()
            .unwrap_or(0),
        }
    }

    /// Whether files of this type are taken at all.
    #[must_use]
    pub fn allows(&self, media_type: MediaType) -> bool {
        !MediaType::OPT_IN.contains(&media_type) || self.opted_in.contains(&media_type)
    }

    /// What can be said before any byte has come. A declared type is a hint: it
    /// refuses a file only where no type that is taken can be what it says.
    pub fn admit_declared(
        &self,
        declared: DeclaredType,
        size_bytes: Option<u64>,
    ) -> Result<(), FailureReason> {
        let kind = match declared {
            DeclaredType::Known(media_type) if self.may_become_allowed(media_type) => {
                Some(media_type.kind())
            }
            DeclaredType::Known(_) | DeclaredType::Foreign => {
                return Err(FailureReason::ContentTypeNotAllowed);
            }
            DeclaredType::Nothing => None,
        };
        match size_bytes {
            Some(size) if size > self.max_bytes(kind) => Err(FailureReason::TooLarge),
            _ => Ok(()),
        }
    }

    fn may_become_allowed(&self, declared: MediaType) -> bool {
        let may_turn_out_as = declared.may_turn_out_as().iter();
        self.allows(declared) || may_turn_out_as.copied().any(|found| self.allows(found))
    }

    /// What can be said of the bytes: their type against the declared one.
    /// Gives the type and the most bytes the file may have. Within a family the
    /// found type decides, and the sender was mistaken; a type of another
    /// family is a lie.
    pub fn admit_detected(
        &self,
        declared: DeclaredType,
        detected: Option<MediaType>,
    ) -> Result<(MediaType, u64), FailureReason> {
        match (declared, detected) {
            // A page or a program that calls itself a picture is a lie, not just a foreign kind.
            (DeclaredType::Known(said), Some(found)) if said.family() != found.family() => {
                Err(FailureReason::ContentTypeMismatch)
            }
            (_, Some(found)) if self.allows(found) => {
                Ok((found, self.max_bytes(Some(found.kind()))))
            }
            (_, _) => Err(FailureReason::ContentTypeNotAllowed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> MediaLimits {
        MediaLimits {
            image_max_bytes: 10,
            document_max_bytes: 5,
            audio_max_bytes: 25,
            video_max_bytes: 200,
            max_files_per_message: 5,
            opted_in: vec![],
        }
    }

    #[test]
    fn what_is_stored_as_it_is_is_opted_in_saved_and_not_looked_into() {
        use MediaType::{Heic, Mov, Ogg, Opus, Wav, Webm, Zip};
        for media_type in [Heic, Mov, Webm, Ogg, Opus, Wav, Zip] {
            assert!(MediaType::OPT_IN.contains(&media_type), "{media_type}");
            assert!(!limits().allows(media_type), "{media_type}");
            assert!(!media_type.is_safe_inline(), "{media_type}");
            assert!(!media_type.has_content(), "{media_type}");
        }
    }

    #[test]
    fn limits_are_inclusive() {
        let declared = DeclaredType::of("image/png");
        assert_eq!(limits().admit_declared(declared, Some(10)), Ok(()));
        assert_eq!(
            limits().admit_declared(declared, Some(11)),
            Err(FailureReason::TooLarge)
        );
    }

    #[test]
    fn an_empty_claim_waits_for_the_bytes() {
        for nothing in ["", "application/octet-stream", "image/*", "image"] {
            assert_eq!(
                limits().admit_declared(DeclaredType::of(nothing), Some(200)),
                Ok(())
            );
        }
        assert_eq!(
            limits().admit_declared(DeclaredType::of("image/tiff"), None),
            Err(FailureReason::ContentTypeNotAllowed)
        );
    }

    #[test]
    fn a_type_that_needs_opting_in_is_refused_without_it() {
        let declared = DeclaredType::of("text/html");
        assert_eq!(
            limits().admit_declared(declared, None),
            Err(FailureReason::ContentTypeNotAllowed)
        );
        let opted_in = MediaLimits {
            opted_in: vec![MediaType::Html],
            ..limits()
        };
        assert_eq!(opted_in.admit_declared(declared, None), Ok(()));
    }

    #[test]
    fn a_wrong_name_that_is_often_given_lets_the_bytes_decide() {
        for name in [
            "application/vnd.ms-excel",
            "text/comma-separated-values",
            "application/msword",
            "application/vnd.ms-powerpoint",
            "application/zip",
            "application/x-zip-compressed",
            "audio/x-mpeg",
            "audio/x-mp3",
            "audio/vnd.dlna.adts",
            "audio/3gpp",
            "video/3gpp",
            "video/quicktime",
            "audio/webm",
            "image/apng",
            "image/jfif",
            "image/heic",
            "image/avif",
        ] {
            let declared = DeclaredType::of(name);
            assert_eq!(limits().admit_declared(declared, Some(1)), Ok(()), "{name}");
        }
    }

    #[test]
    fn what_no_listed_type_can_be_is_refused_before_it_comes() {
        for name in [
            "image/tiff",
            "image/svg+xml",
            "application/json",
            "application/x-msdownload",
            "application/vnd.rar",
            "application/x-7z-compressed",
            "application/vnd.ms-excel.sheet.macroEnabled.12",
            "audio/ogg",
            "audio/opus",
            "audio/wav",
            "audio/flac",
            "video/x-matroska",
            "video/x-msvideo",
            "text/html",
            "text/markdown",
            "text/calendar",
        ] {
            assert_eq!(
                limits().admit_declared(DeclaredType::of(name), Some(1)),
                Err(FailureReason::ContentTypeNotAllowed),
                "{name}"
            );
        }
    }

    #[test]
    fn a_mistake_is_no_lie() {
        use MediaType::{Csv, Docx, Jpeg, M4a, Mp3, Mp4, Pdf, Txt, Xlsx};
        for (said, found) in [
            ("video/mp4", M4a),
            ("audio/mp4", Mp4),
            ("video/quicktime", Mp4),
            ("audio/webm", M4a),
            ("audio/aac", Mp3),
            ("image/heic", Jpeg),
            ("application/vnd.ms-excel", Csv),
            ("application/vnd.ms-excel", Xlsx),
            ("application/zip", Docx),
            ("application/msword", Docx),
            ("text/csv", Txt),
            ("text/plain", Pdf),
        ] {
            let declared = DeclaredType::of(said);
            let most = limits().max_bytes(Some(found.kind()));
            assert_eq!(
                limits().admit_detected(declared, Some(found)),
                Ok((found, most)),
                "{said} {found}"
            );
        }
    }

    #[test]
    fn a_lie_is_told_and_an_honest_foreigner_is_not_taken_for_one() {
        use FailureReason::{ContentTypeMismatch as Lie, ContentTypeNotAllowed as Foreign};
        use MediaType::{Heic, Html, Jpeg, M4a, Mov, Mp4, Pdf, Webm, Zip};
        for (said, found, reason) in [
            ("image/png", Html, Lie),
            ("image/png", Pdf, Lie),
            ("image/png", Mp4, Lie),
            ("image/jpeg", Zip, Lie),
            ("application/pdf", Jpeg, Lie),
            ("text/plain", M4a, Lie),
            ("video/mp4", Html, Lie),
            ("audio/mpeg", Zip, Lie),
            ("image/jpeg", Heic, Foreign),
            ("video/mp4", Mov, Foreign),
            ("audio/mp4", Webm, Foreign),
            ("application/pdf", Html, Foreign),
            (MediaType::Docx.mime(), Zip, Foreign),
        ] {
            assert_eq!(
                limits().admit_detected(DeclaredType::of(said), Some(found)),
                Err(reason),
                "{said} {found}"
            );
        }
    }

    #[test]
    fn detected_wins_within_a_family_and_is_a_mismatch_across() {
        let png = DeclaredType::of("image/png");
        assert_eq!(
            limits().admit_detected(png, Some(MediaType::Jpeg)),
            Ok((MediaType::Jpeg, 10))
        );
        assert_eq!(
            limits().admit_detected(png, Some(MediaType::Html)),
            Err(FailureReason::ContentTypeMismatch)
        );
        assert_eq!(
            limits().admit_detected(DeclaredType::Nothing, Some(MediaType::Html)),
            Err(FailureReason::ContentTypeNotAllowed)
        );
        assert_eq!(
            limits().admit_detected(DeclaredType::Nothing, None),
            Err(FailureReason::ContentTypeNotAllowed)
        );
    }
}
