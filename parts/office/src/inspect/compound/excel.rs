//! The text of a workbook of before 2007 (\[MS-XLS\]), record by record: a
//! sheet of two cells 65,536 rows apart costs no more than two.

use super::continued::Continued;
use super::directory::Compound;
use crate::attachment::processing::{Processed, ProcessingError};
use crate::inspect::cell::{self, Epoch, Format};
use crate::inspect::extracted::{Extracted, PartKind};
use crate::inspect::found::Flaw;
use crate::inspect::grid::Grid;
use crate::inspect::little_endian::{index_at, slice_at, u16_at, u32_at, u64_at};
use crate::inspect::shared_strings::Strings;
use crate::inspect::transcript::{Transcript, Unit};
use encoding_rs::{Encoding, WINDOWS_1252};
use std::collections::{HashMap, HashSet};

/// Where a workbook is: since Excel 97, and before.
pub(super) const STREAMS: [&str; 2] = ["Workbook", "Book"];

/// What records are, by their number.
mod record {
    pub(super) const BEGIN: [u16; 4] = [0x0809, 0x0409, 0x0209, 0x0009];
    pub(super) const END: u16 = 0x000a;
    pub(super) const CONTINUE: u16 = 0x003c;
    pub(super) const PASSWORD: u16 = 0x002f;
    pub(super) const CODE_PAGE: u16 = 0x0042;
    pub(super) const DATE_MODE: u16 = 0x0022;
    pub(super) const FORMAT: [u16; 2] = [0x041e, 0x001e];
    pub(super) const CELL_FORMAT: u16 = 0x00e0;
    pub(super) const SHEET: u16 = 0x0085;
    pub(super) const STRINGS: u16 = 0x00fc;
    pub(super) const ROW: u16 = 0x0208;
    pub(super) const COLUMNS: u16 = 0x007d;
    pub(super) const SHARED: u16 = 0x00fd;
    pub(super) const LABEL: [u16; 2] = [0x0204, 0x00d6];
    pub(super) const NUMBER: u16 = 0x0203;
    pub(super) const PACKED: u16 = 0x027e;
    pub(super) const PACKED_MANY: u16 = 0x00bd;
    pub(super) const BOOLEAN_OR_ERROR: u16 = 0x0205;
    pub(super) const FORMULA: [u16; 3] = [0x0006, 0x0206, 0x0406];
    pub(super) const FORMULA_TEXT: u16 = 0x0207;
    pub(super) const NOTE: u16 = 0x001c;
    pub(super) const OBJECT: u16 = 0x005d;
    pub(super) const OBJECT_TEXT: u16 = 0x01b6;
}

/// A workbook since Excel 97.
const SINCE_97: u16 = 0x0600;

/// The object that a note is shown in.
const NOTE_OBJECT: u16 = 0x0019;
const PICTURE_OBJECT: u16 = 0x0008;

/// Hidden characters are counted so far.
const MAX_HIDDEN_CHARACTERS: u64 = 100_000_000;

/// Whether a password is needed; refuses what does not begin as a workbook, or
/// whose first records are not whole.
pub(super) fn check(workbook: &[u8]) -> Result<bool, Flaw> {
    let mut records = Records::at(workbook, 0);
    match records.next() {
        Some((kind, _)) if record::BEGIN.contains(&kind) => {}
        _ => return Err(Flaw::corrupt(0, "a workbook that does not begin as one")),
    }
    let mut is_encrypted = false;
    for (kind, _) in records.by_ref() {
        is_encrypted |= kind == record::PASSWORD;
        if kind == record::END {
            return Ok(is_encrypted);
        }
    }
    Err(Flaw::corrupt(
        records.at as u64,
        "a workbook whose list of sheets ends early",
    ))
}

