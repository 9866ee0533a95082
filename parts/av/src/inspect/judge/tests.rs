//! Files made here, each as somebody announces it.

use super::*;
use crate::attachment::file_name::FileName;
use std::io::Cursor;

fn hints(declared: &str, name: &str) -> Hints {
    Hints {
        declared: DeclaredType::of(declared),
        by_name: MediaType::from_file_name(&FileName::new(name)),
        served: None,
        takes_html: false,
        is_whole_by_length: true,
        language: Language::English,
    }
}

fn judged_by(bytes: &[u8], hints: &Hints) -> Judgement {
    judge(Cursor::new(bytes), bytes.len() as u64, hints).unwrap()
}

fn judged(bytes: &[u8], declared: &str, name: &str) -> Judgement {
    judged_by(bytes, &hints(declared, name))
}

/// The type it is found to be.
fn found(bytes: &[u8], declared: &str, name: &str) -> MediaType {
    match judged(bytes, declared, name) {
        Judgement::Found(found) => found.media_type,
        Judgement::Refused(refusal) => panic!("{refusal}"),
    }
}

fn refused(bytes: &[u8], declared: &str, name: &str) -> Refusal {
    match judged(bytes, declared, name) {
        Judgement::Refused(refusal) => refusal,
        Judgement::Found(found) => panic!("{found:?}"),
    }
}

/// The type that a file which is not whole began as.
fn corrupt(bytes: &[u8], declared: &str, name: &str) -> MediaType {
    match refused(bytes, declared, name) {
        Refusal::Corrupt { began_as, .. } => began_as,
        other => panic!("{other}"),
    }
}

#[test]
fn text_is_text_whatever_letters_it_begins_with() {
    let bmi = b"BMI,weight,height\n22.1,64,170\n";
    assert_eq!(found(bmi, "text/csv", "bmi.csv"), MediaType::Csv);
    let note = b"How to check a PDF: the file begins with %PDF-1.7 and ends with a marker.\n";
    assert_eq!(found(note, "text/plain", "note.txt"), MediaType::Txt);
    assert_eq!(found(note, "", "note.txt"), MediaType::Txt);
    let gif = b"GIF89a is a format of 1989 that says how large a picture is.";
    assert_eq!(found(gif, "text/plain", ""), MediaType::Txt);
    for other in [
        &b"MZ begins a program"[..],
        b"RIFFxxxxWAVE is how",
        b"ID3 tags",
    ] {
        assert_eq!(found(other, "text/plain", ""), MediaType::Txt);
    }
    // Called nothing, a note that holds the marker is a PDF that is none.
    assert_eq!(corrupt(note, "", ""), MediaType::Pdf);
    assert_eq!(corrupt(note, "application/pdf", "note.txt"), MediaType::Pdf);
}

#[test]
fn text_of_any_encoding_is_text() {
    let shift_jis = b"\x96\xbc\x91O,\x8b\xe0\x8az\r\n\x93c\x92\x86,1200\r\n";
    assert_eq!(found(shift_jis, "text/csv", "a.csv"), MediaType::Csv);
    let mut utf16 = vec![0xff, 0xfe];
    utf16.extend("สวัสดี notepad\r\n".encode_utf16().flat_map(u16::to_le_bytes));
    assert_eq!(found(&utf16, "text/plain", "a.txt"), MediaType::Txt);
    let log = b"\x1b[32mINFO\x1b[0m started\n";
    assert_eq!(found(log, "text/plain", "a.log"), MediaType::Txt);
}

#[test]
fn what_it_is_called_says_which_text_it_is() {
    let bold = b"<b>Hello</b> and welcome\n";
    assert_eq!(found(bold, "text/plain", "hello-b.txt"), MediaType::Txt);
    let readme = b"<h1 align=\"center\">Project</h1>\n\n# Readme\n";
    assert_eq!(found(readme, "text/markdown", "a.md"), MediaType::Markdown);
    let table = b"name,age\nA,7\n";
    assert_eq!(
        found(table, "application/vnd.ms-excel", "a.csv"),
        MediaType::Csv
    );
    assert_eq!(found(table, "application/vnd.ms-excel", ""), MediaType::Csv);
    assert_eq!(
        found(table, "text/comma-separated-values", ""),
        MediaType::Csv
    );
    let mut served = hints("", "");
    served.served = Some(MediaType::Txt);
    let Judgement::Found(by_provider) = judged_by(table, &served) else {
        panic!("it is served as text");
    };
    assert_eq!(by_provider.media_type, MediaType::Txt);
}

