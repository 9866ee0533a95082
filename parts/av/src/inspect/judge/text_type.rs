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

/// The kind of text that it is; nothing where it is none, or where nobody calls
/// it text: else a provider's JSON error would pass for a document.
///
/// What also begins as another format, and is not whole as one, is text only if
/// that is the first thing it is called: a broken PDF is no note about PDFs.
/// What no text begins as is read as one where it is called so, for the sake of
/// an answer that says where it ceases to be text.
pub(super) fn choose(recognized: &Recognized, head: &[u8], hints: &Hints) -> Option<MediaType> {
    if recognized.formats().next().is_some() {
        let first = names(hints).next().filter(|name| name.is_text());
        return first.filter(|_| recognized.may_be_text);
    }
    if recognized.foreign.is_some() {
        return None;
    }
    // Providers serve as text what they know nothing of.
    let is_so_by_its_sender =
        |name: &MediaType| recognized.may_be_text || Some(*name) != hints.served;
    match called(hints).filter(is_so_by_its_sender) {
        // What is called .txt and begins with a tag is text, unless pages are
        // taken and it is one.
        Some(MediaType::Txt) if recognized.is_page && hints.takes_html => Some(MediaType::Html),
        Some(media_type) => Some(media_type),
        None if recognized.is_page => Some(MediaType::Html),
        None if recognized.may_be_text && is_called_workbook(hints) => {
            let begins_with_tag = head.trim_ascii_start().starts_with(b"<");
            (!begins_with_tag).then_some(MediaType::Csv)
        }
        None => None,
    }
}

/// Windows calls a table so where Excel is what opens it.
fn is_called_workbook(hints: &Hints) -> bool {
    hints.declared == DeclaredType::Known(MediaType::Xls)
}