/// The text of the workbook in this file.
pub(super) fn extract(compound: &Compound<'_>, mut transcript: Transcript) -> Extracted {
    let bytes = compound.stream(&STREAMS).unwrap_or_default();
    let Some(workbook) = Workbook::read(&bytes) else {
        return transcript.finish_as(Processed::Failed(ProcessingError::ExtractorFailed));
    };
    if workbook.is_encrypted {
        return transcript.finish_as(Processed::Skipped(ProcessingError::Encrypted));
    }
    for (number, listed) in (1..).zip(&workbook.sheets) {
        if listed.is_hidden {
            transcript.hidden.sheets += 1;
            continue;
        }
        let mut sheet = Sheet::new(&workbook, transcript.room());
        sheet.read(&bytes, listed.at);
        let unit = Unit {
            kind: PartKind::Sheet,
            number,
            name: &listed.name,
            has_pictures: sheet.has_pictures,
        };
        if sheet.is_incomplete {
            transcript.misses_something();
        }
        transcript.hidden.characters += sheet.hidden_characters;
        transcript.hidden.comments += sheet.comments;
        let is_cut = sheet.grid.is_cut();
        let text = sheet.grid.into_text() + "\n" + &sheet.boxes;
        transcript.unit(unit, &text);
        if is_cut {
            transcript.was_cut_at(number);
        }
    }
    transcript.finish()
}

/// Records from a place on: what each is, and what it holds.
#[derive(Debug)]
struct Records<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Records<'a> {
    fn at(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let kind = u16_at(self.bytes, self.at)?;
        let length = usize::from(u16_at(self.bytes, self.at + 2)?);
        let content = slice_at(self.bytes, self.at + 4, length)?;
        self.at += 4 + length;
        Some((kind, content))
    }
}

/// What the sheets have in common.
#[derive(Debug)]
struct Workbook {
    is_encrypted: bool,
    is_since_97: bool,
    /// The encoding of the strings of before.
    encoding: &'static Encoding,
    epoch: Epoch,
    formats: Vec<Format>,
    strings: Strings,
    sheets: Vec<Listed>,
}

/// A sheet in the workbook's list.
#[derive(Debug)]
struct Listed {
    at: usize,
    name: String,
    is_hidden: bool,
}

impl Workbook {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut records = Records::at(bytes, 0);
        let (_, begin) = records.next()?;
        let mut workbook = Self {
            is_encrypted: false,
            is_since_97: u16_at(begin, 0)? == SINCE_97,
            encoding: WINDOWS_1252,
            epoch: Epoch::Y1900,
            formats: Vec::new(),
            strings: Strings::default(),
            sheets: Vec::new(),
        };
        let mut own: HashMap<u16, Format> = HashMap::new();
        let mut strings = Continued::default();
        let mut last = 0;
        for (kind, content) in records {
            match kind {
                record::END => break,
                record::PASSWORD => workbook.is_encrypted = true,
                record::CODE_PAGE => workbook.encoding = encoding(u16_at(content, 0)?),
                record::DATE_MODE if u16_at(content, 0) == Some(1) => workbook.epoch = Epoch::Y1904,
                record::SHEET => workbook.sheets.extend(workbook.listed(content)),
                record::STRINGS => strings.push(content),
                record::CONTINUE if last == record::STRINGS => {
                    strings.push(content);
                    continue;
                }
                record::CELL_FORMAT => {
                    let id = u16_at(content, 2)?;
                    let format = own.get(&id).copied().or_else(|| Format::built_in(id));
                    workbook.formats.push(format.unwrap_or_default());
                }
                kind if record::FORMAT.contains(&kind) => {
                    if let Some((id, code)) = workbook.format(content) {
                        own.insert(id, Format::of_code(&code));
                    }
                }
                _ => {}
            }
            last = kind;
        }
        workbook.read_strings(strings);
        Some(workbook)
    }

    fn listed(&self, content: &[u8]) -> Option<Listed> {
        let length = usize::from(*content.get(6)?);
        Some(Listed {
            at: index_at(content, 0)?,
            is_hidden: content.get(4)? & 3 != 0,
            name: if self.is_since_97 {
                Continued::from(content.get(8..)?).letters(length, *content.get(7)?)?
            } else {
                self.decode(slice_at(content, 7, length)?)
            },
        })
    }

    fn format(&self, content: &[u8]) -> Option<(u16, String)> {
        let code = if self.is_since_97 {
            Continued::from(content.get(2..)?).string()?
        } else {
            self.decode(slice_at(content, 3, usize::from(*content.get(2)?))?)
        };
        Some((u16_at(content, 0)?, code))
    }

    fn read_strings(&mut self, mut strings: Continued<'_>) {
        if strings.pass(8).is_none() {
            return;
        }
        while !strings.is_empty()
            && let Some(string) = strings.string()
        {
            self.strings.push_str(&string);
            self.strings.end();
        }
    }

    /// A string with its length before it.
    fn label(&self, content: &[u8]) -> Option<String> {
        if self.is_since_97 {
            return Continued::from(content).string();
        }
        let length = usize::from(u16_at(content, 0)?);
        Some(self.decode(slice_at(content, 2, length)?))
    }

    fn decode(&self, bytes: &[u8]) -> String {
        self.encoding
            .decode_without_bom_handling(bytes)
            .0
            .into_owned()
    }
}