#[test]
fn text_that_nobody_calls_text_is_not_recognised() {
    let error = b"{\"errcode\":40007,\"errmsg\":\"invalid media_id\"}";
    assert_eq!(refused(error, "", ""), Refusal::NotRecognized);
    assert_eq!(refused(error, "image/png", "a.png"), Refusal::NotRecognized);
    assert_eq!(refused(b"a,b\n", "", ""), Refusal::NotRecognized);
    let drawing = b"<?xml version=\"1.0\"?><svg/>";
    assert_eq!(refused(drawing, "", "a.svg"), Refusal::NotRecognized);
    assert_eq!(
        refused(drawing, "application/vnd.ms-excel", ""),
        Refusal::NotRecognized
    );
}

#[test]
fn a_page_is_a_page_unless_it_is_called_text_where_none_is_taken() {
    let page = b"<!DOCTYPE html><html><body><p>report</p></body></html>";
    assert_eq!(found(page, "text/html", "page.html"), MediaType::Html);
    assert_eq!(found(page, "", ""), MediaType::Html);
    assert_eq!(found(page, "image/png", "a.png"), MediaType::Html);
    assert_eq!(found(page, "text/plain", "page.txt"), MediaType::Txt);
    let mut taken = hints("text/plain", "page.txt");
    taken.takes_html = true;
    let is = |bytes: &[u8]| match judged_by(bytes, &taken) {
        Judgement::Found(found) => found.media_type,
        Judgement::Refused(refusal) => panic!("{refusal}"),
    };
    assert_eq!(is(page), MediaType::Html);
    assert_eq!(is(b"<b>Hello</b>"), MediaType::Txt);
}

#[test]
fn binary_behind_a_clean_head_is_no_text() {
    let mut bytes = b"a clean line\n".repeat(1600);
    bytes[20_000] = 0;
    assert_eq!(corrupt(&bytes, "text/plain", "a.txt"), MediaType::Txt);
    let program = [&b"\x7fELF\x02\x01\x01\0"[..], &[1; 200]].concat();
    assert_eq!(
        refused(&program, "text/plain", "a.txt"),
        Refusal::NotListed("application/x-executable".to_owned())
    );
}

/// A PDF of one page.
fn pdf(before: &[u8]) -> Vec<u8> {
    let objects = [
        "1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n",
        "2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n",
        "3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>\nendobj\n",
    ];
    let mut body = "%PDF-1.4\n".to_owned();
    let mut table = "xref\n0 4\n0000000000 65535 f \n".to_owned();
    for object in objects {
        table.push_str(&format!("{:010} 00000 n \n", body.len()));
        body.push_str(object);
    }
    let at = body.len();
    let trailer = format!("trailer\n<</Size 4/Root 1 0 R>>\nstartxref\n{at}\n%%EOF\n");
    [
        before,
        body.as_bytes(),
        table.as_bytes(),
        trailer.as_bytes(),
    ]
    .concat()
}

#[test]
fn a_pdf_may_have_anything_around_it_and_has_to_be_one() {
    assert_eq!(found(&pdf(b""), "application/pdf", "a.pdf"), MediaType::Pdf);
    let zip = pdf(&[&b"PK\x03\x04\x14"[..], &[b'x'; 70]].concat());
    assert_eq!(found(&zip, "application/pdf", "a.pdf"), MediaType::Pdf);
    assert_eq!(found(&zip, "", ""), MediaType::Pdf);
    let zeros = [&pdf(b"")[..], &vec![0; 80_508]].concat();
    assert_eq!(found(&zeros, "application/pdf", ""), MediaType::Pdf);
    let page = b"%PDF-1.4\n<html><script>alert(1)</script></html>\n%%EOF";
    assert_eq!(corrupt(page, "application/pdf", "a.pdf"), MediaType::Pdf);
    let whole = pdf(b"");
    assert_eq!(corrupt(&whole[..whole.len() / 2], "", ""), MediaType::Pdf);
    // Of two that are both broken, the one that it is called is told of.
    let neither = [&b"PK\x03\x04"[..], &whole[..200]].concat();
    assert_eq!(corrupt(&neither, "application/pdf", ""), MediaType::Pdf);
    assert_eq!(corrupt(&neither, "", ""), MediaType::Zip);
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}

