//! What kinds of files there are, and how large each may be.
//!
//! One table of types; everything else about media derives from it. The
//! detected type decides and is the one that is stored and served.

use super::failure::FailureReason;
use super::file_name::FileName;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The broad kind of a file, which decides its size limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// A raster image.
    Image,
    /// Something with text in it.
    Document,
    /// A video, with or without sound.
    Video,
    /// Audio alone.
    Audio,
    /// Anything else, such as an archive.
    Other,
}

/// A string that names no kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown kind {0:?}")]
pub struct UnknownKind(String);

impl MediaKind {
    /// Every kind there is.
    pub const ALL: [Self; 5] = [
        Self::Image,
        Self::Document,
        Self::Video,
        Self::Audio,
        Self::Other,
    ];

    /// The kind as it is written in SQL and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Document => "document",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Other => "other",
        }
    }
}

impl FromStr for MediaKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| UnknownKind(text.to_owned()))
    }
}

/// Declares the types: variant, kind, canonical MIME type, file extensions,
/// further MIME names it goes by.
macro_rules! media_types {
    ($($variant:ident = $kind:ident, $mime:literal, [$($extension:literal),*], [$($alias:literal),*];)*) => {
        /// A type of file this service knows.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[expect(missing_docs, reason = "the names are those of the formats")]
        pub enum MediaType { $($variant),* }

        impl MediaType {
            /// Every type there is.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The kind of file it is.
            #[must_use]
            pub const fn kind(self) -> MediaKind {
                match self { $(Self::$variant => MediaKind::$kind),* }
            }

            /// The canonical MIME type.
            #[must_use]
            pub const fn mime(self) -> &'static str {
                match self { $(Self::$variant => $mime),* }
            }

            const fn extensions(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($extension),*]),* }
            }

            const fn aliases(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($alias),*]),* }
            }
        }
    };
}

media_types! {
    Png = Image, "image/png", ["png", "apng"], ["image/x-png", "image/apng", "image/vnd.mozilla.apng"];
    Jpeg = Image, "image/jpeg", ["jpg", "jpeg", "jpe", "jfif"], ["image/jpg", "image/pjpeg", "image/jfif", "image/x-jpeg", "image/x-jpg"];
    Gif = Image, "image/gif", ["gif"], ["image/x-gif"];
    Webp = Image, "image/webp", ["webp"], ["image/x-webp"];
    Pdf = Document, "application/pdf", ["pdf"], ["application/x-pdf", "application/acrobat", "application/vnd.pdf", "text/pdf"];
    Docx = Document, "application/vnd.openxmlformats-officedocument.wordprocessingml.document", ["docx"], [];
    Xlsx = Document, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ["xlsx"], [];
    Pptx = Document, "application/vnd.openxmlformats-officedocument.presentationml.presentation", ["pptx"], [];
    Csv = Document, "text/csv", ["csv"], ["application/csv", "text/x-csv", "application/x-csv", "text/comma-separated-values", "text/x-comma-separated-values"];
    Txt = Document, "text/plain", ["txt", "text", "log"], ["text/x-log", "application/txt"];
    Doc = Document, "application/msword", ["doc"], ["application/doc", "application/x-msword", "application/vnd.ms-word"];
    Xls = Document, "application/vnd.ms-excel", ["xls"], ["application/excel", "application/x-excel", "application/x-msexcel", "application/msexcel"];
    Html = Document, "text/html", ["html", "htm"], ["application/xhtml+xml"];
    Markdown = Document, "text/markdown", ["md", "markdown"], ["text/x-markdown", "text/x-web-markdown"];
    Mp4 = Video, "video/mp4", ["mp4", "m4v", "3gp", "3g2"], ["video/x-m4v", "video/x-mp4", "video/mpeg4", "application/mp4", "video/3gpp", "video/3gpp2", "video/3gp"];
    M4a = Audio, "audio/mp4", ["m4a", "m4b"], ["audio/m4a", "audio/x-m4a", "audio/x-mp4", "audio/mp4a-latm", "audio/m4b", "audio/x-m4b", "audio/3gpp", "audio/3gpp2", "audio/3gp"];
    Mp3 = Audio, "audio/mpeg", ["mp3"], ["audio/mp3", "audio/x-mp3", "audio/x-mpeg", "audio/mpeg3", "audio/x-mpeg-3", "audio/mpg", "audio/x-mpg"];
    Aac = Audio, "audio/aac", ["aac", "adts"], ["audio/x-aac", "audio/aacp", "audio/x-hx-aac-adts", "audio/vnd.dlna.adts", "audio/adts"];
    // Only where they are opted in, and stored as they are.
    Heic = Image, "image/heic", ["heic", "heif", "hif", "avif"], ["image/heif", "image/heic-sequence", "image/heif-sequence", "image/avif", "image/avif-sequence", "image/x-heic", "image/x-heif"];
    Mov = Video, "video/quicktime", ["mov", "qt"], ["video/x-quicktime", "video/mov"];
    Webm = Video, "video/webm", ["webm", "weba"], ["audio/webm"];
    Ogg = Audio, "audio/ogg", ["ogg", "oga", "spx"], ["application/ogg", "audio/x-ogg", "audio/vorbis", "audio/speex", "application/x-ogg"];
    Opus = Audio, "audio/opus", ["opus"], ["audio/x-opus", "audio/x-opus+ogg"];
    Wav = Audio, "audio/wav", ["wav", "wave"], ["audio/x-wav", "audio/wave", "audio/vnd.wave", "audio/x-pn-wav"];
    Zip = Other, "application/zip", ["zip"], ["application/x-zip-compressed", "application/x-zip", "application/zip-compressed"];
}

