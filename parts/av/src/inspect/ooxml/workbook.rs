//! The text of a workbook: its sheets in the order of its own list. Hidden
//! sheets are counted and left out.

use super::document::{count, figures, of_kind, read};
use super::markup::{self, Malformed, Step};
use super::package::{Package, Relationship};
use super::prose::HiddenStyles;
use super::sheet::{self, Values};
use crate::attachment::processing::{Processed, ProcessingError};
use crate::inspect::cell::{Epoch, Format};
use crate::inspect::extracted::{Extracted, PartKind};
use crate::inspect::shared_strings::Strings;
use crate::inspect::transcript::{Transcript, Unit};
use std::collections::HashMap;
use std::ops::ControlFlow;

/// The text of the workbook whose main part this is.
pub(super) fn extract(package: &Package<'_>, main: &str, mut transcript: Transcript) -> Extracted {
    let (Some(workbook), Ok(related)) =
        (Workbook::read(package, main), package.relationships(main))
    else {
        return transcript.finish_as(Processed::Failed(ProcessingError::ExtractorFailed));
    };
    let values = Values {
        strings: part_of(package, &related, "sharedStrings", strings).unwrap_or_default(),
        formats: part_of(package, &related, "styles", formats).unwrap_or_default(),
        epoch: workbook.epoch,
    };
    for (number, listed) in (1..).zip(&workbook.sheets) {
        if listed.is_hidden {
            transcript.hidden.sheets += 1;
            continue;
        }
        match related.iter().find(|found| found.id == listed.id) {
            Some(sheet) => write_sheet(
                package,
                &values,
                &sheet.target,
                (number, &listed.name),
                &mut transcript,
            ),
            None => transcript.misses_something(),
        }
    }
    transcript.finish()
}

fn write_sheet(
    package: &Package<'_>,
    values: &Values,
    part: &str,
    (number, name): (u32, &str),
    transcript: &mut Transcript,
) {
    let markup = package.markup(part).ok().flatten();
    let sheet = markup.and_then(|markup| sheet::read(&markup, values, transcript.room()).ok());
    let mut sheet = sheet.unwrap_or_else(|| {
        transcript.misses_something();
        sheet::Sheet::default()
    });
    let related = package.relationships(part).unwrap_or_default();
    let has_pictures = draw(package, &related, &mut sheet, transcript);
    let unit = Unit {
        kind: PartKind::Sheet,
        number,
        name,
        has_pictures,
    };
    transcript.unit(unit, &sheet.text);
    transcript.hidden.characters += sheet.hidden_characters;
    if sheet.is_cut {
        transcript.was_cut_at(number);
    }
    for comments in of_kind(&related, "comments") {
        transcript.hidden.comments += count(package, comments, &["comment"]);
    }
}

/// Adds what the boxes and charts on a sheet say; answers whether there are
/// pictures on it.
fn draw(
    package: &Package<'_>,
    related: &[Relationship],
    sheet: &mut sheet::Sheet,
    transcript: &mut Transcript,
) -> bool {
    let styles = HiddenStyles::new();
    let mut has_pictures = false;
    for drawing in of_kind(related, "drawing") {
        let drawn_on = package.relationships(drawing).unwrap_or_default();
        for part in [drawing].into_iter().chain(figures(&drawn_on)) {
            let Some(prose) = read(package, part, &styles, transcript) else {
                transcript.misses_something();
                continue;
            };
            has_pictures |= prose.has_pictures;
            sheet.hidden_characters += prose.hidden_characters;
            sheet.is_cut |= prose.is_cut;
            if !prose.text.trim().is_empty() {
                sheet.text.push('\n');
                sheet.text.push_str(prose.text.trim_end());
            }
        }
    }
    has_pictures
}

/// Something that is made of the only part of this kind.
fn part_of<T>(
    package: &Package<'_>,
    related: &[Relationship],
    kind: &str,
    make: impl Fn(&str) -> Result<T, Malformed>,
) -> Option<T> {
    let part = of_kind(related, kind).next()?;
    make(&package.markup(part).ok()??).ok()
}

/// What the main part says.
#[derive(Debug, Default)]
struct Workbook {
    epoch: Epoch,
    sheets: Vec<Listed>,
}

/// A sheet in the workbook's list.
#[derive(Debug)]
struct Listed {
    id: String,
    name: String,
    is_hidden: bool,
}

