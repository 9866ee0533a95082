//! The cells of a sheet (ECMA-376, part 1, section 18.3.1), one after the
//! other: a sheet of two cells a million rows apart costs no more than two.
//!
//! Hidden rows and columns are counted and left out: the sender does not see
//! them.

use super::markup::{self, Malformed, Step, Tag};
use crate::inspect::cell::{self, Epoch, Format};
use crate::inspect::grid::Grid;
use crate::inspect::shared_strings::Strings;
use std::ops::{ControlFlow, RangeInclusive};

/// A workbook has 16,384 columns, so this many ranges hide them one by one.
const MAX_HIDDEN_RANGES: usize = 256;

/// What the cells of a workbook refer to.
#[derive(Debug)]
pub(super) struct Values {
    /// The strings that cells share.
    pub(super) strings: Strings,
    /// What the formats of cells show.
    pub(super) formats: Vec<Format>,
    /// Day 0.
    pub(super) epoch: Epoch,
}

/// What a sheet says.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    /// Its visible cells.
    pub(super) text: String,
    /// Characters in hidden rows and columns.
    pub(super) hidden_characters: u64,
    /// Whether there was more text than room.
    pub(super) is_cut: bool,
}

/// Reads a sheet, at most about so many bytes of text.
pub(super) fn read(markup: &str, values: &Values, room: usize) -> Result<Sheet, Malformed> {
    let mut reading = Reading::new(values, room);
    markup::walk(markup, |step| reading.take(step))?;
    Ok(Sheet {
        is_cut: reading.grid.is_cut(),
        text: reading.grid.into_text(),
        hidden_characters: reading.hidden_characters,
    })
}

/// What a cell's value is (section 18.18.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Boolean,
    /// The number of a shared string.
    Shared,
    /// Text that stands there: a string, a formula's, an error, a date.
    Plain,
}

#[derive(Debug)]
struct Reading<'a> {
    values: &'a Values,
    grid: Grid,
    hidden_characters: u64,
    hidden_columns: Vec<RangeInclusive<u32>>,
    is_row_hidden: bool,
    /// Where the next row and the next cell are that do not say where they are.
    row: u32,
    column: u32,
    kind: Kind,
    format: Format,
    value: String,
    /// Whether the text that comes is the value of a cell.
    open: Vec<Element>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    Cell,
    Value,
    Reading,
    Row,
    Other,
}

impl<'a> Reading<'a> {
    fn new(values: &'a Values, room: usize) -> Self {
        Self {
            values,
            grid: Grid::new(room),
            hidden_characters: 0,
            hidden_columns: Vec::new(),
            is_row_hidden: false,
            row: 0,
            column: 0,
            kind: Kind::Number,
            format: Format::Number,
            value: String::new(),
            open: Vec::new(),
        }
    }