impl MediaType {
    /// Types that a tenant gets only by opting in, channel by channel.
    pub const OPT_IN: &[Self] = &[
        Self::Doc,
        Self::Xls,
        Self::Html,
        Self::Markdown,
        Self::Heic,
        Self::Mov,
        Self::Webm,
        Self::Ogg,
        Self::Opus,
        Self::Wav,
        Self::Zip,
    ];

    /// The type a MIME string names. Case, parameters and the usual
    /// misspellings are ignored: `image/JPG; q=1` is JPEG.
    #[must_use]
    pub fn from_mime(mime: &str) -> Option<Self> {
        let essence = essence(mime);
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.mime() == essence || kind.aliases().contains(&essence.as_str()))
    }

    /// The type a file name claims by its extension.
    #[must_use]
    pub fn from_file_name(name: &FileName) -> Option<Self> {
        let extension = name.extension()?.to_ascii_lowercase();
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.extensions().contains(&extension.as_str()))
    }

    /// The usual file extension.
    #[must_use]
    pub fn extension(self) -> &'static str {
        self.extensions().first().copied().unwrap_or("bin")
    }

    /// Whether it is written in plain text, which no magic number gives away.
    #[must_use]
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Csv | Self::Txt | Self::Html | Self::Markdown)
    }

    /// Whether anything is made of it: a preview, or text for a model. A HEIC
    /// is stored as it is.
    #[must_use]
    pub const fn has_content(self) -> bool {
        matches!(self.kind(), MediaKind::Image | MediaKind::Document) && !matches!(self, Self::Heic)
    }

    /// Whether a browser may be told to show it rather than save it.
    #[must_use]
    pub const fn is_safe_inline(self) -> bool {
        matches!(
            self,
            Self::Png | Self::Jpeg | Self::Gif | Self::Webp | Self::Mp4 | Self::M4a | Self::Pdf
        )
    }

    /// What a file that is called this turns out to be often enough to be
    /// looked at: names given by an extension, by an old list of types, or by
    /// a sender that converts what it sends.
    const fn may_turn_out_as(self) -> &'static [Self] {
        match self {
            // Windows calls what Excel opens so, and what Word opens so.
            Self::Xls => &[Self::Csv, Self::Xlsx],
            Self::Doc => &[Self::Docx],
            // An Office file is a zip archive, and many senders look no further.
            Self::Zip => &[Self::Docx, Self::Xlsx, Self::Pptx],
            // Phones convert a photo and keep its name.
            Self::Heic => &[Self::Jpeg],
            // The boxes are the same, and browsers record either by one name.
            Self::Mov | Self::Webm => &[Self::Mp4, Self::M4a],
            _ => &[],
        }
    }

    /// The family within which a wrong name is an honest mistake.
    const fn family(self) -> Family {
        match self.kind() {
            MediaKind::Image => Family::Pictures,
            MediaKind::Audio | MediaKind::Video => Family::Recordings,
            MediaKind::Document | MediaKind::Other => Family::Papers,
        }
    }
}

