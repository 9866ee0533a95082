//! The cells of a sheet of Excel 97 to 2003, record by record: a sheet of two
//! cells 65,536 rows apart costs no more than two. (\[MS-XLS\], section 2.4)
//!
//! Hidden rows and columns are counted and left out: the sender does not see
//! them.

use super::formatting::Formatting;
use super::record::{Record, Records, kind};
use super::strings::{Pieces, Strings};
use super::workbook::begins;
use crate::inspect::cell::{self, Epoch, Format};
use crate::inspect::grid::Grid;
use crate::inspect::little_endian::{slice_at, u16_at, u32_at, u64_at};
use std::collections::HashSet;
use std::ops::RangeInclusive;

/// A sheet has 256 columns, so this many ranges hide them one by one.
const MAX_HIDDEN_RANGES: usize = 256;

/// Hidden characters are counted up to here.
const MAX_HIDDEN_CHARACTERS: u64 = 50_000_000;

/// Kinds of objects on a sheet: a picture, and the box of a comment.
const PICTURE: u16 = 0x0008;
const COMMENT: u16 = 0x0019;

/// What the cells of a workbook refer to.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// The strings that cells share.
    pub(super) strings: Strings,
    /// What the formats of cells show.
    pub(super) formatting: Formatting,
    /// Day 0.
    pub(super) epoch: Epoch,
}

/// A sheet as far as it has been read.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    /// Characters in hidden rows and columns.
    pub(super) hidden_characters: u64,
    /// Comments on cells.
    pub(super) comments: u32,
    /// Whether there are pictures on it.
    pub(super) has_pictures: bool,
    /// Whether all that is visible could be read.
    pub(super) is_whole: bool,
    /// How much of the stream it is.
    pub(super) bytes_read: usize,
    values: &'a Values,
    grid: Grid,
    room: usize,
    /// What boxes on it say.
    asides: String,
    hidden_rows: HashSet<u16>,
    hidden_columns: Vec<RangeInclusive<u16>>,
    /// The cell of a formula whose text comes in a record after it.
    awaiting: Option<(u16, u16)>,
    /// The kind of the last object.
    object: u16,
}

impl<'a> Reading<'a> {
    /// Reads the sheet that begins at this byte, at most about so much text of
    /// it, out of so many bytes.
    pub(super) fn of(
        stream: &[u8],
        at: usize,
        values: &'a Values,
        room: usize,
        bytes_left: usize,
    ) -> Self {
        let mut reading = Self {
            hidden_characters: 0,
            comments: 0,
            has_pictures: false,
            is_whole: true,
            bytes_read: 0,
            values,
            grid: Grid::new(room),
            room,
            asides: String::new(),
            hidden_rows: HashSet::new(),
            hidden_columns: Vec::new(),
            awaiting: None,
            object: 0,
        };
        let has_ended = reading.walk(stream, at, bytes_left).is_some();
        reading.is_whole &= has_ended;
        reading
    }

    /// Whether there was more text than room.
    pub(super) fn is_cut(&self) -> bool {
        self.grid.is_cut() || self.asides.len() > self.room
    }

    /// Its cells, and then what boxes on it say.
    pub(super) fn into_text(self) -> String {
        let mut text = self.grid.into_text();
        if !self.asides.is_empty() {
            text.push('\n');
            text.push_str(&self.asides);
        }
        text
    }

    /// `None` where it does not begin or end as a sheet does, or is broken.
    fn walk(&mut self, stream: &[u8], at: usize, bytes_left: usize) -> Option<()> {
        let mut records = Records::from(stream, at);
        begins(&mut records)?;
        // Charts stand within a sheet as substreams of their own.
        let mut depth = 1_u32;
        while let Some(record) = records.next() {
            self.bytes_read = records.at().saturating_sub(at);
            if self.bytes_read > bytes_left {
                return None;
            }
            match record.kind {
                kind::BOF => depth = depth.checked_add(1)?,
                kind::EOF if depth == 1 => return Some(()),
                kind::EOF => depth -= 1,
                _ if depth > 1 => {}
                kind::TEXT_OBJECT => {
                    let continued = records.continued();
                    self.take_box(record.content, continued);
                }
                kind::STRING => {
                    let continued = records.continued();
                    self.take_text(record.content, continued);
                }
                _ => self.is_whole &= self.take(record).is_some(),
            }
            if self.is_cut() {
                return Some(());
            }
        }
        None
    }

    fn take(&mut self, record: Record<'_>) -> Option<()> {
        let content = record.content;
        match record.kind {
            // The bit of a row that is shown with a height of zero.
            kind::ROW if content.get(12)? & 0x20 != 0 => {
                self.hidden_rows.insert(u16_at(content, 0)?);
            }
            kind::COLUMNS => {
                let range = u16_at(content, 0)?..=u16_at(content, 2)?;
                let is_hidden = u16_at(content, 8)? & 1 == 1;
                if is_hidden && self.hidden_columns.len() < MAX_HIDDEN_RANGES {
                    self.hidden_columns.push(range);
                }
            }
            kind::NOTE => self.comments = self.comments.saturating_add(1),
            kind::OBJECT => {
                self.object = u16_at(content, 4)?;
                self.has_pictures |= self.object == PICTURE;
            }
            kind::MUL_RK => self.take_numbers(content)?,
            kind::LABEL_SST
            | kind::LABEL
            | kind::R_STRING
            | kind::NUMBER
            | kind::RK
            | kind::BOOL_ERR
            | kind::FORMULA => self.take_cell(record)?,
            _ => {}
        }
        Some(())
    }