    fn take(&mut self, step: Step<'_>) -> ControlFlow<()> {
        match step {
            Step::Open(tag) => {
                let element = self.begin(&tag);
                self.open.push(element);
            }
            Step::Close => match self.open.pop() {
                Some(Element::Cell) => self.end_cell(),
                Some(Element::Row) => self.row = self.row.saturating_add(1),
                _ => {}
            },
            Step::Text(text) => {
                let is_value = self.open.last() == Some(&Element::Value);
                if is_value && !self.open.contains(&Element::Reading) {
                    self.value.push_str(&text);
                }
            }
        }
        match self.grid.is_cut() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    fn begin(&mut self, tag: &Tag<'_>) -> Element {
        match tag.name() {
            "row" => {
                let stated = tag.attribute("r").and_then(|row| row.parse::<u32>().ok());
                self.row = stated.map_or(self.row, |row| row.saturating_sub(1));
                self.column = 0;
                self.is_row_hidden = tag.says("hidden");
                Element::Row
            }
            "c" => {
                self.begin_cell(tag);
                Element::Cell
            }
            "v" | "t" => Element::Value,
            "rPh" => Element::Reading,
            "col" if tag.says("hidden") => {
                let bound = |name| {
                    tag.attribute(name)
                        .and_then(|bound| bound.parse::<u32>().ok())
                };
                if let (Some(first), Some(last)) = (bound("min"), bound("max"))
                    && self.hidden_columns.len() < MAX_HIDDEN_RANGES
                {
                    let range = first.saturating_sub(1)..=last.saturating_sub(1);
                    self.hidden_columns.push(range);
                }
                Element::Other
            }
            _ => Element::Other,
        }
    }

    fn begin_cell(&mut self, tag: &Tag<'_>) {
        if let Some(column) = tag.attribute("r").as_deref().and_then(column) {
            self.column = column;
        }
        self.kind = match tag.attribute("t").as_deref() {
            Some("s") => Kind::Shared,
            Some("b") => Kind::Boolean,
            Some("str" | "inlineStr" | "e" | "d") => Kind::Plain,
            _ => Kind::Number,
        };
        let style = tag
            .attribute("s")
            .and_then(|style| style.parse::<usize>().ok());
        let format = self.values.formats.get(style.unwrap_or(0));
        self.format = format.copied().unwrap_or_default();
        self.value.clear();
    }

    fn end_cell(&mut self) {
        let value = std::mem::take(&mut self.value);
        let values = self.values;
        let shown = match self.kind {
            Kind::Plain => value.as_str(),
            Kind::Shared => {
                let number = value.trim().parse::<usize>().ok();
                let shared = number.and_then(|number| values.strings.get(number));
                shared.unwrap_or_default()
            }
            Kind::Boolean if value.trim() == "1" || value.trim() == "true" => "TRUE",
            Kind::Boolean if value.trim().is_empty() => "",
            Kind::Boolean => "FALSE",
            Kind::Number => {
                let read = value
                    .trim()
                    .parse::<f64>()
                    .ok()
                    .filter(|read| read.is_finite());
                let shown = read.map(|read| cell::shown(read, self.format, values.epoch));
                &shown.unwrap_or_else(|| value.clone())
            }
        };
        let column = self.column;
        let is_hidden = self.is_row_hidden
            || self
                .hidden_columns
                .iter()
                .any(|range| range.contains(&column));
        if is_hidden {
            self.hidden_characters += shown.chars().count() as u64;
        } else {
            self.grid.write(self.row, column, shown);
        }
        self.value = value;
        self.column = self.column.saturating_add(1);
    }
}

/// The column of a place as `BC12`, from 0.
fn column(place: &str) -> Option<u32> {
    let letters = place.bytes().take_while(u8::is_ascii_alphabetic);
    let column = letters.take(4).fold(0_u32, |column, letter| {
        column * 26 + u32::from(letter.to_ascii_uppercase() - b'A') + 1
    });
    column.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(markup: &str) -> Sheet {
        let values = Values {
            strings: Strings::default(),
            formats: vec![Format::Number, Format::Date],
            epoch: Epoch::Y1900,
        };
        read(markup, &values, 1_000).unwrap()
    }

    #[test]
    fn every_kind_of_value_is_read() {
        let markup = "<worksheet><sheetData><row r='1'><c r='A1'><v>1.1000000000000001</v></c>\
                      <c r='B1' s='1'><v>45352</v></c><c t='b'><v>1</v></c><c t='e'><v>#N/A</v></c>\
                      <c t='inlineStr'><is><r><t>in</t></r><r><t>line</t></r><rPh><t>x</t></rPh></is></c>\
                      <c t='str'><f>A1&amp;\"x\"</f><v>R&amp;D</v></c></row></sheetData></worksheet>";
        let read = "1.1\t2024-03-01\tTRUE\t#N/A\tinline\tR&D";
        assert_eq!(sheet(markup).text, read);
    }

    #[test]
    fn two_cells_far_apart_cost_two_cells() {
        let markup = "<worksheet><sheetData><row r='1'><c r='A1'><v>1</v></c></row>\
                      <row r='1048576'><c r='XFD1048576'><v>2</v></c></row></sheetData></worksheet>";
        assert!(sheet(markup).text.len() < 50);
    }

    #[test]
    fn hidden_rows_and_columns_are_counted_and_left_out() {
        let markup = "<worksheet><cols><col min='2' max='3' hidden='1'/></cols><sheetData>\
                      <row r='1'><c r='A1'><v>1</v></c><c r='B1'><v>22</v></c><c r='D1'><v>4</v></c></row>\
                      <row r='2' hidden='1'><c r='A2'><v>333</v></c></row></sheetData></worksheet>";
        let sheet = sheet(markup);
        assert_eq!(sheet.text, "1\t\t\t4");
        assert_eq!(sheet.hidden_characters, 5);
    }

    #[test]
    fn columns_are_counted_in_letters() {
        let places = ["A1", "Z9", "AA1", "xfd1", "1", ""].map(column);
        let columns = [Some(0), Some(25), Some(26), Some(16_383), None, None];
        assert_eq!(places, columns);
    }
}
