//! The text of a workbook of Excel 97 to 2003: its sheets in the order of its
//! own list. Hidden sheets are counted and left out.

use super::WORKBOOKS;
use super::file::File;
use super::record::{Records, kind};
use super::sheet::{Reading, Values};
use super::strings::{Pieces, Strings};
use crate::attachment::extracted::{Extracted, PartKind};
use crate::attachment::processing::{Processed, ProcessingError};
use crate::inspect::cell::Epoch;
use crate::inspect::little_endian::{u16_at, u32_at};
use crate::inspect::transcript::{Transcript, Unit};

/// The text of a workbook.
pub(super) fn extract(file: &mut File<'_>, mut transcript: Transcript) -> Extracted {
    let failed = Processed::Failed(ProcessingError::ExtractorFailed);
    let name = WORKBOOKS.into_iter().find(|name| file.has_stream(name));
    let Some(stream) = name.and_then(|name| file.read(name).ok()) else {
        return transcript.finish_as(failed);
    };
    let Some(globals) = Globals::read(&stream) else {
        return transcript.finish_as(failed);
    };
    if globals.is_encrypted {
        return transcript.finish_as(Processed::Skipped(ProcessingError::Encrypted));
    }
    if globals.version != EXCEL_97 {
        return transcript.finish_as(failed);
    }
    let values = values(&stream, &mut transcript);
    // Sheets that share no record have no more together than there are.
    let mut bytes_left = stream.len();
    for (number, listed) in (1..).zip(&globals.sheets) {
        if listed.is_hidden {
            transcript.hidden.sheets += 1;
            continue;
        }
        let reading = Reading::of(&stream, listed.at, &values, transcript.room(), bytes_left);
        bytes_left = bytes_left.saturating_sub(reading.bytes_read);
        if !reading.is_whole {
            transcript.misses_something();
        }
        let unit = Unit {
            kind: PartKind::Sheet,
            number,
            name: &listed.name,
            has_pictures: reading.has_pictures,
        };
        transcript.hidden.characters += reading.hidden_characters;
        transcript.hidden.comments = transcript.hidden.comments.saturating_add(reading.comments);
        let is_cut = reading.is_cut();
        transcript.unit(unit, &reading.into_text());
        if is_cut {
            transcript.was_cut_at(number);
        }
    }
    transcript.finish()
}

/// Excel 97 to 2003.
const EXCEL_97: u16 = 0x0600;
/// Excel 5 and 95.
const EXCEL_5: u16 = 0x0500;

/// What a substream is of: the workbook, a sheet or a chart, macros of Excel 4.
const OF_WORKBOOK: u16 = 0x0005;
const OF_SHEETS: [u16; 2] = [0x0010, 0x0020];
const OF_MACROS: u16 = 0x0040;

/// What a workbook says of itself before its sheets.
#[derive(Debug)]
pub(super) struct Globals {
    /// Whether a password is needed.
    pub(super) is_encrypted: bool,
    version: u16,
    sheets: Vec<Listed>,
}

/// A sheet in the workbook's list.
#[derive(Debug)]
struct Listed {
    at: usize,
    name: String,
    is_hidden: bool,
    has_macros: bool,
}

impl Globals {
    /// Reads them; `None` where they are none, or do not end.
    pub(super) fn read(stream: &[u8]) -> Option<Self> {
        let mut records = Records::from(stream, 0);
        let (version, of) = begins(&mut records)?;
        if !matches!(version, EXCEL_97 | EXCEL_5) || of != OF_WORKBOOK {
            return None;
        }
        let mut globals = Self {
            is_encrypted: false,
            version,
            sheets: Vec::new(),
        };
        for record in records {
            match record.kind {
                // What comes after it cannot be read.
                kind::FILE_PASS => {
                    globals.is_encrypted = true;
                    return Some(globals);
                }
                kind::BOUND_SHEET => {
                    globals.sheets.push(Listed::read(record.content, version)?);
                }
                kind::EOF => return Some(globals),
                _ => {}
            }
        }
        None
    }

    /// Whether a sheet is a program in the language of Excel 4, by the list or
    /// by itself.
    pub(super) fn has_macro_sheet(&self, stream: &[u8]) -> bool {
        let mut sheets = self.sheets.iter();
        sheets.any(|listed| listed.has_macros || listed.begins_as(stream, &[OF_MACROS]))
    }

    /// Whether there is a sheet where the list says that one begins.
    pub(super) fn has_sheet(&self, stream: &[u8]) -> bool {
        let mut sheets = self.sheets.iter();
        sheets.any(|listed| listed.begins_as(stream, &OF_SHEETS))
    }
}

impl Listed {
    fn read(content: &[u8], version: u16) -> Option<Self> {
        let name = content.get(6..)?;
        let name = if version == EXCEL_97 {
            Pieces::new(name, Vec::new()).short_string()?
        } else {
            // It is written in an encoding of its country.
            String::new()
        };
        Some(Self {
            at: usize::try_from(u32_at(content, 0)?).ok()?,
            name,
            is_hidden: content.get(4)? & 3 != 0,
            has_macros: matches!(content.get(5)?, 1 | 6),
        })
    }

    fn begins_as(&self, stream: &[u8], kinds: &[u16]) -> bool {
        let begins = begins(&mut Records::from(stream, self.at));
        begins.is_some_and(|(_, of)| kinds.contains(&of))
    }
}

/// The version of a substream and what it is of, where one begins here.
pub(super) fn begins(records: &mut Records<'_>) -> Option<(u16, u16)> {
    let begin = records.next().filter(|record| record.kind == kind::BOF)?;
    Some((u16_at(begin.content, 0)?, u16_at(begin.content, 2)?))
}

/// What cells refer to.
fn values(stream: &[u8], transcript: &mut Transcript) -> Values {
    let mut values = Values::default();
    let mut records = Records::from(stream, 0);
    while let Some(record) = records.next() {
        match record.kind {
            kind::SST => {
                let (strings, is_whole) = Strings::read(record.content, records.continued());
                values.strings = strings;
                if !is_whole {
                    transcript.misses_something();
                }
            }
            kind::DATE_1904 if u16_at(record.content, 0) == Some(1) => {
                values.epoch = Epoch::Y1904;
            }
            kind::EOF => break,
            _ => values.formatting.take(record),
        }
    }
    values
}
