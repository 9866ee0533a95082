//! What kinds of files there are.
//!
//! One table of types; everything else about media derives from it. The
//! detected type decides and is the one that is stored and served.

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
    pub(super) const fn may_turn_out_as(self) -> &'static [Self] {
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
    pub(super) const fn family(self) -> Family {
        match self.kind() {
            MediaKind::Image => Family::Pictures,
            MediaKind::Audio | MediaKind::Video => Family::Recordings,
            MediaKind::Document | MediaKind::Other => Family::Papers,
        }
    }
}

/// Types that are taken for each other without anybody lying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