impl<'a> From<&'a [u8]> for Continued<'a> {
    fn from(content: &'a [u8]) -> Self {
        let mut continued = Self::default();
        continued.push(content);
        continued
    }
}

/// The encoding that Windows has this number for.
fn encoding(code_page: u16) -> &'static Encoding {
    let label = match code_page {
        932 => "shift_jis".to_owned(),
        936 => "gbk".to_owned(),
        949 => "euc-kr".to_owned(),
        950 => "big5".to_owned(),
        10_000 => "macintosh".to_owned(),
        other => format!("windows-{other}"),
    };
    Encoding::for_label(label.as_bytes()).unwrap_or(WINDOWS_1252)
}

/// A sheet as far as it has been read.
#[derive(Debug)]
struct Sheet<'a> {
    workbook: &'a Workbook,
    grid: Grid,
    boxes: String,
    hidden_characters: u64,
    comments: u32,
    has_pictures: bool,
    is_incomplete: bool,
    hidden_rows: HashSet<u16>,
    hidden_columns: Vec<(u16, u16)>,
    /// The cell of a formula whose text comes in the next record.
    awaited: Option<(u16, u16)>,
    /// What the last object was.
    object: u16,
    /// How many letters the text of an object has that comes next.
    object_letters: Option<usize>,
}

impl<'a> Sheet<'a> {
    fn new(workbook: &'a Workbook, room: usize) -> Self {
        Self {
            workbook,
            grid: Grid::new(room),
            boxes: String::new(),
            hidden_characters: 0,
            comments: 0,
            has_pictures: false,
            is_incomplete: false,
            hidden_rows: HashSet::new(),
            hidden_columns: Vec::new(),
            awaited: None,
            object: 0,
            object_letters: None,
        }
    }

    /// Reads from the sheet's first record to its last. Charts within it have
    /// a beginning and an end of their own.
    fn read(&mut self, bytes: &[u8], at: usize) {
        let mut depth = 0_u32;
        for (kind, content) in Records::at(bytes, at) {
            match kind {
                kind if record::BEGIN.contains(&kind) => {
                    depth = depth.saturating_add(1);
                    // A chart or a sheet of commands: not a worksheet.
                    self.is_incomplete |= u16_at(content, 2) != Some(0x0010);
                }
                record::END if depth <= 1 => return,
                record::END => depth -= 1,
                _ if depth == 1 => {
                    // A record that is too short says nothing.
                    self.is_incomplete |= self.take(kind, content).is_none();
                }
                _ if depth == 0 => break,
                _ => {}
            }
            if self.grid.is_cut() {
                return;
            }
        }
        self.is_incomplete = true;
    }

    fn take(&mut self, kind: u16, content: &[u8]) -> Option<()> {
        match kind {
            record::ROW => {
                if u16_at(content, 12)? & 0x20 != 0 {
                    self.hidden_rows.insert(u16_at(content, 0)?);
                }
            }
            record::COLUMNS => {
                if u16_at(content, 8)? & 1 != 0 && self.hidden_columns.len() < 256 {
                    self.hidden_columns
                        .push((u16_at(content, 0)?, u16_at(content, 2)?));
                }
            }
            record::NOTE => self.comments = self.comments.saturating_add(1),
            record::OBJECT => {
                self.object = u16_at(content, 4)?;
                self.has_pictures |= self.object == PICTURE_OBJECT;
            }
            record::OBJECT_TEXT => self.object_letters = Some(usize::from(u16_at(content, 10)?)),
            record::CONTINUE => self.take_box(content),
            record::FORMULA_TEXT => {
                let text = self.workbook.label(content)?;
                if let Some((row, column)) = self.awaited.take() {
                    self.write(row, column, &text);
                }
            }
            _ => return self.take_cell(kind, content),
        }
        Some(())
    }

