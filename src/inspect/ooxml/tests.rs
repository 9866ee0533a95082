//! Documents that the tests write themselves, whole, cut and changed.

use super::*;

const TYPES: &str = r#"<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.KIND.main+xml"/></Types>"#;
const RELATIONS: &str = r#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>"#;
const BODY: &str = r#"<?xml version="1.0"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>R&amp;D bud</w:t></w:r><w:r><w:t>get</w:t></w:r></w:p><w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>unseen</w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p><w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc></w:tr></w:tbl></w:body></w:document>"#;

/// A zip archive of these files, stored as they are.
fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, text) in files {
        let at = u32::try_from(bytes.len()).unwrap();
        let size = u32::try_from(text.len()).unwrap().to_le_bytes();
        let length = u16::try_from(name.len()).unwrap().to_le_bytes();
        let checksum = crc32fast::hash(text.as_bytes()).to_le_bytes();
        let common = [
            &[20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0x5a][..],
            &checksum,
            &size,
            &size,
            &length,
            &[0, 0],
        ]
        .concat();
        bytes.extend(
            [
                b"PK\x03\x04",
                common.as_slice(),
                name.as_bytes(),
                text.as_bytes(),
            ]
            .concat(),
        );
        let rest = [&[0; 10][..], &at.to_le_bytes()].concat();
        let entry = [
            b"PK\x01\x02\x14\0",
            common.as_slice(),
            &rest,
            name.as_bytes(),
        ]
        .concat();
        directory.extend(entry);
    }
    let count = u16::try_from(files.len()).unwrap().to_le_bytes();
    let at = u32::try_from(bytes.len()).unwrap().to_le_bytes();
    let size = u32::try_from(directory.len()).unwrap().to_le_bytes();
    bytes.extend(directory);
    bytes.extend(
        [
            b"PK\x05\x06\0\0\0\0",
            &count[..],
            &count,
            &size,
            &at,
            &[0, 0],
        ]
        .concat(),
    );
    bytes
}

fn document(kind: &str) -> Vec<u8> {
    let types = TYPES.replace("KIND", kind);
    archive(&[
        ("[Content_Types].xml", &types),
        ("_rels/.rels", RELATIONS),
        ("word/document.xml", BODY),
    ])
}

#[test]
fn a_document_is_one_by_its_content_types() {
    let found = check(&document("document")).unwrap();
    assert_eq!(found.media_type, MediaType::Docx);
    let macros = document("document.macroEnabled");
    assert!(check(&macros).is_err());
    let plain = archive(&[("word/", ""), ("notes.txt", "hello")]);
    assert_eq!(check(&plain).unwrap().media_type, MediaType::Zip);
}

#[test]
fn a_document_that_is_cut_or_changed_is_refused() {
    let whole = document("document");
    for length in (0..whole.len()).step_by(17) {
        assert!(check(&whole[..length]).is_err(), "{length}");
    }
    for at in (0..whole.len()).step_by(5) {
        let mut changed = whole.clone();
        changed[at] ^= 0x11;
        let _ = check(&changed);
        let _ = extract(MediaType::Docx, &changed, 1_000);
    }
    // What its checksum does not fit is broken, wherever.
    let body = whole
        .windows(6)
        .position(|it| it == b"budget")
        .unwrap_or(whole.windows(3).position(|it| it == b"bud").unwrap());
    let mut changed = whole.clone();
    changed[body] = b'B';
    assert!(check(&changed).is_err());
}

#[test]
fn a_document_reads_as_a_person_reads_it() {
    let extracted = extract(MediaType::Docx, &document("document"), 10_000);
    assert_eq!(extracted.processed, Processed::Success);
    let text: String = extracted
        .parts
        .iter()
        .map(|part| part.text.as_str())
        .collect();
    assert!(text.contains("R&D budget"), "{text:?}");
    assert!(text.contains("a\tb"), "{text:?}");
    for unseen in ["unseen", "gone"] {
        assert!(!text.contains(unseen), "{text:?}");
    }
    assert!(extracted.hidden.characters >= 6);
    let short = extract(MediaType::Docx, &document("document"), 5);
    assert_eq!(short.processed, Processed::Partial);
}