    fn take_cell(&mut self, record: Record<'_>) -> Option<()> {
        let content = record.content;
        let (row, column) = (u16_at(content, 0)?, u16_at(content, 2)?);
        let format = self.values.formatting.of_cell(u16_at(content, 4)?);
        let value = content.get(6..)?;
        match record.kind {
            kind::LABEL_SST => {
                let values = self.values;
                let shared = values
                    .strings
                    .get(usize::try_from(u32_at(value, 0)?).ok()?)?;
                self.write(row, column, shared);
            }
            kind::LABEL | kind::R_STRING => {
                // The formats of its runs follow it, and are not read.
                let string = Pieces::new(value, Vec::new()).string()?;
                self.write(row, column, &string);
            }
            kind::RK => self.write_number(row, column, format, rk(u32_at(value, 0)?)),
            kind::BOOL_ERR => {
                let shown = truth_or_error(*value.first()?, *value.get(1)? != 0);
                self.write(row, column, shown);
            }
            kind::FORMULA => self.take_result(row, column, format, slice_at(value, 0, 8)?)?,
            _ => {
                let number = f64::from_bits(u64_at(value, 0)?);
                self.write_number(row, column, format, number);
            }
        }
        Some(())
    }

    /// Numbers in one row, side by side.
    fn take_numbers(&mut self, content: &[u8]) -> Option<()> {
        let (row, mut column) = (u16_at(content, 0)?, u16_at(content, 2)?);
        // At its end stands which column was the last.
        let cells = content.get(4..content.len().checked_sub(2)?)?;
        for cell in cells.as_chunks::<6>().0 {
            let format = self.values.formatting.of_cell(u16_at(cell, 0)?);
            self.write_number(row, column, format, rk(u32_at(cell, 2)?));
            column = column.saturating_add(1);
        }
        Some(())
    }

    /// What a formula came to: a number, or one that is none and says what it is.
    fn take_result(&mut self, row: u16, column: u16, format: Format, value: &[u8]) -> Option<()> {
        self.awaiting = None;
        match value {
            [0, _, _, _, _, _, 0xff, 0xff] => self.awaiting = Some((row, column)),
            [1, _, truth, _, _, _, 0xff, 0xff] => {
                self.write(row, column, truth_or_error(*truth, false));
            }
            [2, _, error, _, _, _, 0xff, 0xff] => {
                self.write(row, column, truth_or_error(*error, true));
            }
            [_, _, _, _, _, _, 0xff, 0xff] => {}
            _ => self.write_number(row, column, format, f64::from_bits(u64_at(value, 0)?)),
        }
        Some(())
    }

    /// What the formula before it came to.
    fn take_text(&mut self, content: &[u8], continued: Vec<&[u8]>) {
        if let Some((row, column)) = self.awaiting.take() {
            match Pieces::new(content, continued).string() {
                Some(text) => self.write(row, column, &text),
                None => self.is_whole = false,
            }
        }
    }

    /// What a box says, unless it is a comment's.
    fn take_box(&mut self, content: &[u8], continued: Vec<&[u8]>) {
        let length = u16_at(content, 10).map(usize::from);
        let Some(length) = length.filter(|length| *length > 0 && self.object != COMMENT) else {
            return;
        };
        match Pieces::new(&[], continued).flagged_letters(length) {
            Some(text) => {
                self.asides.push_str(&text);
                self.asides.push('\n');
            }
            None => self.is_whole = false,
        }
    }

    fn write_number(&mut self, row: u16, column: u16, format: Format, number: f64) {
        if number.is_finite() {
            self.write(row, column, &cell::shown(number, format, self.values.epoch));
        }
    }

    fn write(&mut self, row: u16, column: u16, text: &str) {
        let is_hidden = self.hidden_rows.contains(&row)
            || self
                .hidden_columns
                .iter()
                .any(|range| range.contains(&column));
        if !is_hidden {
            self.grid.write(u32::from(row), u32::from(column), text);
        } else if self.hidden_characters < MAX_HIDDEN_CHARACTERS {
            self.hidden_characters += text.chars().count() as u64;
        }
    }
}

/// A number that was packed into four bytes (section 2.5.217).
fn rk(packed: u32) -> f64 {
    let number = if packed & 2 == 0 {
        f64::from_bits(u64::from(packed & !3) << 32)
    } else {
        f64::from(packed.cast_signed() >> 2)
    };
    if packed & 1 == 1 {
        number / 100.0
    } else {
        number
    }
}

/// What a truth value or an error shows (section 2.5.10).
fn truth_or_error(value: u8, is_error: bool) -> &'static str {
    match (is_error, value) {
        (false, 0) => "FALSE",
        (false, _) => "TRUE",
        (true, 0x00) => "#NULL!",
        (true, 0x07) => "#DIV/0!",
        (true, 0x0f) => "#VALUE!",
        (true, 0x17) => "#REF!",
        (true, 0x1d) => "#NAME?",
        (true, 0x24) => "#NUM!",
        (true, _) => "#N/A",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_numbers_are_unpacked() {
        // [MS-XLS, 2.5.122]
        for (packed, number) in [
            (0x3ff0_0000, "1"),
            (0x3ff0_0001, "0.01"),
            (0x004b_5646, "1234321"),
            (0x004b_5647, "12343.21"),
            (0xffff_fffe, "-1"),
        ] {
            assert_eq!(rk(packed).to_string(), number);
        }
    }
}