/// An archive whose entries are stored as they are.
fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut files, mut lines) = (Vec::new(), Vec::new());
    for (name, content) in entries {
        let size = u32::try_from(content.len()).unwrap().to_le_bytes();
        let named = u16::try_from(name.len()).unwrap().to_le_bytes();
        let at = u32::try_from(files.len()).unwrap().to_le_bytes();
        let crc = crc32(content).to_le_bytes();
        let shared = [
            &b"\x14\0\0\0\0\0\0\0\x21\0"[..],
            &crc,
            &size,
            &size,
            &named,
            &[0, 0],
        ];
        let shared = shared.concat();
        lines.extend(
            [
                &b"PK\x01\x02\x14\0"[..],
                &shared,
                &[0; 10],
                &at,
                name.as_bytes(),
            ]
            .concat(),
        );
        files.extend([&b"PK\x03\x04"[..], &shared, name.as_bytes(), content].concat());
    }
    let count = u16::try_from(entries.len()).unwrap().to_le_bytes();
    let size = u32::try_from(lines.len()).unwrap().to_le_bytes();
    let at = u32::try_from(files.len()).unwrap().to_le_bytes();
    let end = [
        &b"PK\x05\x06\0\0\0\0"[..],
        &count,
        &count,
        &size,
        &at,
        &[0, 0],
    ]
    .concat();
    [files, lines, end].concat()
}

const RELATIONS: &str = "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"r\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument\" Target=\"word/document.xml\"/></Relationships>";
const DOCUMENT: &str = "<w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body><w:p/></w:body></w:document>";

fn content_types(main: &str) -> String {
    format!(
        "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"><Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/><Override PartName=\"/word/document.xml\" ContentType=\"{main}\"/></Types>"
    )
}

const WORD: &str =
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml";

fn docx(main: &str, first: (&str, &[u8])) -> Vec<u8> {
    zip(&[
        first,
        ("word/document.xml", DOCUMENT.as_bytes()),
        ("_rels/.rels", RELATIONS.as_bytes()),
        ("[Content_Types].xml", content_types(main).as_bytes()),
    ])
}

#[test]
fn a_document_is_one_by_its_directory_wherever_its_parts_lie() {
    for first in [
        ("[trash]/0000.dat", &[7; 20_000][..]),
        ("docProps/thumbnail.jpeg", &[0; 17_000]),
    ] {
        let document = docx(WORD, first);
        assert_eq!(found(&document, "", ""), MediaType::Docx);
        assert_eq!(
            found(&document, MediaType::Docx.mime(), "a.docx"),
            MediaType::Docx
        );
        assert_eq!(found(&document, "application/zip", ""), MediaType::Docx);
        let cut = &document[..document.len() - 30];
        assert_eq!(corrupt(cut, "", "a.docx"), MediaType::Docx);
        assert_eq!(corrupt(cut, "application/zip", "a.docx"), MediaType::Zip);
    }
}

#[test]
fn an_archive_that_is_no_document_is_an_archive() {
    let folder = zip(&[("word/list.txt", b"a")]);
    assert_eq!(found(&folder, "", ""), MediaType::Zip);
    assert_eq!(
        found(&folder, MediaType::Docx.mime(), "a.docx"),
        MediaType::Zip
    );
    let macros = WORD.replace(
        "vnd.openxmlformats-officedocument.wordprocessingml.document",
        "vnd.ms-word.document.macroEnabled",
    );
    let macros = docx(&macros, ("a", b""));
    assert!(matches!(
        refused(&macros, "", "a.docx"),
        Refusal::NotListed(_)
    ));
    let mut hollow = b"PK\x03\x04".to_vec();
    hollow.resize(26, 0);
    hollow.extend(b"\x05\0\0\0word/PK\x05\x06");
    hollow.resize(57, 0);
    assert_eq!(
        corrupt(&hollow, MediaType::Docx.mime(), ""),
        MediaType::Docx
    );
    assert_eq!(corrupt(&hollow, "", ""), MediaType::Docx);
}

