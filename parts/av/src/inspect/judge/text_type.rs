//! Which kind of text a text is.

use super::Hints;
use crate::attachment::media::{DeclaredType, MediaType};
use crate::inspect::recognize::Recognized;

/// What the file is called: by its sender, by its name, by its provider.
pub(super) fn names(hints: &Hints) -> impl Iterator<Item = MediaType> + use<> {
    let declared = match hints.declared {
        DeclaredType::Known(media_type) => Some(media_type),
        DeclaredType::Nothing | DeclaredType::Foreign => None,
    };
    [declared, hints.by_name, hints.served]
        .into_iter()
        .flatten()
}

/// The kind of text that it is called, if anybody calls it text.
pub(super) fn called(hints: &Hints) -> Option<MediaType> {
    names(hints).find(|media_type| media_type.is_text())
}

/// The kind of text that it is; nothing where nobody calls it text.
///
/// What also begins as another format, and is not whole as one, is text only if
/// that is the first thing it is called: a broken PDF is no note about PDFs.
pub(super) fn choose(
    recognized: &Recognized,
    head: &[u8],
    hints: &Hints,
    begins_as_nothing_else: bool,
) -> Option<MediaType> {
    let called = if begins_as_nothing_else {
        called(hints)
    } else {
        names(hints)
            .next()
            .filter(|media_type| media_type.is_text())
    };
    match called {
        // What is called .txt and begins with a tag is text, unless pages are
        // taken and it is one.
        Some(MediaType::Txt) if recognized.is_page && hints.takes_html => Some(MediaType::Html),
        Some(media_type) => Some(media_type),
        None if !begins_as_nothing_else => None,
        None if recognized.is_page => Some(MediaType::Html),
        // Windows calls a table so that Excel opens.
        None if hints.declared == DeclaredType::Known(MediaType::Xls) => {
            let begins_with_tag = head.trim_ascii_start().starts_with(b"<");
            (!begins_with_tag).then_some(MediaType::Csv)
        }
        None => None,
    }
}