impl Workbook {
    fn read(package: &Package<'_>, main: &str) -> Option<Self> {
        let markup = package.markup(main).ok()??;
        let mut workbook = Self::default();
        markup::walk(&markup, |step| {
            if let Step::Open(tag) = step {
                match tag.name() {
                    "workbookPr" if tag.says("date1904") => workbook.epoch = Epoch::Y1904,
                    "sheet" => workbook.sheets.extend(tag.relationship().map(|id| {
                        Listed {
                            id,
                            name: tag.attribute("name").unwrap_or_default(),
                            is_hidden: tag
                                .attribute("state")
                                .is_some_and(|state| state != "visible"),
                        }
                    })),
                    _ => {}
                }
            }
            ControlFlow::Continue(())
        })
        .ok()?;
        Some(workbook)
    }
}

fn strings(markup: &str) -> Result<Strings, Malformed> {
    let mut strings = Strings::default();
    let mut open: Vec<Piece> = Vec::new();
    markup::walk(markup, |step| {
        match step {
            Step::Open(tag) => open.push(Piece::of(tag.name())),
            Step::Close => {
                if open.pop() == Some(Piece::String) {
                    strings.end();
                }
            }
            Step::Text(text) => {
                if open.last() == Some(&Piece::Text) && !open.contains(&Piece::Reading) {
                    strings.push_str(&text);
                }
            }
        }
        ControlFlow::Continue(())
    })?;
    Ok(strings)
}

/// An element of a shared string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    String,
    Text,
    /// How it is read aloud.
    Reading,
    Other,
}

impl Piece {
    fn of(name: &str) -> Self {
        match name {
            "si" => Self::String,
            "t" => Self::Text,
            "rPh" => Self::Reading,
            _ => Self::Other,
        }
    }
}

/// What the formats of cells show, by the number that a cell names.
fn formats(markup: &str) -> Result<Vec<Format>, Malformed> {
    let mut own: HashMap<String, Format> = HashMap::new();
    let mut formats = Vec::new();
    let mut is_in_cells = false;
    let mut depth = 0_usize;
    markup::walk(markup, |step| {
        match step {
            Step::Open(tag) => {
                depth += 1;
                match tag.name() {
                    "numFmt" if depth == 3 => {
                        let id = tag.attribute("numFmtId").unwrap_or_default();
                        let code = tag.attribute("formatCode").unwrap_or_default();
                        own.insert(id, Format::of_code(&code));
                    }
                    "cellXfs" => is_in_cells = true,
                    "xf" if is_in_cells => {
                        let id = tag.attribute("numFmtId").unwrap_or_default();
                        let defined = own.get(&id).copied();
                        let built_in = || Format::built_in(id.parse().ok()?);
                        formats.push(defined.or_else(built_in).unwrap_or_default());
                    }
                    _ => {}
                }
            }
            Step::Close => {
                depth = depth.saturating_sub(1);
                is_in_cells &= depth > 1;
            }
            Step::Text(_) => {}
        }
        ControlFlow::Continue(())
    })?;
    Ok(formats)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_string_is_its_runs_without_its_reading() {
        let markup = "<sst><si><r><t>R</t></r><r><t>&amp;D</t></r></si><si/>\
                      <si><t>見積</t><rPh><t>ミツモリ</t></rPh></si></sst>";
        let strings = strings(markup).unwrap();
        let all: Vec<Option<&str>> = (0..4).map(|number| strings.get(number)).collect();
        assert_eq!(all, [Some("R&D"), Some(""), Some("見積"), None]);
    }

    #[test]
    fn a_format_is_the_workbooks_own_or_everyones() {
        let markup = "<styleSheet><numFmts><numFmt numFmtId='164' formatCode='d mmm yyyy'/></numFmts>\
                      <cellStyleXfs><xf numFmtId='14'/></cellStyleXfs>\
                      <cellXfs><xf numFmtId='0'/><xf numFmtId='164'/><xf numFmtId='21'/></cellXfs>\
                      <dxfs><dxf><numFmt numFmtId='0' formatCode='d'/></dxf></dxfs></styleSheet>";
        let read = [Format::Number, Format::Date, Format::Time];
        assert_eq!(formats(markup), Ok(read.to_vec()));
    }
}
