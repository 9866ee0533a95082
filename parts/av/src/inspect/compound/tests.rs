use super::*;
use crate::inspect::extracted::PartKind;

const SECTOR: usize = 512;
const FREE: u32 = 0xffff_ffff;
const LAST: u32 = 0xffff_fffe;
const TABLE: u32 = 0xffff_fffd;

/// A compound file of these streams, its directory at the beginning or the
/// end. Streams of less than 4,096 bytes lie in small sectors.
fn compound(streams: &[(&str, &[u8])], directory_first: bool) -> Vec<u8> {
    let mut sectors: Vec<u8> = Vec::new();
    let mut next: Vec<u32> = Vec::new();
    let mut small: Vec<u8> = Vec::new();
    let mut next_small: Vec<u32> = Vec::new();
    let directory_sectors = (streams.len() + 1).div_ceil(4);
    let add = |sectors: &mut Vec<u8>, next: &mut Vec<u32>, size: usize, bytes: &[u8]| {
        let start = u32::try_from(next.len()).unwrap();
        let count = bytes.len().div_ceil(size);
        (1..count).for_each(|number| next.push(start + u32::try_from(number).unwrap()));
        if count > 0 {
            next.push(LAST);
        }
        sectors.extend(bytes);
        sectors.resize(next.len() * size, 0);
        if count > 0 { start } else { LAST }
    };
    let place = vec![0; directory_sectors * SECTOR];
    let mut directory_at = LAST;
    if directory_first {
        directory_at = add(&mut sectors, &mut next, SECTOR, &place);
    }
    let mut entries = Vec::new();
    for (name, bytes) in streams {
        let start = if bytes.len() < 4_096 {
            add(&mut small, &mut next_small, 64, bytes)
        } else {
            add(&mut sectors, &mut next, SECTOR, bytes)
        };
        entries.push((*name, 2_u8, start, bytes.len()));
    }
    let small_at = add(&mut sectors, &mut next, SECTOR, &small);
    entries.insert(0, ("Root Entry", 5, small_at, small.len()));
    let bytes_of =
        |numbers: &[u32]| -> Vec<u8> { numbers.iter().flat_map(|one| one.to_le_bytes()).collect() };
    let mut table_small = bytes_of(&next_small);
    table_small.resize(table_small.len().next_multiple_of(SECTOR), 0xff);
    let table_small_at = add(&mut sectors, &mut next, SECTOR, &table_small);
    if !directory_first {
        directory_at = add(&mut sectors, &mut next, SECTOR, &place);
    }
    let table_at = next.len();
    let table_sectors = (table_at + 2).div_ceil(128);
    next.extend(vec![TABLE; table_sectors]);
    let mut table = bytes_of(&next);
    table.resize(table_sectors * SECTOR, 0xff);
    let directory: Vec<u8> = entries
        .iter()
        .enumerate()
        .flat_map(|(number, entry)| directory_entry(number, entry, streams.len()))
        .collect();
    let from = usize::try_from(directory_at).unwrap() * SECTOR;
    sectors[from..from + directory.len()].copy_from_slice(&directory);
    let mut file = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
    file.resize(24, 0);
    file.extend([0x3e, 0, 3, 0, 0xfe, 0xff, 9, 0, 6, 0]);
    file.resize(44, 0);
    let number = |value: usize| u32::try_from(value).unwrap();
    let header = [
        number(table_sectors),
        directory_at,
        0,
        4_096,
        table_small_at,
        1,
        LAST,
        0,
    ];
    file.extend(bytes_of(&header));
    file.extend((0..table_sectors).flat_map(|place| number(table_at + place).to_le_bytes()));
    file.resize(SECTOR, 0xff);
    [file, sectors, table].concat()
}

/// Streams are a chain of right siblings, which is a tree.
fn directory_entry(number: usize, entry: &(&str, u8, u32, usize), streams: usize) -> Vec<u8> {
    let (name, kind, start, size) = entry;
    let mut bytes: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let name_bytes = u16::try_from(bytes.len() + 2).unwrap();
    bytes.resize(64, 0);
    bytes.extend(name_bytes.to_le_bytes());
    bytes.extend([*kind, 1]);
    bytes.extend(FREE.to_le_bytes());
    let sibling = if number > 0 && number < streams {
        u32::try_from(number + 1).unwrap()
    } else {
        FREE
    };
    bytes.extend(sibling.to_le_bytes());
    bytes.extend(if number == 0 { 1 } else { FREE }.to_le_bytes());
    bytes.resize(116, 0);
    bytes.extend(start.to_le_bytes());
    bytes.extend((*size as u64).to_le_bytes());
    bytes
}

