use super::*;
use crate::attachment::extracted::PartKind;
use std::io::{Cursor, Write as _};
use workbook_bytes::{bound_sheet, label, number, record, sheet, string, workbook};

/// A compound file of these streams; a path's storages are made on the way.
fn file(streams: &[(&str, &[u8])]) -> Vec<u8> {
    let mut file =
        cfb::CompoundFile::create_with_version(cfb::Version::V3, Cursor::new(Vec::new())).unwrap();
    for (path, bytes) in streams {
        let path = std::path::Path::new("/").join(path);
        file.create_storage_all(path.parent().unwrap()).unwrap();
        let mut stream = file.create_stream(path).unwrap();
        stream.write_all(bytes).unwrap();
    }
    file.flush().unwrap();
    file.into_inner().into_inner()
}

/// The two streams of a document: its stories' lengths, and its characters, a
/// byte each up to a place and two bytes from there on.
fn document(stories: [u32; 8], narrow: &str, wide: &str, flags: u16) -> [Vec<u8>; 2] {
    let mut stream = vec![0; 1_024];
    let mut put = |at: usize, bytes: &[u8]| stream[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &[0xec, 0xa5, 0xc1, 0]);
    put(10, &flags.to_le_bytes());
    for (place, length) in stories.iter().enumerate() {
        put(76 + 4 * place, &length.to_le_bytes());
    }
    let (ends_narrow, ends) = (size(narrow), size(narrow) + size(wide));
    let mut table = vec![2, 28, 0, 0, 0];
    for end in [0, ends_narrow, ends] {
        table.extend(end.to_le_bytes());
    }
    for place in [0x4000_0000 | 2_048, 1_024 + ends_narrow] {
        table.extend([0; 2]);
        table.extend(place.to_le_bytes());
        table.extend([0; 2]);
    }
    // The piece table, and where the formats of characters are: on page 1,
    // which hides the first of them.
    put(154 + 8 * 33, &0_u32.to_le_bytes());
    put(154 + 8 * 33 + 4, &size_of_all(&table).to_le_bytes());
    put(154 + 8 * 12, &size_of_all(&table).to_le_bytes());
    put(154 + 8 * 12 + 4, &12_u32.to_le_bytes());
    for number in [1_024_u32, 1_025, 1] {
        table.extend(number.to_le_bytes());
    }
    put(512, &1_024_u32.to_le_bytes());
    put(516, &1_025_u32.to_le_bytes());
    put(520, &[100]);
    put(512 + 200, &[3, 0x3c, 0x08, 1]);
    put(1_023, &[1]);
    stream.extend(
        narrow
            .chars()
            .map(|letter| u8::try_from(u32::from(letter)).unwrap()),
    );
    stream.extend(wide.encode_utf16().flat_map(u16::to_le_bytes));
    stream.resize(6_000, 0);
    [stream, table]
}

fn size(text: &str) -> u32 {
    u32::try_from(text.encode_utf16().count()).unwrap()
}

fn size_of_all(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap()
}

fn doc(flags: u16) -> Vec<u8> {
    // The first character is hidden. The body goes on in the second piece.
    let body = "?Price \u{13}LINK x\u{14}now\u{15}: caf\u{e9}\r";
    let wide = "ราคา\r note\u{2}1\rhead\u{1}er\rboxed\r";
    let stories = [size(body) + 5, 8, 8, 0, 0, 0, 6, 0];
    let [stream, table] = document(stories, body, wide, flags);
    file(&[
        ("WordDocument", &stream),
        ("1Table", &table),
        ("\u{5}SummaryInformation", &[7; 500]),
    ])
}

/// Bytes of workbooks, record by record.
mod workbook_bytes {
    pub(super) fn record(kind: u16, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap();
        [&kind.to_le_bytes(), &length.to_le_bytes(), content].concat()
    }

    pub(super) fn string(text: &str) -> Vec<u8> {
        let units: Vec<u16> = text.encode_utf16().collect();
        let length = u16::try_from(units.len()).unwrap();
        let letters = units.iter().flat_map(|unit| unit.to_le_bytes());
        length
            .to_le_bytes()
            .into_iter()
            .chain([1])
            .chain(letters)
            .collect()
    }

    fn cell(kind: u16, place: [u16; 3], value: &[u8]) -> Vec<u8> {
        let mut content: Vec<u8> = place.iter().flat_map(|part| part.to_le_bytes()).collect();
        content.extend(value);
        record(kind, &content)
    }

    /// A cell of the string of this number, at this row and column.
    pub(super) fn label(row: u16, column: u16, shared: u32) -> Vec<u8> {
        cell(0x00fd, [row, column, 0], &shared.to_le_bytes())
    }