/// Types that are taken for each other without anybody lying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    /// Senders convert pictures and keep their names.
    Pictures,
    /// A voice clip is sent as video, and a container holds either.
    Recordings,
    /// An Office file is an archive, a table is text.
    Papers,
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.mime())
    }
}

/// The type that a sender declares: a hint, not a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeclaredType {
    /// Nothing, or something as good as nothing, such as `application/octet-stream`.
    Nothing,
    /// A type this service knows.
    Known(MediaType),
    /// A type this service has no name for.
    Foreign,
}

impl DeclaredType {
    /// Reads a declared MIME type.
    #[must_use]
    pub fn of(mime: &str) -> Self {
        match essence(mime).as_str() {
            "" => Self::Nothing,
            vague if SAYS_NOTHING.contains(&vague) => Self::Nothing,
            // "Some image" is not a type; the bytes will say which.
            wildcard if wildcard.ends_with("/*") || !wildcard.contains('/') => Self::Nothing,
            named => MediaType::from_mime(named).map_or(Self::Foreign, Self::Known),
        }
    }
}

/// What is said where nobody knows, or only that it is some file of Office:
/// old lists have one name for presentations of both generations.
const SAYS_NOTHING: &[&str] = &[
    "application/octet-stream",
    "application/x-octet-stream",
    "binary/octet-stream",
    "application/x-binary",
    "application/binary",
    "application/unknown",
    "application/x-unknown",
    "unknown/unknown",
    "application/download",
    "application/x-download",
    "application/force-download",
    "application/vnd.ms-office",
    "application/x-ole-storage",
    "application/vnd.ms-powerpoint",
    "application/vnd.openxmlformats-officedocument",
];

fn essence(mime: &str) -> String {
    let (essence, _parameters) = mime.split_once(';').unwrap_or((mime, ""));
    essence.trim().to_ascii_lowercase()
}

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
    fn mime_names_are_canonicalised() {
        for name in ["image/jpg", "IMAGE/JPEG; q=0.9", " image/pjpeg "] {
            assert_eq!(MediaType::from_mime(name), Some(MediaType::Jpeg), "{name}");
        }
        assert_eq!(MediaType::from_mime("audio/x-m4a"), Some(MediaType::M4a));
        assert_eq!(MediaType::from_mime("image/tiff"), None);
    }

    #[test]
    fn every_name_and_extension_means_one_type() {
        let mut names = std::collections::HashMap::new();
        for media_type in MediaType::ALL {
            for name in media_type.aliases().iter().chain([&media_type.mime()]) {
                assert_eq!(names.insert(*name, media_type), None, "{name}");
                assert_eq!(*name, essence(name), "{name}");
                assert_eq!(MediaType::from_mime(name), Some(*media_type));
                assert!(!SAYS_NOTHING.contains(name), "{name}");
            }
            for extension in media_type.extensions() {
                assert_eq!(names.insert(*extension, media_type), None, "{extension}");
                let name = FileName::new(&format!("a.{}", extension.to_uppercase()));
                assert_eq!(MediaType::from_file_name(&name), Some(*media_type));
            }
        }
    }

    #[test]
    fn a_type_survives_being_written_down() {
        for media_type in MediaType::ALL {
            let written = serde_json::to_string(media_type).unwrap();
            assert_eq!(
                serde_json::from_str::<MediaType>(&written).unwrap(),
                *media_type
            );
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