    fn take_cell(&mut self, kind: u16, content: &[u8]) -> Option<()> {
        let is_cell = matches!(
            kind,
            record::SHARED | record::NUMBER | record::PACKED | record::BOOLEAN_OR_ERROR
        );
        let is_formula = record::FORMULA.contains(&kind);
        let is_label = record::LABEL.contains(&kind);
        if kind == record::PACKED_MANY {
            return self.take_many(content);
        }
        if !is_cell && !is_formula && !is_label {
            return Some(());
        }
        let (row, column) = (u16_at(content, 0)?, u16_at(content, 2)?);
        let format = u16_at(content, 4)?;
        let value = content.get(6..)?;
        let workbook = self.workbook;
        let shown = match kind {
            record::SHARED => {
                let shared = workbook.strings.get(index_at(value, 0)?)?;
                self.write(row, column, shared);
                return Some(());
            }
            record::NUMBER => self.number(f64::from_bits(u64_at(value, 0)?), format),
            record::PACKED => self.number(unpacked(u32_at(value, 0)?), format),
            record::BOOLEAN_OR_ERROR => boolean_or_error(*value.first()?, *value.get(1)? == 0),
            _ if is_label => workbook.label(value)?,
            _ => self.formula(value, (row, column), format)?,
        };
        self.write(row, column, &shown);
        Some(())
    }

    fn take_many(&mut self, content: &[u8]) -> Option<()> {
        let (row, mut column) = (u16_at(content, 0)?, u16_at(content, 2)?);
        let cells = content
            .get(4..content.len().checked_sub(2)?)?
            .chunks_exact(6);
        for cell in cells {
            let shown = self.number(unpacked(u32_at(cell, 2)?), u16_at(cell, 0)?);
            self.write(row, column, &shown);
            column = column.saturating_add(1);
        }
        Some(())
    }

    /// What a formula came to (section 2.5.133).
    fn formula(&mut self, value: &[u8], place: (u16, u16), format: u16) -> Option<String> {
        let bits = u64_at(value, 0)?;
        if u16_at(value, 6)? != 0xffff {
            return Some(self.number(f64::from_bits(bits), format));
        }
        let result = *value.get(2)?;
        Some(match value.first()? {
            0 => {
                self.awaited = Some(place);
                String::new()
            }
            1 => boolean_or_error(result, true),
            2 => boolean_or_error(result, false),
            _ => String::new(),
        })
    }

    fn number(&self, value: f64, format: u16) -> String {
        let format = self.workbook.formats.get(usize::from(format));
        cell::shown(
            value,
            format.copied().unwrap_or_default(),
            self.workbook.epoch,
        )
    }

    fn write(&mut self, row: u16, column: u16, text: &str) {
        let is_hidden = |(first, last): &(u16, u16)| (*first..=*last).contains(&column);
        if self.hidden_rows.contains(&row) || self.hidden_columns.iter().any(is_hidden) {
            // Many cells may share a long string.
            if self.hidden_characters < MAX_HIDDEN_CHARACTERS {
                self.hidden_characters += text.chars().count() as u64;
            }
        } else {
            self.grid.write(u32::from(row), u32::from(column), text);
        }
    }

    /// The text of a box follows the record that announces it; that of a note's
    /// box is the note.
    fn take_box(&mut self, content: &[u8]) {
        let Some(letters) = self.object_letters.take() else {
            return;
        };
        if self.object == NOTE_OBJECT || letters == 0 {
            return;
        }
        let text = content.split_first().and_then(|(flags, rest)| {
            let letters = letters.min(rest.len());
            Continued::from(rest).letters(letters, *flags)
        });
        match text {
            Some(text) => {
                self.boxes.push_str(&text);
                self.boxes.push('\n');
            }
            None => self.is_incomplete = true,
        }
    }
}

/// The number in four bytes (section 2.5.217): a whole one or the upper half
/// of another, and perhaps a hundred times as large as it is.
fn unpacked(packed: u32) -> f64 {
    let value = match packed & 2 {
        0 => f64::from_bits(u64::from(packed & !3) << 32),
        _ => f64::from(packed.cast_signed() >> 2),
    };
    match packed & 1 {
        0 => value,
        _ => value / 100.0,
    }
}

fn boolean_or_error(value: u8, is_boolean: bool) -> String {
    let shown = match value {
        0 if is_boolean => "FALSE",
        _ if is_boolean => "TRUE",
        0x00 => "#NULL!",
        0x07 => "#DIV/0!",
        0x0f => "#VALUE!",
        0x17 => "#REF!",
        0x1d => "#NAME?",
        0x24 => "#NUM!",
        _ => "#N/A",
    };
    shown.to_owned()
}