fn boxed(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len() + 8).unwrap();
    [&size.to_be_bytes()[..], name, content].concat()
}

fn film(brand: &[u8], handler: &[u8]) -> Vec<u8> {
    let hdlr = boxed(b"hdlr", &[&[0; 8][..], handler, &[0; 13]].concat());
    let trak = boxed(b"trak", &boxed(b"mdia", &hdlr));
    let moov = [boxed(b"mvhd", &[0; 100]), trak].concat();
    let ftyp = boxed(b"ftyp", &[brand, b"\0\0\x02\0isommp42"].concat());
    [ftyp, boxed(b"mdat", &[0x21; 400]), boxed(b"moov", &moov)].concat()
}

#[test]
fn a_voice_message_is_no_video_whatever_its_brand_and_its_sender_say() {
    for (brand, declared) in [
        (b"isom", ""),
        (b"isom", "audio/x-m4a"),
        (b"M4A ", "video/mp4"),
        (b"3gp4", "audio/mp4"),
    ] {
        let voice = film(brand, b"soun");
        assert_eq!(
            found(&voice, declared, "a.m4a"),
            MediaType::M4a,
            "{declared}"
        );
    }
    assert_eq!(found(&film(b"iso8", b"vide"), "", ""), MediaType::Mp4);
    assert_eq!(
        found(&film(b"qt  ", b"vide"), "video/mp4", ""),
        MediaType::Mov
    );
    let hollow = [
        boxed(b"ftyp", &[b'i'; 24]),
        boxed(b"moov", b""),
        boxed(b"mdat", b""),
    ];
    assert_eq!(corrupt(&hollow.concat(), "video/mp4", ""), MediaType::Mp4);
    assert_eq!(corrupt(&hollow.concat(), "audio/mp4", ""), MediaType::M4a);
    let cut = &film(b"isom", b"soun")[..300];
    assert_eq!(corrupt(cut, "", "a.m4a"), MediaType::M4a);
}

#[test]
fn sound_is_frames_and_a_tag_alone_is_none() {
    let mut frame = vec![0xff, 0xfa, 0x90, 0x64];
    frame.resize(417, 0);
    assert_eq!(
        found(&frame.repeat(4), "audio/mpeg", "a.mp3"),
        MediaType::Mp3
    );
    assert_eq!(
        found(&[&[0; 99][..], &frame.repeat(4)].concat(), "", ""),
        MediaType::Mp3
    );
    let mut adts = b"\xff\xf1\x50\x80\x19\x1f\xfc".to_vec();
    adts.resize(200, 0x21);
    let tag = b"ID3\x03\0\0\0\0\0\0";
    let tagged = [&tag[..], &adts.repeat(4)].concat();
    assert_eq!(found(&tagged, "audio/mpeg", "a.mp3"), MediaType::Aac);
    assert_eq!(corrupt(tag, "audio/mpeg", "a.mp3"), MediaType::Mp3);
}

#[test]
fn a_picture_is_its_bytes_and_no_more_pixels_than_are_taken() {
    for (bytes, began_as) in [
        (&b"\xff\xd8\xff\xd9"[..], MediaType::Jpeg),
        (b"GIF89a\x01\0\x01\0\0\0\0", MediaType::Gif),
        (b"RIFF\x04\0\0\0WEBP", MediaType::Webp),
    ] {
        assert_eq!(corrupt(bytes, "image/heic", "a.heic"), began_as);
    }
    let chunk = |name: &[u8; 4], content: &[u8]| {
        let size = u32::try_from(content.len()).unwrap().to_be_bytes();
        let crc = crc32(&[name, content].concat()).to_be_bytes();
        [&size[..], name, content, &crc].concat()
    };
    let png = |side: u32, data: &[u8]| {
        let side = side.to_be_bytes();
        let head = [&side[..], &side, &[8, 0, 0, 0, 0]].concat();
        let parts = [chunk(b"IHDR", &head), data.to_vec(), chunk(b"IEND", b"")];
        [&b"\x89PNG\r\n\x1a\n"[..], &parts.concat()].concat()
    };
    // One grey pixel, in a stored block of zlib.
    let data = chunk(b"IDAT", b"\x78\x01\x01\x02\0\xfd\xff\0\x80\0\x82\0\x81");
    let dot = png(1, &data);
    assert_eq!(found(&dot, "image/apng", "a.png"), MediaType::Png);
    assert_eq!(corrupt(&png(1, b""), "image/png", ""), MediaType::Png);
    assert_eq!(
        corrupt(&dot[..dot.len() - 13], "image/png", ""),
        MediaType::Png
    );
    let huge = refused(&png(i32::MAX.unsigned_abs(), &data), "image/png", "");
    assert!(matches!(huge, Refusal::TooManyPixels { .. }), "{huge}");
}