/// A document of these texts (body, footnotes, headers, text boxes), of
/// which letters of the body may be hidden or deleted.
fn doc(texts: [&str; 4], hidden: Option<(usize, usize, u16)>) -> Vec<u8> {
    let mut document = vec![0; 0x600];
    document[..2].copy_from_slice(&0xa5ec_u16.to_le_bytes());
    document[11] = 0x02;
    let mut pieces: Vec<u8> = Vec::new();
    let mut bounds: Vec<u8> = 0_u32.to_le_bytes().to_vec();
    let mut letters = 0_u32;
    // The pieces lie backwards in the file.
    let mut places = [0_u32; 4];
    for (number, text) in texts.iter().enumerate().rev() {
        places[number] = u32::try_from(document.len()).unwrap();
        document.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    }
    for (number, text) in texts.iter().enumerate() {
        let length = u32::try_from(text.encode_utf16().count()).unwrap();
        let said_at = [0x4c, 0x50, 0x54, 0x64][number];
        document[said_at..said_at + 4].copy_from_slice(&length.to_le_bytes());
        letters += length;
        bounds.extend(letters.to_le_bytes());
        pieces.extend([0; 2]);
        pieces.extend(places[number].to_le_bytes());
        pieces.extend([0; 2]);
    }
    let mut table = vec![1, 2, 0, 9, 9, 2];
    table.extend(
        u32::try_from(bounds.len() + pieces.len())
            .unwrap()
            .to_le_bytes(),
    );
    table.extend([bounds, pieces].concat());
    document[0x1a6..0x1aa].copy_from_slice(&u32::try_from(table.len()).unwrap().to_le_bytes());
    if let Some((from, to, property)) = hidden {
        document.resize(document.len().next_multiple_of(512), 0);
        let page = u32::try_from(document.len() / 512).unwrap();
        let at = |letter: usize| places[0] + 2 * u32::try_from(letter).unwrap();
        let mut list: Vec<u8> = [at(from), at(to)]
            .iter()
            .flat_map(|one| one.to_le_bytes())
            .collect();
        list.push(100);
        list.resize(200, 0);
        list.extend([6, 0x43, 0x4a, 24, 0]);
        list[200] = 7;
        list.extend(property.to_le_bytes());
        list.push(1);
        list.resize(511, 0);
        list.push(1);
        document.extend(list);
        let listed = [0_u32, 0xffff, page];
        document[0xfa..0xfe].copy_from_slice(&u32::try_from(table.len()).unwrap().to_le_bytes());
        document[0xfe..0x102].copy_from_slice(&12_u32.to_le_bytes());
        table.extend(listed.iter().flat_map(|one| one.to_le_bytes()));
    }
    document.resize(document.len().max(4_096), 0);
    compound(&[("WordDocument", &document), ("1Table", &table)], true)
}

fn record(kind: u16, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap();
    [&kind.to_le_bytes(), &length.to_le_bytes(), content].concat()
}

fn cell(row: u16, column: u16, format: u16, value: &[u8]) -> Vec<u8> {
    let place = [row, column, format].map(u16::to_le_bytes).concat();
    [&place, value].concat()
}

/// A workbook of one visible sheet of these records, and a hidden one.
fn workbook(cells: &[u8]) -> Vec<u8> {
    let begin = |kind: u8| record(0x0809, &[0, 6, kind, 0, 0, 0, 0, 0]);
    let listed = |at: usize, state: u8, name: &str| {
        let mut content = u32::try_from(at).unwrap().to_le_bytes().to_vec();
        content.extend([
            state,
            0,
            u8::try_from(name.encode_utf16().count()).unwrap(),
            1,
        ]);
        content.extend(name.encode_utf16().flat_map(u16::to_le_bytes));
        record(0x0085, &content)
    };
    let mut strings = [2_u32, 2].map(u32::to_le_bytes).concat();
    strings.extend(b"\x03\0\0R&D\x06\0\0par");
    let common = [
        begin(5),
        record(0x041e, b"\xa4\0\x05\0\0d mmm"),
        record(0x00e0, &[0; 20]),
        record(0x00e0, &[0, 0, 0xa4, 0, 0, 0]),
        record(0x00fc, &strings),
        record(0x003c, b"\x01t\0 \0\x01\x0e"),
    ]
    .concat();
    let all = |at: usize| {
        let lists = [listed(at, 0, "ชีต"), listed(at, 1, "b")].concat();
        [common.clone(), lists, record(0x000a, &[])].concat()
    };
    let at = all(0).len();
    [all(at), begin(0x10), cells.to_vec(), record(0x000a, &[])].concat()
}

