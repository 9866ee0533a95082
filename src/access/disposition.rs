//! What a browser is told to do with a file (RFC 6266, RFC 8187).

use crate::attachment::file_name::FileName;
use crate::attachment::media::MediaType;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but `attr-char` (RFC 8187, 3.2.1).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// What a browser does with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Show it.
    Inline,
    /// Save it.
    Attachment,
}

impl Disposition {
    /// What is asked for, as far as it is safe: only types that no browser
    /// runs anything in may be shown.
    #[must_use]
    pub fn permitted(asked: Option<Self>, media_type: MediaType) -> Self {
        match asked {
            Some(Self::Inline) | None if media_type.is_safe_inline() => Self::Inline,
            Some(Self::Inline | Self::Attachment) | None => Self::Attachment,
        }
    }

    /// The header's value: a plain name for old readers, the true one beside it.
    #[must_use]
    pub fn header(self, name: &FileName, media_type: MediaType) -> String {
        let kind = match self {
            Self::Inline => "inline",
            Self::Attachment => "attachment",
        };
        let name = display_name(name, media_type);
        let plain: String = name
            .chars()
            .map(|c| match c {
                '"' | '\\' | '%' | '/' => '_',
                ' '..='~' => c,
                _ => '_',
            })
            .collect();
        let mut header = format!("{kind}; filename=\"{plain}\"");
        if plain != name {
            header.push_str("; filename*=UTF-8''");
            header.extend(utf8_percent_encode(&name, ESCAPED));
        }
        header
    }
}

/// The last component of the name, with an extension that tells the truth:
/// a file saved as `photo.exe` would be run, whatever it was detected to be.
fn display_name(name: &FileName, media_type: MediaType) -> String {
    let base = name.as_str().rsplit(['/', '\\']).next().unwrap_or_default();
    let base = if base.is_empty() { "attachment" } else { base };
    if MediaType::from_file_name(name) == Some(media_type) {
        base.to_owned()
    } else {
        format!("{base}.{}", media_type.extension())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, media_type: MediaType) -> String {
        Disposition::Attachment.header(&FileName::new(name), media_type)
    }

    #[test]
    fn only_safe_types_are_shown() {
        let inline = Some(Disposition::Inline);
        assert_eq!(
            Disposition::permitted(inline, MediaType::Png),
            Disposition::Inline
        );
        assert_eq!(
            Disposition::permitted(None, MediaType::Pdf),
            Disposition::Inline
        );
        assert_eq!(
            Disposition::permitted(inline, MediaType::Html),
            Disposition::Attachment
        );
        assert_eq!(
            Disposition::permitted(inline, MediaType::Csv),
            Disposition::Attachment
        );
        let saved = Some(Disposition::Attachment);
        assert_eq!(
            Disposition::permitted(saved, MediaType::Png),
            Disposition::Attachment
        );
    }

    #[test]
    fn names_stay_within_the_header() {
        let cases = [
            ("report.pdf", "attachment; filename=\"report.pdf\""),
            ("", "attachment; filename=\"attachment.pdf\""),
            ("run.exe", "attachment; filename=\"run.exe.pdf\""),
            (
                "../a\".pdf",
                "attachment; filename=\"a_.pdf\"; filename*=UTF-8''a%22.pdf",
            ),
            (
                "a\r\nSet-Cookie: x.pdf",
                "attachment; filename=\"aSet-Cookie: x.pdf\"",
            ),
            (
                "ก.pdf",
                "attachment; filename=\"_.pdf\"; filename*=UTF-8''%E0%B8%81.pdf",
            ),
        ];
        for (name, expected) in cases {
            assert_eq!(header(name, MediaType::Pdf), expected, "{name:?}");
        }
    }
}