#[test]
fn what_is_known_and_not_taken_is_named() {
    let of = |bytes: &[u8]| {
        let bytes = [bytes, &[1; 200]].concat();
        refused(&bytes, "", "").to_string()
    };
    assert_eq!(of(b"Rar!\x1a\x07\x01\0"), "application/vnd.rar");
    assert_eq!(
        of(b"7z\xbc\xaf\x27\x1c\0\x04"),
        "application/x-7z-compressed"
    );
    assert_eq!(of(b"BM\x36\x01\0\0\0\0\0\0\x36\0\0\0"), "image/bmp");
    assert_eq!(of(b"\0\x01\x02\x03"), "of no kind that is known");
    assert_eq!(refused(b"", "", ""), Refusal::NotRecognized);
}

/// A file of this many bytes, which are its head and then zeros.
struct Sparse {
    head: &'static [u8],
    len: u64,
    at: u64,
}

impl Read for Sparse {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        for byte in &mut *into {
            let at = usize::try_from(self.at).unwrap();
            *byte = self.head.get(at).copied().unwrap_or(0);
            self.at += 1;
        }
        Ok(into.len())
    }
}

impl Seek for Sparse {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::End(_) | SeekFrom::Current(_) => self.len,
        };
        Ok(self.at)
    }
}

#[test]
fn what_is_too_large_for_memory_is_not_read_into_it() {
    let len = MOST_IN_MEMORY + 1;
    for (head, began_as) in [
        (&b"%PDF-1.7\n\0"[..], MediaType::Pdf),
        (b"\xff\xd8\xff\xe0", MediaType::Jpeg),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", MediaType::Doc),
    ] {
        let file = Sparse { head, len, at: 0 };
        let judgement = judge(file, len, &hints("", "")).unwrap();
        let too_large = Refusal::TooLarge {
            began_as,
            bytes: len,
        };
        assert_eq!(judgement, Judgement::Refused(too_large));
    }
}

#[test]
fn a_file_that_cannot_be_read_is_not_judged() {
    for head in [&b"%PDF-1.7\n"[..], b"\0\0\0\x18ftypisom\0\0\0\0"] {
        let longer = head.len() as u64 + 50;
        assert!(judge(Cursor::new(head), longer, &hints("", "")).is_err());
    }
}

#[test]
fn no_flip_and_no_cut_makes_it_panic() {
    for file in [film(b"isom", b"soun"), pdf(b"junk"), zip(&[("a", b"b")])] {
        for at in 0..file.len() {
            for value in [0, 0x7f, 0xff] {
                let mut flipped = file.clone();
                flipped[at] = value;
                judged(&flipped, "text/plain", "a.txt");
            }
            judged(&file[..at], "", "");
        }
    }
}

#[test]
fn a_judgement_survives_being_written_down() {
    for judgement in [
        judged(&film(b"isom", b"soun"), "", ""),
        judged(b"", "", ""),
        judged(b"%PDF-1.7 cut", "", ""),
    ] {
        let written = serde_json::to_string(&judgement).unwrap();
        assert_eq!(
            serde_json::from_str::<Judgement>(&written).unwrap(),
            judgement
        );
    }
}

#[test]
fn binary_that_only_its_provider_calls_text_is_not_recognised() {
    let mut served = hints("", "");
    served.served = Some(MediaType::Txt);
    let judgement = judged_by(&[1; 100], &served);
    assert_eq!(judgement, Judgement::Refused(Refusal::NotRecognized));
    assert_eq!(corrupt(&[1; 100], "text/plain", ""), MediaType::Txt);
}