fn xls(cells: &[u8]) -> Vec<u8> {
    compound(&[("Workbook", &workbook(cells))], false)
}

fn cells() -> Vec<u8> {
    let note = [0_u8, 0, 18, 0, 0x19, 0, 1, 0];
    let boxed = [0_u8, 0, 18, 0, 0x06, 0, 1, 0];
    let text = |letters: u8| record(0x01b6, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, letters, 0, 0, 0]);
    let mut hidden_row = [0; 16];
    hidden_row[..2].copy_from_slice(&9_u16.to_le_bytes());
    hidden_row[12] = 0x20;
    [
        record(0x0208, &hidden_row),
        record(0x00fd, &cell(0, 0, 0, &0_u32.to_le_bytes())),
        record(0x00fd, &cell(0, 1, 0, &1_u32.to_le_bytes())),
        record(0x0203, &cell(1, 0, 1, &45_352_f64.to_le_bytes())),
        record(0x027e, &cell(1, 2, 0, &(1_250_u32 << 2 | 3).to_le_bytes())),
        record(
            0x00bd,
            &[2, 0, 0, 0, 0, 0, 0x06, 0, 0, 0, 0, 0, 0x0a, 0, 0, 0, 1, 0],
        ),
        record(0x0205, &cell(3, 0, 0, &[1, 0])),
        record(0x0205, &cell(3, 1, 0, &[0x2a, 1])),
        record(
            0x0006,
            &cell(4, 0, 0, &[0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0]),
        ),
        record(0x0207, b"\x02\0\0ok"),
        record(0x0203, &cell(9, 0, 0, &77_f64.to_le_bytes())),
        record(0x001c, &[0; 8]),
        record(0x005d, &note),
        text(6),
        record(0x003c, b"\0remark"),
        record(0x005d, &boxed),
        text(3),
        record(0x003c, b"\0box"),
    ]
    .concat()
}

fn texts(media_type: MediaType, bytes: &[u8]) -> Vec<(String, String)> {
    let extracted = extract(media_type, bytes, 1 << 20);
    extracted
        .parts
        .into_iter()
        .map(|part| (part.name, part.text))
        .collect()
}

fn told(name: &str, text: &str) -> (String, String) {
    (name.to_owned(), text.to_owned())
}

#[test]
fn a_document_is_told_by_its_piece_table() {
    let bytes = doc(["R&D ราคา 😀\rtwo\r", "note\r", "head\r", "box\r"], None);
    assert_eq!(check(&bytes).unwrap().media_type, MediaType::Doc);
    let read = [
        told("", "R&D ราคา 😀\ntwo"),
        told("footnotes", "note"),
        told("header", "head"),
        told("text boxes", "box"),
    ];
    assert_eq!(texts(MediaType::Doc, &bytes), read);
    let extracted = extract(MediaType::Doc, &bytes, 5);
    assert_eq!(extracted.processed, Processed::Partial);
    assert_eq!(extracted.parts[0].text, "R&D ");
    assert_eq!(extracted.parts[0].kind, PartKind::Section);
}

#[test]
fn fields_show_what_they_come_to_and_tables_are_rows() {
    let body = "see \u{13} HYPERLINK \"x\" \u{14}here\u{15}\u{5}\ra\u{7}b\u{7}\u{7}c\u{7}d\u{7}\u{7}e\u{1e}f\u{1f}g\r";
    let bytes = doc([body, "", "", ""], None);
    assert_eq!(
        texts(MediaType::Doc, &bytes),
        [told("", "see here\na\tb\nc\td\ne-fg")]
    );
    assert_eq!(extract(MediaType::Doc, &bytes, 100).hidden.comments, 1);
}

#[test]
fn hidden_letters_are_counted_and_deleted_ones_gone() {
    let hidden = doc(["one two three\r", "", "", ""], Some((4, 8, 0x083c)));
    let extracted = extract(MediaType::Doc, &hidden, 100);
    assert_eq!(extracted.parts[0].text, "one three");
    assert_eq!(extracted.hidden.characters, 4);
    let deleted = doc(["one two three\r", "", "", ""], Some((4, 8, 0x0800)));
    let extracted = extract(MediaType::Doc, &deleted, 100);
    assert_eq!(extracted.parts[0].text, "one three");
    assert_eq!(extracted.hidden.characters, 0);
}