    /// A cell of any other kind, in this format.
    pub(super) fn number(kind: u16, place: [u16; 3], value: &[u8]) -> Vec<u8> {
        cell(kind, place, value)
    }

    pub(super) fn sheet(records: &[Vec<u8>]) -> Vec<u8> {
        [bof(0x10), records.concat(), record(0x0a, &[])].concat()
    }

    fn bof(of: u16) -> Vec<u8> {
        let [low, high] = of.to_le_bytes();
        record(
            0x0809,
            &[0, 6, low, high, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        )
    }

    pub(super) fn bound_sheet(at: u32, name: &str, state: u8, of: u8) -> Vec<u8> {
        let mut content = at.to_le_bytes().to_vec();
        content.extend([state, of, u8::try_from(name.len()).unwrap(), 0]);
        content.extend(name.bytes());
        record(0x0085, &content)
    }

    /// A workbook's stream of these records of its own and these sheets.
    pub(super) fn workbook(own: &[u8], sheets: &[(&str, u8, Vec<u8>)]) -> Vec<u8> {
        let list = |at: &[u32]| {
            let listed = at.iter().zip(sheets);
            listed
                .flat_map(|(at, (name, state, _))| bound_sheet(*at, name, *state, 0))
                .collect::<Vec<u8>>()
        };
        let begin = [bof(5), own.to_vec()].concat();
        let mut at = u32::try_from(begin.len() + list(&vec![0; sheets.len()]).len() + 4).unwrap();
        let mut places = Vec::new();
        for (_, _, sheet) in sheets {
            places.push(at);
            at += u32::try_from(sheet.len()).unwrap();
        }
        let mut stream = [begin, list(&places), record(0x0a, &[])].concat();
        for (_, _, sheet) in sheets {
            stream.extend(sheet);
        }
        stream
    }
}

/// What a workbook's cells refer to: two strings, the second of which goes on
/// in another record, and a format of dates.
fn values() -> Vec<u8> {
    let mut table = [2_u32.to_le_bytes(), 2_u32.to_le_bytes()].concat();
    table.extend(string("名前"));
    table.extend(b"\x06\0\0abc");
    let mut format = 164_u16.to_le_bytes().to_vec();
    format.extend(string("d mmm yyyy"));
    let dates = [&[0, 0], &164_u16.to_le_bytes()[..], &[0; 16]].concat();
    [
        record(0x041e, &format),
        record(0x00e0, &[0; 20]),
        record(0x00e0, &dates),
        record(0x00fc, &table),
        record(0x003c, b"\x01d\0\x01\x0e\x02\x0e"),
    ]
    .concat()
}

fn cells() -> Vec<u8> {
    let mut hidden = vec![0; 16];
    (hidden[0], hidden[12]) = (5, 0x20);
    let columns = [3_u8, 0, 3, 0, 0, 0, 0, 0, 1, 0];
    let to_string = [0, 0, 0, 0, 0, 0, 0xff, 0xff];
    let truth = [1, 0, 1, 0, 0, 0, 0xff, 0xff];
    let mut box_of_text = vec![0; 18];
    box_of_text[10] = 3;
    sheet(&[
        record(0x007d, &columns),
        record(0x0208, &hidden),
        label(0, 0, 0),
        label(0, 1, 1),
        label(0, 3, 1),
        number(0x0203, [1, 0, 1], &45_352_f64.to_le_bytes()),
        number(0x027e, [1, 1, 0], &0x004b_5647_u32.to_le_bytes()),
        number(0x00bd, [2, 0, 0], b"\0\0\xf0\x3f\0\0\0\0\xf0\x3f\x01\0"),
        number(0x0205, [3, 0, 0], &[0x2a, 1]),
        number(0x0006, [3, 1, 0], &to_string),
        record(0x0207, &string("made")),
        number(0x0006, [3, 2, 0], &truth),
        number(0x0204, [4, 0, 0], &string("old")),
        label(5, 0, 0),
        record(0x001c, &[0; 8]),
        record(0x005d, &[0x15, 0, 0x12, 0, 6, 0]),
        record(0x01b6, &box_of_text),
        record(0x003c, b"\0box"),
    ])
}

fn xls() -> Vec<u8> {
    let secret = sheet(&[label(0, 0, 0)]);
    let stream = workbook(&values(), &[("One", 0, cells()), ("Two", 1, secret)]);
    file(&[("Workbook", &stream)])
}

fn kind(bytes: &[u8]) -> Result<MediaType, Flaw> {
    check(bytes).map(|found| found.media_type)
}

fn is_encrypted(bytes: &[u8]) -> bool {
    let Facts::Document(facts) = check(bytes).unwrap().facts else {
        panic!("no document");
    };
    facts.encrypted
}

fn is_not_listed(streams: &[(&str, &[u8])], what: &str) {
    assert_eq!(kind(&file(streams)), Err(Flaw::NotListed(what.to_owned())));
}

#[test]
fn the_directory_decides() {
    assert_eq!(kind(&doc(0x0200)), Ok(MediaType::Doc));
    assert_eq!(kind(&xls()), Ok(MediaType::Xls));
    // Its tables are in the stream that is not there.
    assert!(matches!(kind(&doc(0)), Err(Flaw::Corrupt { .. })));
    is_not_listed(&[("__properties_version1.0", b"x")], "a mail of Outlook");
    is_not_listed(&[("x", b"x")], "a compound file of another program");
    is_not_listed(
        &[("EncryptedPackage", b"x"), ("EncryptionInfo", b"x")],
        "an Office file with a password",
    );
    is_not_listed(
        &[("PowerPoint Document", b"x")],
        "a presentation of PowerPoint 2003 or older",
    );
    let mut old = vec![0; 600];
    old[..4].copy_from_slice(&[0xdc, 0xa5, 0x68, 0]);
    is_not_listed(&[("WordDocument", &old)], "a document of Word 95 or older");
}

#[test]
fn a_document_with_macros_is_not_taken_for_one_without() {
    let macros = "a document with macros";
    let [stream, table] = document([1; 8], "abcdefgh", "", 0x0200);
    let own = [("WordDocument", &*stream), ("1Table", &*table)];
    is_not_listed(&[own[0], own[1], ("Macros/VBA/dir", b"x")], macros);
    is_not_listed(&[own[0], own[1], ("ObjectPool/_1/Macros/x", b"x")], macros);
    let stream = workbook(&[], &[("One", 0, cells())]);
    is_not_listed(
        &[("Workbook", &stream), ("_VBA_PROJECT_CUR/x", b"x")],
        macros,
    );
    let of_excel_4 = workbook(&bound_sheet(0, "Macro1", 0, 1), &[("One", 0, cells())]);
    is_not_listed(&[("Workbook", &of_excel_4)], macros);
    // The list calls it a sheet.
    let mut disguised = cells();
    disguised[6] = 0x40;
    let disguised = workbook(&[], &[("One", 0, cells()), ("Two", 0, disguised)]);
    is_not_listed(&[("Workbook", &disguised)], macros);
}

#[test]
fn what_has_a_password_is_taken_and_not_read() {
    let locked = doc(0x0300);
    assert!(is_encrypted(&locked) && !is_encrypted(&doc(0x0200)));
    let skipped = Processed::Skipped(ProcessingError::Encrypted);
    assert_eq!(extract(MediaType::Doc, &locked, 99).processed, skipped);
    // All after the record that says so is noise.
    let pass = [record(0x002f, &[0; 54]), record(0x0085, &[0xee; 9])].concat();
    let locked = file(&[("Workbook", &workbook(&pass, &[("One", 0, vec![9; 40])]))]);
    assert!(is_encrypted(&locked) && !is_encrypted(&xls()));
    assert_eq!(extract(MediaType::Xls, &locked, 99).processed, skipped);
}

#[test]
fn a_workbook_without_its_sheets_is_broken() {
    let stream = workbook(&[], &[("One", 0, vec![0; 40])]);
    let kind = kind(&file(&[("Workbook", &stream)]));
    assert!(matches!(kind, Err(Flaw::Corrupt { .. })), "{kind:?}");
}

#[test]
fn a_chain_that_ends_early_or_never_is_noticed() {
    let whole = doc(0x0200);
    let name: Vec<u8> = "SummaryInformation"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let at = whole
        .windows(name.len())
        .position(|bytes| bytes == name)
        .unwrap()
        - 2;
    // The stream is said to be longer than its chain is.
    let mut changed = whole.clone();
    changed[at + 121] = 0x0f;
    assert!(matches!(kind(&changed), Err(Flaw::Corrupt { .. })));
    // A sector of the document's stream is followed by itself.
    let table = 512;
    let entry = |bytes: &[u8], sector: usize| {
        let at = table + 4 * sector;
        u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
    };
    let sector = (0..whole.len() / 512 - 1)
        .find(|sector| entry(&whole, *sector) == u32::try_from(sector + 1).unwrap())
        .unwrap();
    let mut changed = whole.clone();
    let itself = u32::try_from(sector).unwrap().to_le_bytes();
    changed[table + 4 * sector..table + 4 * sector + 4].copy_from_slice(&itself);
    assert!(matches!(kind(&changed), Err(Flaw::Corrupt { .. })));
}

#[test]
fn storages_within_storages_are_followed_so_far() {
    let [stream, table] = document([1; 8], "abcdefgh", "", 0x0200);
    let nested = |depth: usize| {
        let path = format!("{}x", "s/".repeat(depth));
        kind(&file(&[
            ("WordDocument", &stream),
            ("1Table", &table),
            (&path, b"x"),
        ]))
    };
    assert_eq!(nested(6), Ok(MediaType::Doc));
    assert!(matches!(nested(20), Err(Flaw::Corrupt { .. })));
}

#[test]
fn a_document_is_read_with_what_stands_beside_it() {
    let extracted = extract(MediaType::Doc, &doc(0x0200), 1_000);
    let parts = extracted.parts.iter();
    let parts: Vec<(&str, &str)> = parts.map(|part| (&*part.name, &*part.text)).collect();
    assert_eq!(
        parts,
        [
            ("", "Price now: caf\u{e9}\nราคา"),
            ("text boxes", "boxed"),
            ("headers", "header"),
            ("footnotes", " note1"),
        ]
    );
    assert_eq!(extracted.processed, Processed::Success);
    assert_eq!(extracted.hidden.characters, 1);
    assert_eq!(extracted.method, "compound");
    let cut = extract(MediaType::Doc, &doc(0x0200), 9);
    assert_eq!(cut.parts[0].text, "Price now");
    assert_eq!(cut.processed, Processed::Partial);
}

#[test]
fn a_workbook_is_read_as_it_shows() {
    let extracted = extract(MediaType::Xls, &xls(), 1_000);
    let [part] = &*extracted.parts else {
        panic!("{extracted:?}");
    };
    assert_eq!(
        (part.kind, part.number, &*part.name),
        (PartKind::Sheet, 1, "One")
    );
    assert_eq!(
        part.text,
        "名前\tabcdกข\n2024-03-01\t12343.21\n1\t1\n#N/A\tmade\tTRUE\nold\nbox"
    );
    assert_eq!(extracted.processed, Processed::Success);
    assert_eq!(extracted.hidden.characters, 8);
    assert_eq!((extracted.hidden.sheets, extracted.hidden.comments), (1, 1));
    assert_eq!(
        extract(MediaType::Xls, &xls(), 5).processed,
        Processed::Partial
    );
}

#[test]
fn sheets_in_one_place_are_read_once() {
    let mut long = vec![label(0, 0, 0)];
    long.resize(200, number(0x0204, [1, 1, 0], &string("again")));
    let mut own = values();
    // A list of sheets that all begin where the last one does.
    for _ in 0..50 {
        own.extend(bound_sheet(0, "x", 0, 0));
    }
    let length = workbook(&own, &[("One", 0, sheet(&long))]).len();
    let at = u32::try_from(length - sheet(&long).len()).unwrap();
    let mut own = values();
    for _ in 0..50 {
        own.extend(bound_sheet(at, "x", 0, 0));
    }
    let bytes = file(&[("Workbook", &workbook(&own, &[("One", 0, sheet(&long))]))]);
    let extracted = extract(MediaType::Xls, &bytes, 10_000_000);
    assert_eq!(extracted.processed, Processed::Partial);
    let text: usize = extracted.parts.iter().map(|part| part.text.len()).sum();
    assert!(text < 2 * length, "{text} of {length}");
}

#[test]
fn a_list_that_names_a_table_over_and_over_is_refused() {
    let mut bytes = xls();
    let sectors = bytes.len() / 512;
    let sector = u32::try_from(sectors - 1).unwrap().to_le_bytes();
    // Lists of the table's sectors, each of 127 times the first one.
    for number in 0..100 {
        bytes.extend(std::iter::repeat_n([0; 4], 127).flatten());
        bytes.extend(u32::to_le_bytes(u32::try_from(sectors + number).unwrap()));
    }
    bytes[68..72].copy_from_slice(&sector);
    let flaw = kind(&bytes).unwrap_err().to_string();
    assert!(flaw.contains("no room"), "{flaw}");
}

#[test]
fn what_is_cut_is_refused() {
    for whole in [doc(0x0200), xls()] {
        assert!(kind(&whole).is_ok());
        for length in (0..whole.len() - 511).step_by(61) {
            let flaw = kind(&whole[..length]);
            assert!(
                matches!(flaw, Err(Flaw::Corrupt { .. })),
                "{length}: {flaw:?}"
            );
        }
    }
}

#[test]
fn whatever_the_bytes_are_there_is_an_answer() {
    for (media_type, whole) in [(MediaType::Doc, doc(0x0200)), (MediaType::Xls, xls())] {
        for at in 0..whole.len() {
            for flipped in [0xff, 0x01, 0x80] {
                let mut changed = whole.clone();
                changed[at] ^= flipped;
                let _ = check(&changed);
                let _ = extract(media_type, &changed, 500);
            }
            if at % 7 == 0 {
                let _ = extract(media_type, &whole[..at], 500);
            }
        }
    }
}
