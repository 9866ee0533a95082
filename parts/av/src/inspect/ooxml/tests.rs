use super::*;
use crate::inspect::extracted::PartKind;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use std::io::Write as _;

/// What a test puts into an archive.
#[derive(Clone)]
struct Put {
    name: String,
    content: Vec<u8>,
    packed: Option<Vec<u8>>,
    flags: u16,
}

fn put(name: &str, content: impl AsRef<[u8]>) -> Put {
    Put {
        name: name.to_owned(),
        content: content.as_ref().to_vec(),
        packed: None,
        flags: 0,
    }
}

/// Packs what would be large.
fn deflated(name: &str, content: &[u8]) -> Put {
    let mut packer = DeflateEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(content).unwrap();
    let packed = packer.finish().unwrap();
    Put {
        packed: Some(packed),
        ..put(name, content)
    }
}

fn zip(entries: &[Put]) -> Vec<u8> {
    let mut archive = Vec::new();
    let mut directory = Vec::new();
    for entry in entries {
        let at = u32::try_from(archive.len()).unwrap();
        let data = entry.packed.as_deref().unwrap_or(&entry.content);
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_le_bytes();
        let mut fields = vec![20, 0];
        fields.extend(entry.flags.to_le_bytes());
        fields.extend(if entry.packed.is_some() {
            [8, 0]
        } else {
            [0, 0]
        });
        fields.extend([0; 4]);
        fields.extend(crc32fast::hash(&entry.content).to_le_bytes());
        fields.extend(length(data));
        fields.extend(length(&entry.content));
        fields.extend(u16::try_from(entry.name.len()).unwrap().to_le_bytes());
        fields.extend([0; 2]);
        archive.extend(b"PK\x03\x04");
        archive.extend(&fields);
        archive.extend(entry.name.as_bytes());
        archive.extend(data);
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(&fields);
        directory.extend([0; 10]);
        directory.extend(at.to_le_bytes());
        directory.extend(entry.name.as_bytes());
    }
    let at = u32::try_from(archive.len()).unwrap();
    let count = u16::try_from(entries.len()).unwrap().to_le_bytes();
    archive.extend(&directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend([count, count].concat());
    archive.extend(u32::try_from(directory.len()).unwrap().to_le_bytes());
    archive.extend(at.to_le_bytes());
    archive.extend([0; 2]);
    archive
}

const RELATIONSHIP: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

fn relationships(part: &str, targets: &[(&str, &str)]) -> Put {
    let listed: String = targets
        .iter()
        .enumerate()
        .map(|(number, (kind, target))| {
            format!("<Relationship Id='r{number}' Type='{RELATIONSHIP}/{kind}' Target='{target}'/>")
        })
        .collect();
    let (folder, file) = part.rsplit_once('/').unwrap_or(("", part));
    let folder = if folder.is_empty() {
        String::new()
    } else {
        format!("{folder}/")
    };
    put(
        &format!("{folder}_rels/{file}.rels"),
        format!("<Relationships>{listed}</Relationships>"),
    )
}

fn types(overrides: &[(&str, &str)]) -> Put {
    let listed: String = overrides
        .iter()
        .map(|(part, kind)| format!("<Override PartName='/{part}' ContentType='{kind}'/>"))
        .collect();
    put(
        "[Content_Types].xml",
        format!("<Types><Default Extension='xml' ContentType='application/xml'/>{listed}</Types>"),
    )
}

const FAMILY: &str = "application/vnd.openxmlformats-officedocument";

fn family(kind: &str) -> String {
    format!("{FAMILY}.{kind}+xml")
}

/// A document with this body and these parts beside it: kind, name, markup.
fn docx_with(body: &str, beside: &[(&str, &str, &str)]) -> Vec<Put> {
    let related: Vec<(&str, &str)> = beside
        .iter()
        .map(|(kind, name, _)| (*kind, *name))
        .collect();
    let mut entries = vec![
        types(&[(
            "word/document.xml",
            &family("wordprocessingml.document.main"),
        )]),
        relationships("", &[("officeDocument", "word/document.xml")]),
        put(
            "word/document.xml",
            format!("<w:document><w:body>{body}</w:body></w:document>"),
        ),
        relationships("word/document.xml", &related),
    ];
    let parts = beside.iter();
    entries.extend(parts.map(|(_, name, markup)| put(&format!("word/{name}"), markup)));
    entries
}

fn paragraph(text: &str) -> String {
    format!("<w:p><w:r><w:t>{text}</w:t></w:r></w:p>")
}

fn docx() -> Vec<Put> {
    docx_with(&paragraph("R&amp;D"), &[])
}

/// A workbook of these sheets: name, state, what is in its rows.
fn xlsx(sheets: &[(&str, &str, &str)]) -> Vec<Put> {
    let listed: String = sheets
        .iter()
        .enumerate()
        .map(|(number, (name, state, _))| {
            format!("<sheet name='{name}' sheetId='1' state='{state}' r:id='r{number}'/>")
        })
        .collect();
    let names: Vec<String> = (0..sheets.len())
        .map(|number| format!("worksheets/s{number}.xml"))
        .collect();
    let mut related: Vec<(&str, &str)> = names
        .iter()
        .map(|name| ("worksheet", name.as_str()))
        .collect();
    related.push(("sharedStrings", "sharedStrings.xml"));
    let mut entries = vec![
        types(&[
            ("xl/workbook.xml", &family("spreadsheetml.sheet.main")),
            (
                "xl/sharedStrings.xml",
                &family("spreadsheetml.sharedStrings"),
            ),
        ]),
        relationships("", &[("officeDocument", "xl/workbook.xml")]),
        put(
            "xl/workbook.xml",
            format!("<workbook><sheets>{listed}</sheets></workbook>"),
        ),
        relationships("xl/workbook.xml", &related),
        put("xl/sharedStrings.xml", "<sst><si><t>shared</t></si></sst>"),
    ];
    for (name, (_, _, rows)) in names.iter().zip(sheets) {
        let markup = format!("<worksheet><sheetData>{rows}</sheetData></worksheet>");
        entries.push(put(&format!("xl/{name}"), markup));
    }
    entries
}

/// A presentation whose list names these slides, in this order, by their
/// place in the files: (place, markup).
fn pptx(order: &[usize], slides: &[&str]) -> Vec<Put> {
    let list: String = order
        .iter()
        .map(|place| format!("<p:sldId id='256' r:id='r{place}'/>"))
        .collect();
    let names: Vec<String> = (0..slides.len())
        .map(|place| format!("slides/slide{place}.xml"))
        .collect();
    let related: Vec<(&str, &str)> = names.iter().map(|name| ("slide", name.as_str())).collect();
    let mut entries = vec![
        types(&[(
            "ppt/presentation.xml",
            &family("presentationml.presentation.main"),
        )]),
        relationships("", &[("officeDocument", "ppt/presentation.xml")]),
        put(
            "ppt/presentation.xml",
            format!("<p:presentation><p:sldIdLst>{list}</p:sldIdLst></p:presentation>"),
        ),
        relationships("ppt/presentation.xml", &related),
    ];
    for (name, markup) in names.iter().zip(slides) {
        entries.push(put(&format!("ppt/{name}"), markup));
    }
    entries
}

fn media_type(entries: &[Put]) -> Result<MediaType, Flaw> {
    check(&zip(entries)).map(|found| found.media_type)
}

fn is_corrupt(entries: &[Put]) -> bool {
    matches!(media_type(entries), Err(Flaw::Corrupt { .. }))
}

fn is_not_listed(entries: &[Put]) -> bool {
    matches!(media_type(entries), Err(Flaw::NotListed(_)))
}

fn texts(media_type: MediaType, entries: &[Put]) -> Vec<(u32, String, String)> {
    let parts = extract(media_type, &zip(entries), 1 << 20).parts;
    parts
        .into_iter()
        .map(|part| (part.number, part.name, part.text))
        .collect()
}

fn told(number: u32, name: &str, text: &str) -> (u32, String, String) {
    (number, name.to_owned(), text.to_owned())
}

#[test]
fn content_types_decide_and_the_order_of_entries_does_not() {
    let workbook = xlsx(&[("a", "visible", "")]);
    let presentation = pptx(&[], &[]);
    for (entries, wanted) in [
        (docx(), MediaType::Docx),
        (workbook, MediaType::Xlsx),
        (presentation, MediaType::Pptx),
    ] {
        assert_eq!(media_type(&entries), Ok(wanted));
        let backwards: Vec<Put> = entries.iter().rev().cloned().collect();
        assert_eq!(media_type(&backwards), Ok(wanted));
        let mut behind = vec![put("docProps/thumbnail.jpeg", vec![7; 20_000])];
        behind.extend(entries);
        assert_eq!(media_type(&behind), Ok(wanted));
    }
    let template = types(&[(
        "word/document.xml",
        &family("wordprocessingml.template.main"),
    )]);
    let mut entries = docx();
    entries[0] = template;
    assert_eq!(media_type(&entries), Ok(MediaType::Docx));
}

#[test]
fn other_archives_are_archives() {
    assert_eq!(media_type(&[put("word/list.txt", "x")]), Ok(MediaType::Zip));
    assert_eq!(
        media_type(&[put("a", "x"), put("A", "y"), put("b/", "")]),
        Ok(MediaType::Zip)
    );
    assert_eq!(media_type(&[]), Ok(MediaType::Zip));
    let drawing = [types(&[(
        "visio/document.xml",
        "application/vnd.ms-visio.drawing.main+xml",
    )])];
    assert_eq!(media_type(&drawing), Ok(MediaType::Zip));
    assert!(is_corrupt(&[put("a", "x"), put("a", "y")]));
    let mut secret = put("a", "x");
    secret.flags = 1;
    assert!(is_not_listed(&[secret]));
}

#[test]
fn what_runs_is_not_listed() {
    for (part, kind) in [
        (
            "xl/workbook.xml",
            "application/vnd.ms-excel.sheet.macroEnabled.main+xml",
        ),
        (
            "xl/workbook.bin",
            "application/vnd.ms-excel.sheet.binary.macroEnabled.main",
        ),
        (
            "word/document.xml",
            "application/vnd.ms-word.template.macroEnabledTemplate.main+xml",
        ),
        (
            "ppt/presentation.xml",
            "application/vnd.ms-powerpoint.slideshow.macroEnabled.main+xml",
        ),
    ] {
        // Nothing else in it has to be sound.
        let entries = [
            types(&[(part, kind)]),
            put("_rels/.rels", "junk"),
            put(part, "junk"),
        ];
        assert!(is_not_listed(&entries), "{kind}");
    }
    let mut smuggled = docx();
    smuggled.push(put("word/vbaProject.bin", "x"));
    assert!(is_not_listed(&smuggled));
    let mut sheet = xlsx(&[("a", "visible", "")]);
    sheet[0] = types(&[
        ("xl/workbook.xml", &family("spreadsheetml.sheet.main")),
        (
            "xl/worksheets/s0.xml",
            "application/vnd.ms-excel.macrosheet+xml",
        ),
    ]);
    assert!(is_not_listed(&sheet));
}

#[test]
fn names_that_mislead_are_refused() {
    for name in ["../a", "word/../../a", "word\\..\\a"] {
        let mut entries = docx();
        entries.push(put(name, "x"));
        assert!(is_corrupt(&entries), "{name}");
    }
    let mut twice = docx();
    twice.push(put("WORD\\document.xml", "<a/>"));
    assert!(is_corrupt(&twice));
    let two_names = zip(&docx());
    let name = b"word/document.xml";
    let at = two_names
        .windows(name.len())
        .position(|window| window == name)
        .unwrap();
    let mut two_names = two_names;
    two_names[at] = b'v';
    assert!(check(&two_names).is_err());
}

#[test]
fn an_archive_begins_at_the_beginning_and_ends_anywhere() {
    let document = zip(&docx());
    let other = zip(&[put("a", "x")]);
    let behind = |tail: &[u8]| check(&[&document, tail].concat()).map(|found| found.media_type);
    assert_eq!(behind(&[0; 70_000]), Ok(MediaType::Docx));
    assert!(behind(&other).is_err());
    for before in [b"GIF89a".as_slice(), b"%PDF-1.7\n", b"\0", &other] {
        assert!(check(&[before, &document].concat()).is_err());
    }
    // A header of its own, and an end that counts none.
    let empty = b"PK\x03\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x05\0\0\0word/\
                  PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    assert!(matches!(check(empty), Err(Flaw::Corrupt { .. })));
}

#[test]
fn two_entries_over_the_same_bytes_are_refused() {
    let mut archive = zip(&[put("a", "x"), put("b", "x")]);
    // The second record of the directory leads to the first entry.
    let second = archive.len() - 22 - 47;
    archive[second + 42..second + 46].fill(0);
    archive[second + 46] = b'a';
    assert_eq!(
        check(&archive),
        Err(Flaw::corrupt(0, "two entries over the same bytes"))
    );
}

#[test]
fn bombs_do_not_go_off() {
    let many = |count: usize| -> Vec<Put> {
        let empty = (0..count).map(|number| put(&format!("word/{number}.bin"), ""));
        docx().into_iter().chain(empty).collect()
    };
    assert_eq!(media_type(&many(2_000 - 4)), Ok(MediaType::Docx));
    assert!(is_corrupt(&many(2_001 - 4)));
    // Half zeros and half noise, so that the ratio alone does not tell.
    let mut content = vec![0; 101 << 20];
    let noise = (0..content.len()).step_by(997);
    noise.for_each(|at| content[at] = u8::try_from(at % 251).unwrap());
    let large = deflated("word/a.bin", &content);
    let with = |entries: &[Put]| -> Vec<Put> {
        docx().into_iter().chain(entries.iter().cloned()).collect()
    };
    let told = media_type(&with(&[large])).unwrap_err();
    assert!(told.to_string().contains("unpacks to more"), "{told}");
    content.truncate(70 << 20);
    let third = deflated("word/a.bin", &content);
    let named = |name: &str| Put {
        name: name.to_owned(),
        ..third.clone()
    };
    assert_eq!(
        media_type(&with(&[named("a"), named("b")])),
        Ok(MediaType::Docx)
    );
    assert!(is_corrupt(&with(&[named("a"), named("b"), named("c")])));
    let tight = deflated("word/a.bin", &vec![0; 11 << 20]);
    assert!(tight.packed.as_ref().unwrap().len() > 1_000);
    let told = media_type(&with(&[tight]));
    assert!(told.is_ok() || told.unwrap_err().to_string().contains("unpacks"));
}

#[test]
fn markup_that_could_grow_or_is_not_whole_is_refused() {
    let entities = "<!DOCTYPE a [<!ENTITY e 'eeee'>]><a>&e;</a>";
    for place in [
        "word/document.xml",
        "word/styles.xml",
        "customXml/item1.xml",
    ] {
        let mut entries = docx();
        entries.retain(|entry| entry.name != place);
        entries.push(put(place, entities));
        assert!(is_corrupt(&entries), "{place}");
    }
    for sound in ["xl/workbook.xml", "xl/sharedStrings.xml"] {
        let mut entries = xlsx(&[("a", "visible", "")]);
        for entry in entries.iter_mut().filter(|entry| entry.name == sound) {
            entry.content.truncate(entry.content.len() - 3);
        }
        assert!(is_corrupt(&entries), "{sound}");
    }
    let deep = format!("{}{}", "<a>".repeat(300), "</a>".repeat(300));
    assert!(is_corrupt(&docx_with(&deep, &[])));
    let mut headless = docx();
    headless.remove(2);
    assert!(is_corrupt(&headless));
    // Nobody reads it, so nobody minds.
    let mut odd = docx();
    odd.push(put("word/theme.xml", "<a><b></a>"));
    assert_eq!(media_type(&odd), Ok(MediaType::Docx));
}

#[test]
fn a_document_is_its_body_what_is_around_it_and_its_notes() {
    let markup = |text: &str| format!("<w:hdr>{}</w:hdr>", paragraph(text));
    let styles = "<w:styles><w:style w:styleId='A'><w:rPr><w:vanish/></w:rPr></w:style>\
                  <w:style w:styleId='B'><w:basedOn w:val='A'/></w:style></w:styles>";
    let body = paragraph("R&amp;D")
        + "<w:p><w:r><w:rPr><w:rStyle w:val='B'/></w:rPr><w:t>hidden</w:t></w:r></w:p>";
    let beside = [
        ("footnotes", "footnotes.xml", &*markup("note")),
        ("footer", "footer1.xml", &markup("foot")),
        ("header", "header2.xml", &markup("head")),
        ("header", "header1.xml", &markup(" ")),
        (
            "comments",
            "comments.xml",
            "<w:comments><w:comment/><w:comment/></w:comments>",
        ),
        ("styles", "styles.xml", styles),
        (
            "chart",
            "chart1.xml",
            "<c:chart><a:p><a:r><a:t>chart</a:t></a:r></a:p></c:chart>",
        ),
    ];
    let entries = docx_with(&body, &beside);
    let read = [
        told(1, "", "R&D\n\n\nchart"),
        told(2, "header", "head"),
        told(3, "footer", "foot"),
        told(4, "footnotes", "note"),
    ];
    assert_eq!(texts(MediaType::Docx, &entries), read);
    let extracted = extract(MediaType::Docx, &zip(&entries), 1_000);
    assert_eq!(extracted.processed, Processed::Success);
    assert_eq!(extracted.method, "ooxml");
    assert_eq!(
        (extracted.hidden.characters, extracted.hidden.comments),
        (6, 2)
    );
    assert_eq!(extracted.coverage.units_total, 4);
}

#[test]
fn slides_come_in_the_order_of_the_list() {
    let slide = |text: &str| {
        format!(
            "<p:sld><p:sp><p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp></p:sld>"
        )
    };
    let slides: Vec<String> = (0..12)
        .map(|number| slide(&format!("text {number}")))
        .collect();
    let mut slides: Vec<&str> = slides.iter().map(String::as_str).collect();
    let hidden = slide("hidden").replace("<p:sld>", "<p:sld show='0'>");
    slides[3] = &hidden;
    let order = [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0];
    let mut entries = pptx(&order, &slides);
    entries.push(relationships(
        "ppt/slides/slide11.xml",
        &[("notesSlide", "../notes/n.xml")],
    ));
    entries.push(put("ppt/notes/n.xml", slide("say hello")));
    let read = texts(MediaType::Pptx, &entries);
    assert_eq!(
        read[..3],
        [
            told(1, "", "text 11"),
            told(1, "notes", "say hello"),
            told(2, "", "text 10"),
        ]
    );
    assert_eq!(read.last(), Some(&told(12, "", "text 0")));
    let extracted = extract(MediaType::Pptx, &zip(&entries), 1_000);
    assert_eq!(extracted.hidden.slides, 1);
    assert_eq!(extracted.coverage.units_total, 11);
    assert_eq!(extracted.processed, Processed::Success);
    assert!(
        extracted
            .parts
            .iter()
            .all(|part| part.kind == PartKind::Slide)
    );
}

#[test]
fn a_slide_that_is_missing_or_a_picture_makes_it_partial() {
    let words = "<p:sld><a:p><a:r><a:t>words</a:t></a:r></a:p></p:sld>";
    let picture = "<p:sld><p:pic><a:blip r:embed='r1'/></p:pic></p:sld>";
    let processed = |entries: &[Put]| extract(MediaType::Pptx, &zip(entries), 1_000).processed;
    assert_eq!(processed(&pptx(&[0], &[words])), Processed::Success);
    assert_eq!(processed(&pptx(&[0, 7], &[words])), Processed::Partial);
    assert_eq!(
        processed(&pptx(&[0, 1], &[words, picture])),
        Processed::Partial
    );
    let scanned = Processed::Skipped(ProcessingError::Scanned);
    assert_eq!(processed(&pptx(&[0], &[picture])), scanned);
}

#[test]
fn a_workbook_is_its_visible_sheets() {
    let cell = "<row r='1'><c t='s'><v>0</v></c><c><v>2</v></c></row>";
    let sheets = [
        ("ยอดขาย", "visible", cell),
        ("b", "veryHidden", cell),
        ("c", "visible", ""),
    ];
    let entries = xlsx(&sheets);
    assert_eq!(
        texts(MediaType::Xlsx, &entries),
        [told(1, "ยอดขาย", "shared\t2")]
    );
    let extracted = extract(MediaType::Xlsx, &zip(&entries), 1_000);
    assert_eq!(extracted.processed, Processed::Success);
    assert_eq!(extracted.hidden.sheets, 1);
    assert_eq!(
        (
            extracted.coverage.units_total,
            extracted.coverage.units_with_text
        ),
        (2, 1)
    );
    let cut = extract(MediaType::Xlsx, &zip(&entries), 3);
    assert_eq!(cut.processed, Processed::Partial);
    assert_eq!(cut.coverage.truncated_at_unit, Some(1));
    assert_eq!(cut.parts[0].text, "sha");
}

#[test]
fn a_text_that_cannot_be_read_is_no_verdict() {
    let mut lost = xlsx(&[("a", "visible", "")]);
    lost.retain(|entry| !entry.name.ends_with("s0.xml"));
    assert_eq!(media_type(&lost), Ok(MediaType::Xlsx));
    let failed = Processed::Failed(ProcessingError::ExtractorFailed);
    assert_eq!(extract(MediaType::Xlsx, &zip(&lost), 100).processed, failed);
    assert_eq!(extract(MediaType::Docx, b"PK", 100).processed, failed);
}

#[test]
fn every_cut_is_refused_and_a_flip_is_refused_or_changes_nothing() {
    let sheets = xlsx(&[("a", "visible", "<row><c><v>1</v></c></row>")]);
    let slides = pptx(
        &[0],
        &["<p:sld><a:p><a:r><a:t>words</a:t></a:r></a:p></p:sld>"],
    );
    for (media_type, mut entries) in [
        (MediaType::Docx, docx()),
        (MediaType::Xlsx, sheets),
        (MediaType::Pptx, slides),
    ] {
        for entry in entries.iter_mut().step_by(2) {
            *entry = deflated(&entry.name, &entry.content);
        }
        let whole = zip(&entries);
        let text = extract(media_type, &whole, 1_000);
        assert_eq!(text.processed, Processed::Success);
        for at in 0..whole.len() {
            assert!(check(&whole[..at]).is_err(), "{media_type:?} cut at {at}");
            for bit in [0x01, 0x10, 0x80] {
                let mut flipped = whole.clone();
                flipped[at] ^= bit;
                let read = extract(media_type, &flipped, 1_000);
                if check(&flipped).is_ok_and(|found| found.media_type == media_type) {
                    assert_eq!(read, text, "{media_type:?} flipped at {at}");
                }
            }
        }
    }
}
