//! Which Office document a zip archive is, told by the names of its parts
//! (ECMA-376, part 2). Each office suite and each library has an order
//! of its own, so a part is looked for wherever it stands in the head.

use crate::attachment::media::MediaType;

/// Begins each file of an archive; its name comes later.
const ENTRY: &[u8] = b"PK\x03\x04";
/// Where the length of the name stands, and the name.
const NAME_LENGTH: usize = 26;
const NAME: usize = 30;

/// What packages have beside the document: one of these, or a part of the
/// document, comes first in the archive.
const PACKAGE: &[&[u8]] = &[
    b"[Content_Types].xml",
    b"_rels/",
    b"docProps/",
    b"customXml/",
];

/// The document in this archive, if its head shows one.
pub(super) fn document(head: &[u8]) -> Option<MediaType> {
    if !head.starts_with(ENTRY) {
        return None;
    }
    let first = names(head).next()?;
    let is_package = PACKAGE.iter().any(|name| first.starts_with(name));
    if !is_package && part(first).is_none() {
        return None;
    }
    names(head).find_map(part)
}

/// Whose part this is.
fn part(name: &[u8]) -> Option<MediaType> {
    [
        (&b"word/"[..], MediaType::Docx),
        (b"xl/", MediaType::Xlsx),
        (b"ppt/", MediaType::Pptx),
    ]
    .into_iter()
    .find(|(folder, _)| name.starts_with(folder))
    .map(|(_, document)| document)
}

/// The names that lie whole in the head.
fn names(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let entries = head.windows(ENTRY.len()).enumerate();
    entries
        .filter(|(_, window)| *window == ENTRY)
        .filter_map(|(at, _)| {
            let length = head.get(at + NAME_LENGTH..at + NAME_LENGTH + 2)?;
            let length = usize::from(u16::from_le_bytes(length.try_into().ok()?));
            head.get(at + NAME..at + NAME + length)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(names: &[&str]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for name in names {
            bytes.extend(ENTRY);
            bytes.resize(bytes.len() + NAME_LENGTH - ENTRY.len(), 0);
            bytes.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
            bytes.extend([0, 0]);
            bytes.extend(name.as_bytes());
            bytes.extend(b"some content");
        }
        bytes
    }

    #[test]
    fn documents_are_known_in_whatever_order_their_parts_stand() {
        for (names, document) in [
            // Word, with what it cannot do without.
            (
                &["[Content_Types].xml", "_rels/.rels", "word/document.xml"][..],
                MediaType::Docx,
            ),
            // python-docx.
            (
                &[
                    "[Content_Types].xml",
                    "_rels/.rels",
                    "docProps/core.xml",
                    "docProps/app.xml",
                    "word/document.xml",
                ],
                MediaType::Docx,
            ),
            // LibreOffice.
            (
                &[
                    "_rels/.rels",
                    "docProps/core.xml",
                    "docProps/app.xml",
                    "word/_rels/document.xml.rels",
                    "[Content_Types].xml",
                ],
                MediaType::Docx,
            ),
            // openpyxl.
            (
                &["docProps/app.xml", "docProps/core.xml", "xl/workbook.xml"],
                MediaType::Xlsx,
            ),
            (
                &["[Content_Types].xml", "_rels/.rels", "ppt/presentation.xml"],
                MediaType::Pptx,
            ),
        ] {
            assert_eq!(
                super::document(&archive(names)),
                Some(document),
                "{names:?}"
            );
        }
    }

    #[test]
    fn an_archive_is_no_document_because_of_a_folder_in_it() {
        for names in [
            &["readme.txt", "word/document.xml"][..],
            &["[Content_Types].xml", "docs/a.xml"],
            &["META-INF/MANIFEST.MF"],
            &[],
        ] {
            assert_eq!(document(&archive(names)), None, "{names:?}");
        }
        assert_eq!(document(b"word/"), None);
    }
}
