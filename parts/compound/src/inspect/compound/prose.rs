//! What a story of a document says, character by character. (\[MS-DOC\],
//! section 2.4.1)
//!
//! Promises: of a field, what it shows is there and how it is made is not; a
//! paragraph ends in a line feed, a cell of a table in a tab and a row in a
//! line feed.

use super::unseen::Unseen;

/// Marks that are no letters.
mod mark {
    pub(super) const PICTURE: u16 = 0x01;
    pub(super) const NOTE: u16 = 0x02;
    pub(super) const COMMENT: u16 = 0x05;
    pub(super) const CELL: u16 = 0x07;
    pub(super) const DRAWING: u16 = 0x08;
    pub(super) const LINE: u16 = 0x0b;
    pub(super) const PAGE: u16 = 0x0c;
    pub(super) const PARAGRAPH: u16 = 0x0d;
    pub(super) const COLUMN: u16 = 0x0e;
    pub(super) const FIELD: u16 = 0x13;
    pub(super) const FIELD_RESULT: u16 = 0x14;
    pub(super) const FIELD_END: u16 = 0x15;
    pub(super) const FIRM_HYPHEN: u16 = 0x1e;
    pub(super) const SOFT_HYPHEN: u16 = 0x1f;
}

const TAB: u16 = 0x09;
const LINE_FEED: u16 = 0x0a;
const HYPHEN: u16 = 0x2d;

/// A story as far as it has been read.
#[derive(Debug)]
pub(super) struct Prose {
    /// Characters that a person would not see.
    pub(super) hidden_characters: u64,
    /// Comments whose texts stand here.
    pub(super) comments: u32,
    /// Whether there are pictures in it.
    pub(super) has_pictures: bool,
    /// Whether some of it is not where it should be.
    pub(super) is_incomplete: bool,
    text: Vec<u16>,
    room: usize,
    /// Of the fields that are open: how many, and how many of those show what
    /// comes now. A field within a code shows nothing.
    fields: usize,
    shown: usize,
    is_after_cell: bool,
}

impl Prose {
    /// An empty one, with room for about so many bytes.
    pub(super) fn new(room: usize) -> Self {
        Self {
            hidden_characters: 0,
            comments: 0,
            has_pictures: false,
            is_incomplete: false,
            text: Vec::new(),
            room,
            fields: 0,
            shown: 0,
            is_after_cell: false,
        }
    }

    /// Takes the next character, in UTF-16.
    pub(super) fn take(&mut self, unit: u16, unseen: Option<Unseen>) {
        match unit {
            mark::FIELD => self.fields = self.fields.saturating_add(1),
            mark::FIELD_RESULT if self.shown + 1 == self.fields => self.shown += 1,
            mark::FIELD_RESULT => {}
            mark::FIELD_END => {
                self.fields = self.fields.saturating_sub(1);
                self.shown = self.shown.min(self.fields);
            }
            _ if self.shown < self.fields || unseen == Some(Unseen::Deleted) => {}
            _ if unseen == Some(Unseen::Hidden) => self.hidden_characters += 1,
            _ => self.write(unit),
        }
    }

    /// Whether there was more text than room.
    pub(super) fn is_cut(&self) -> bool {
        self.text.len() > self.room
    }

    /// All of it.
    pub(super) fn into_text(self) -> String {
        String::from_utf16_lossy(&self.text)
    }

    fn write(&mut self, unit: u16) {
        // A row ends in a mark like those of its cells, right after the last.
        let ends_row = unit == mark::CELL && self.is_after_cell;
        self.is_after_cell = unit == mark::CELL && !ends_row;
        match unit {
            mark::CELL if ends_row => {
                self.text.pop_if(|last| *last == TAB);
                self.text.push(LINE_FEED);
            }
            mark::CELL => self.text.push(TAB),
            mark::PARAGRAPH | mark::LINE | mark::PAGE | mark::COLUMN => self.text.push(LINE_FEED),
            mark::FIRM_HYPHEN => self.text.push(HYPHEN),
            mark::PICTURE | mark::DRAWING => self.has_pictures = true,
            mark::COMMENT => self.comments = self.comments.saturating_add(1),
            // Numbers of notes are made when they are shown.
            mark::NOTE | mark::SOFT_HYPHEN | 0x03 | 0x04 | 0x06 => {}
            letter => self.text.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prose(text: &str) -> String {
        let mut prose = Prose::new(1_000);
        text.encode_utf16().for_each(|unit| prose.take(unit, None));
        prose.into_text()
    }

    #[test]
    fn of_a_field_its_result_is_there() {
        let link = "see \u{13} HYPERLINK \"x\" \u{14}here\u{15}.";
        assert_eq!(prose(link), "see here.");
        let nested =
            "\u{13} IF \u{13} DATE \u{14}today\u{15} = \u{14}a \u{13} B \u{14}c\u{15}\u{15}!";
        assert_eq!(prose(nested), "a c!");
        assert_eq!(prose("\u{15}\u{14}a\u{13}b\u{15}c"), "ac");
    }

    #[test]
    fn rows_are_lines_and_cells_stand_between_tabs() {
        assert_eq!(
            prose("a\u{7}b\u{7}\u{7}c\u{7}d\u{7}\u{7}\r"),
            "a\tb\nc\td\n\n"
        );
        assert_eq!(prose("a\u{b}b\u{c}c\u{1e}d\u{1f}e\u{1}\u{2}"), "a\nb\nc-de");
    }

    #[test]
    fn what_is_not_seen_is_not_there() {
        let mut prose = Prose::new(10);
        prose.take(0x61, Some(Unseen::Hidden));
        prose.take(0x62, Some(Unseen::Deleted));
        prose.take(0x63, None);
        assert_eq!(prose.hidden_characters, 1);
        assert_eq!(prose.into_text(), "c");
    }
}