#[test]
fn a_workbook_is_told_record_by_record() {
    let bytes = xls(&cells());
    assert_eq!(check(&bytes).unwrap().media_type, MediaType::Xls);
    let read = "R&D\tpart ก\n2024-03-01\t\t12.5\n1\t2\nTRUE\t#N/A\nok\nbox";
    assert_eq!(texts(MediaType::Xls, &bytes), [told("ชีต", read)]);
    let extracted = extract(MediaType::Xls, &bytes, 1_000);
    assert_eq!(extracted.processed, Processed::Success);
    assert_eq!(extracted.hidden.sheets, 1);
    assert_eq!(
        (extracted.hidden.comments, extracted.hidden.characters),
        (1, 2)
    );
}

#[test]
fn two_cells_far_apart_cost_two_cells() {
    let far = [
        record(0x0203, &cell(0, 0, 0, &1_f64.to_le_bytes())),
        record(0x0203, &cell(u16::MAX, 255, 0, &2_f64.to_le_bytes())),
    ];
    let read = texts(MediaType::Xls, &xls(&far.concat()));
    assert!(read[0].1.len() < 50);
}

#[test]
fn the_directory_decides_wherever_it_lies() {
    let stream = workbook(&cells());
    let large = [stream.clone(), vec![0; 40_000]].concat();
    for directory_first in [true, false] {
        for bytes in [&stream, &large] {
            let file = compound(&[("a", b"x"), ("Workbook", bytes)], directory_first);
            assert_eq!(check(&file).unwrap().media_type, MediaType::Xls);
        }
    }
    let other = |name: &str| check(&compound(&[(name, b"x")], true));
    for name in ["EncryptedPackage", "PowerPoint Document", "Anything"] {
        assert!(matches!(other(name), Err(Flaw::NotListed(_))), "{name}");
    }
    assert!(matches!(other("Workbook"), Err(Flaw::Corrupt { .. })));
    assert!(matches!(other("WordDocument"), Err(Flaw::Corrupt { .. })));
}

#[test]
fn a_password_is_noted_and_nothing_read() {
    let encrypted = |bytes: &[u8]| {
        check(bytes).unwrap().facts
            == Facts::Document(DocumentFacts {
                encrypted: true,
                charset: None,
            })
    };
    let mut globals = workbook(&[]);
    globals.splice(12..12, record(0x002f, &[0; 6]));
    let locked = compound(&[("Workbook", &globals)], true);
    assert!(encrypted(&locked));
    let skipped = Processed::Skipped(ProcessingError::Encrypted);
    assert_eq!(extract(MediaType::Xls, &locked, 100).processed, skipped);
    let mut document = vec![0; 0x600];
    document[..2].copy_from_slice(&0xa5ec_u16.to_le_bytes());
    document[11] = 0x03;
    let locked = compound(&[("WordDocument", &document), ("1Table", b"x")], true);
    assert!(encrypted(&locked));
    assert_eq!(extract(MediaType::Doc, &locked, 100).processed, skipped);
}

#[test]
fn chains_that_loop_or_lead_out_are_refused() {
    let stream = vec![7; 8_192];
    let whole = compound(&[("Workbook", &stream)], true);
    let table_at = whole.len() - SECTOR;
    for wrong in [1_u32, 0, 9_999, FREE] {
        for sector in 0..whole.len() / SECTOR - 2 {
            let mut broken = whole.clone();
            broken[table_at + 4 * sector..table_at + 4 * sector + 4]
                .copy_from_slice(&wrong.to_le_bytes());
            let _ = check(&broken);
            let _ = extract(MediaType::Xls, &broken, 100);
        }
    }
    let shared = compound(&[("a", &stream), ("b", &stream)], true);
    let mut broken = shared.clone();
    // Both entries lead to the first one's sectors, and claim more than there are.
    for entry in [1, 2] {
        let at = SECTOR + entry * 128;
        broken[at + 116..at + 120].copy_from_slice(&1_u32.to_le_bytes());
        broken[at + 120..at + 124].copy_from_slice(&15_872_u32.to_le_bytes());
    }
    assert!(check(&broken).is_err());
}

#[test]
fn every_cut_is_refused_and_no_flip_makes_it_panic() {
    let document = doc(["R&D\rtwo\r", "note\r", "", "box\r"], Some((0, 3, 0x083c)));
    for (media_type, whole) in [(MediaType::Doc, document), (MediaType::Xls, xls(&cells()))] {
        assert!(check(&whole).is_ok());
        for at in (0..whole.len()).step_by(7) {
            assert!(check(&whole[..at]).is_err(), "{media_type:?} cut at {at}");
            let _ = extract(media_type, &whole[..at], 1_000);
        }
        for at in 0..whole.len() {
            for bits in [0x01, 0x80, 0xff] {
                let mut flipped = whole.clone();
                flipped[at] ^= bits;
                let _ = check(&flipped);
                let _ = extract(media_type, &flipped, 1_000);
            }
        }
    }
}
