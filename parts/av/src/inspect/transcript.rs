//! Writes down the text of a document, part by part, up to a cap.
//!
//! Promises: never more text than the cap allows; every part is cleaned and
//! counted; and what is missing is said, so that no success leaves anything
//! out silently.

use super::clean::clean;
use super::extracted::{Coverage, Extracted, Hidden, Part, PartKind};
use super::found::Charset;
use crate::attachment::processing::{Processed, ProcessingError};

/// The text of a document as far as it has been read.
#[derive(Debug)]
pub(super) struct Transcript {
    /// What a person would not see, as it is met.
    pub(super) hidden: Hidden,
    /// The encoding of a text.
    pub(super) charset: Option<Charset>,
    method: &'static str,
    room: usize,
    parts: Vec<Part>,
    coverage: Coverage,
    stripped_characters: u64,
    is_incomplete: bool,
}

/// What a unit is: where it stands, and what it holds beside its text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit<'a> {
    /// Its kind.
    pub(super) kind: PartKind,
    /// Its number, from 1.
    pub(super) number: u32,
    /// Its name; empty where it has none.
    pub(super) name: &'a str,
    /// Whether there are pictures in it, which may be pictures of text.
    pub(super) has_pictures: bool,
}

impl Transcript {
    /// An empty one, of a method's text, with room for so many bytes.
    pub(super) fn new(method: &'static str, max_text_bytes: usize) -> Self {
        Self {
            hidden: Hidden::default(),
            charset: None,
            method,
            room: max_text_bytes,
            parts: Vec::new(),
            coverage: Coverage::default(),
            stripped_characters: 0,
            is_incomplete: false,
        }
    }

    /// How many more bytes of text there is room for.
    pub(super) fn room(&self) -> usize {
        self.room
    }

    /// Whether text has been cut off, and nothing more is taken.
    pub(super) fn is_full(&self) -> bool {
        self.coverage.truncated_at_unit.is_some()
    }

    /// Writes down a unit of the document.
    pub(super) fn unit(&mut self, unit: Unit<'_>, text: &str) {
        self.coverage.units_total = self.coverage.units_total.saturating_add(1);
        let has_text = self.write(unit, text);
        if has_text {
            self.coverage.units_with_text = self.coverage.units_with_text.saturating_add(1);
        } else if unit.has_pictures && !self.is_full() {
            self.coverage.units_image_only = self.coverage.units_image_only.saturating_add(1);
        }
    }

    /// Writes down what belongs to a unit and is none, as a slide's notes.
    pub(super) fn aside(&mut self, unit: Unit<'_>, text: &str) {
        self.write(unit, text);
    }

    /// The text within this unit was cut off before it came here.
    pub(super) fn was_cut_at(&mut self, number: u32) {
        self.coverage.truncated_at_unit.get_or_insert(number);
    }

    /// Something visible could not be read.
    pub(super) fn misses_something(&mut self) {
        self.is_incomplete = true;
    }

    /// What a model is given.
    pub(super) fn finish(self) -> Extracted {
        let processed = if self.parts.is_empty() && self.coverage.units_image_only > 0 {
            Processed::Skipped(ProcessingError::Scanned)
        } else if self.parts.is_empty() && self.is_incomplete {
            Processed::Failed(ProcessingError::ExtractorFailed)
        } else if self.is_incomplete || self.is_full() || self.coverage.units_image_only > 0 {
            Processed::Partial
        } else {
            Processed::Success
        };
        self.finish_as(processed)
    }

    /// Ends without a text, for a reason.
    pub(super) fn finish_as(self, processed: Processed) -> Extracted {
        Extracted {
            processed,
            parts: self.parts,
            charset: self.charset,
            method: self.method.to_owned(),
            coverage: self.coverage,
            hidden: self.hidden,
            stripped_characters: self.stripped_characters,
        }
    }

    /// Whether there was any text, taken or cut off.
    fn write(&mut self, unit: Unit<'_>, text: &str) -> bool {
        let (text, stripped) = clean(text);
        let (name, stripped_of_name) = clean(unit.name);
        self.stripped_characters += stripped + stripped_of_name;
        let text = text.trim_end();
        if text.trim_start().is_empty() {
            return false;
        }
        if self.is_full() && self.room == 0 {
            return true;
        }
        let fits = text.floor_char_boundary(self.room.min(text.len()));
        if fits < text.len() {
            self.was_cut_at(unit.number);
        }
        let (text, _) = text.split_at(fits);
        self.room = if self.is_full() { 0 } else { self.room - fits };
        if !text.is_empty() {
            self.parts.push(Part {
                kind: unit.kind,
                number: unit.number,
                name,
                text: text.to_owned(),
            });
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slide(number: u32) -> Unit<'static> {
        Unit {
            kind: PartKind::Slide,
            number,
            name: "",
            has_pictures: true,
        }
    }

    #[test]
    fn all_of_it_is_a_success() {
        let mut transcript = Transcript::new("ooxml", 100);
        transcript.unit(slide(1), "one\u{202e}");
        transcript.aside(slide(1), "notes");
        let extracted = transcript.finish();
        assert_eq!(extracted.processed, Processed::Success);
        assert_eq!(extracted.parts.len(), 2);
        assert_eq!(extracted.stripped_characters, 1);
        assert_eq!(extracted.coverage.units_total, 1);
    }

    #[test]
    fn beyond_the_cap_it_is_partial_and_says_where() {
        let mut transcript = Transcript::new("ooxml", 8);
        transcript.unit(slide(1), "five5");
        transcript.unit(slide(2), "กขค");
        transcript.unit(slide(3), "x");
        let extracted = transcript.finish();
        assert_eq!(extracted.processed, Processed::Partial);
        assert_eq!(extracted.coverage.truncated_at_unit, Some(2));
        let texts: Vec<&str> = extracted.parts.iter().map(|part| &*part.text).collect();
        assert_eq!(texts, ["five5", "ก"]);
        assert_eq!(extracted.coverage.units_with_text, 3);
    }

    #[test]
    fn pictures_alone_are_no_success() {
        let mut transcript = Transcript::new("ooxml", 100);
        transcript.unit(slide(1), " \n");
        assert_eq!(
            transcript.finish().processed,
            Processed::Skipped(ProcessingError::Scanned)
        );
        let mut transcript = Transcript::new("ooxml", 100);
        transcript.unit(slide(1), "text");
        transcript.unit(slide(2), "");
        assert_eq!(transcript.finish().processed, Processed::Partial);
    }
}
