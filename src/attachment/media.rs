//! What kinds of files there are, and how large each may be.
//!
//! One table of types; everything else about media derives from it. The
//! detected type decides and is the one that is stored and served.

use super::failure::FailureReason;
use super::file_name::FileName;
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
    /// Anything else.
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
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    Png = Image, "image/png", ["png"], ["image/x-png"];
    Jpeg = Image, "image/jpeg", ["jpg", "jpeg"], ["image/jpg", "image/pjpeg"];
    Gif = Image, "image/gif", ["gif"], [];
    Webp = Image, "image/webp", ["webp"], [];
    Pdf = Document, "application/pdf", ["pdf"], ["application/x-pdf"];
    Docx = Document, "application/vnd.openxmlformats-officedocument.wordprocessingml.document", ["docx"], [];
    Xlsx = Document, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ["xlsx"], [];
    Pptx = Document, "application/vnd.openxmlformats-officedocument.presentationml.presentation", ["pptx"], [];
    Csv = Document, "text/csv", ["csv"], ["application/csv", "text/x-csv"];
    Txt = Document, "text/plain", ["txt", "text", "log"], [];
    Doc = Document, "application/msword", ["doc"], [];
    Xls = Document, "application/vnd.ms-excel", ["xls"], [];
    Html = Document, "text/html", ["html", "htm"], ["application/xhtml+xml"];
    Markdown = Document, "text/markdown", ["md", "markdown"], ["text/x-markdown"];
    Mp4 = Video, "video/mp4", ["mp4", "m4v"], ["video/x-m4v"];
    M4a = Audio, "audio/mp4", ["m4a"], ["audio/m4a", "audio/x-m4a"];
    Mp3 = Audio, "audio/mpeg", ["mp3"], ["audio/mp3"];
    Aac = Audio, "audio/aac", ["aac"], ["audio/x-aac", "audio/aacp"];
}

impl MediaType {
    /// Types that a tenant gets only by opting in, channel by channel.
    pub const OPT_IN: &[Self] = &[Self::Doc, Self::Xls, Self::Html, Self::Markdown];

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

    /// Whether a browser may be told to show it rather than save it.
    #[must_use]
    pub const fn is_safe_inline(self) -> bool {
        matches!(
            self,
            Self::Png | Self::Jpeg | Self::Gif | Self::Webp | Self::Mp4 | Self::M4a | Self::Pdf
        )
    }
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
            "" | "application/octet-stream" | "binary/octet-stream" | "application/x-binary" => {
                Self::Nothing
            }
            // "Some image" is not a type; the bytes will say which.
            wildcard if wildcard.ends_with("/*") || !wildcard.contains('/') => Self::Nothing,
            named => MediaType::from_mime(named).map_or(Self::Foreign, Self::Known),
        }
    }
}

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

    /// What can be said before any byte has come.
    pub fn admit_declared(
        &self,
        declared: DeclaredType,
        size_bytes: Option<u64>,
    ) -> Result<(), FailureReason> {
        let kind = match declared {
            DeclaredType::Known(media_type) if self.allows(media_type) => Some(media_type.kind()),
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

    /// What can be said of the first bytes: their type against the declared one.
    /// Gives the type and the most bytes the file may have.
    pub fn admit_detected(
        &self,
        declared: DeclaredType,
        detected: Option<MediaType>,
    ) -> Result<(MediaType, u64), FailureReason> {
        match (declared, detected) {
            // A page or a program that calls itself a picture is a lie, not just a foreign kind.
            (DeclaredType::Known(said), Some(found)) if said.kind() != found.kind() => {
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
    fn detected_wins_within_a_kind_and_is_a_mismatch_across_kinds() {
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
