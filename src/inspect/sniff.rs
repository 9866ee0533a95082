//! Telling a type by the first bytes.

use super::{Expectation, ooxml};
use crate::attachment::media::{DeclaredType, MediaType};

/// The type the head shows, if it shows one that we know.
pub(super) fn detect(head: &[u8], expectation: &Expectation) -> Option<MediaType> {
    if let Some(document) = ooxml::document(head) {
        return Some(document);
    }
    match infer::get(head) {
        Some(found) => MediaType::from_mime(found.mime_type()).map(|found| match found {
            // Recorders write sound under the brands of video: the
            // container is the same, and only the sender says what is in it.
            MediaType::Mp4 if declared_type(expectation) == Some(MediaType::M4a) => MediaType::M4a,
            other => other,
        }),
        None if is_text(head) => text_type(expectation),
        None => None,
    }
}

/// Text has no magic number: it is text of a kind only where somebody says
/// so. Without that, a provider's JSON error would pass for a document.
fn text_type(expectation: &Expectation) -> Option<MediaType> {
    [
        declared_type(expectation),
        MediaType::from_file_name(&expectation.file_name),
        MediaType::from_mime(&expectation.served_content_type),
    ]
    .into_iter()
    .flatten()
    .find(|media_type| media_type.is_text())
}

fn declared_type(expectation: &Expectation) -> Option<MediaType> {
    match expectation.declared {
        DeclaredType::Known(media_type) => Some(media_type),
        DeclaredType::Nothing | DeclaredType::Foreign => None,
    }
}

/// UTF-8 without the control characters that no text holds. The head may end
/// within a character.
fn is_text(head: &[u8]) -> bool {
    let text = match str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.is_empty()
        && !text
            .chars()
            .any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\x0c'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attachment::file_name::FileName;

    fn expected(declared: &str, name: &str, served: &str) -> Expectation {
        Expectation {
            declared: DeclaredType::of(declared),
            declared_size_bytes: None,
            file_name: FileName::new(name),
            served_content_type: served.to_owned(),
            served_length: None,
            says_its_end: true,
        }
    }

    #[test]
    fn magic_numbers_win_over_every_claim() {
        let jpeg = [0xff, 0xd8, 0xff, 0xe0, 0, 16, b'J', b'F', b'I', b'F'];
        let claims_png = expected("image/png", "a.txt", "text/plain");
        assert_eq!(detect(&jpeg, &claims_png), Some(MediaType::Jpeg));
        let m4a = b"\0\0\0\x20ftypM4A \0\0\0\0";
        assert_eq!(detect(m4a, &expected("", "", "")), Some(MediaType::M4a));
        let film = b"\0\0\0\x1cftypM4V \0\0\x02\0";
        assert_eq!(detect(film, &expected("", "", "")), Some(MediaType::Mp4));
        let recording = b"\0\0\0\x18ftypmp42\0\0\0\0isommp42";
        let sound = expected("audio/x-m4a", "", "");
        assert_eq!(detect(recording, &sound), Some(MediaType::M4a));
        let silent = expected("", "", "");
        assert_eq!(detect(recording, &silent), Some(MediaType::Mp4));
    }

    #[test]
    fn text_is_what_somebody_calls_it_and_nothing_otherwise() {
        let text = "name,age\nสมชาย,7\n".as_bytes();
        assert_eq!(
            detect(text, &expected("text/csv", "", "")),
            Some(MediaType::Csv)
        );
        assert_eq!(
            detect(text, &expected("", "list.csv", "")),
            Some(MediaType::Csv)
        );
        assert_eq!(
            detect(text, &expected("", "", "text/plain; charset=utf-8")),
            Some(MediaType::Txt)
        );
        assert_eq!(
            detect(
                b"{\"errcode\":40007}",
                &expected("", "", "application/json")
            ),
            None
        );
        assert_eq!(
            detect(b"MZ\x90\0\x03", &expected("text/plain", "a.txt", "")),
            None
        );
    }

    #[test]
    fn a_head_that_ends_within_a_character_is_still_text() {
        let text = "สมชาย".as_bytes();
        assert!(is_text(&text[..text.len() - 1]));
        assert!(!is_text(b"\xff\xfe"));
    }
}
