//! How a document of Word begins: the File Information Block, which says where
//! everything is. (\[MS-DOC\], section 2.5)

use crate::inspect::little_endian::{u16_at, u32_at};
use std::ops::Range;

/// What Word 97 wrote; lower numbers are of Word 95 and older.
const WORD_97: u16 = 0x00c1;

const IS_ENCRYPTED: u16 = 0x0100;
const HAS_TABLE_1: u16 = 0x0200;

/// Where the counts of characters stand, of the body first.
const COUNTS_AT: usize = 76;
/// Where the pairs of offset and length begin.
const PLACES_AT: usize = 154;

/// What a document says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fib {
    /// Whether a password is needed.
    pub(super) is_encrypted: bool,
    /// The stream that its tables stand in.
    pub(super) table: &'static str,
    version: u16,
}

/// A text that a document is made of, in the order in which they follow one
/// another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Story {
    Body = 0,
    Footnotes = 1,
    Headers = 2,
    Comments = 4,
    Endnotes = 5,
    TextBoxes = 6,
    TextBoxesOfHeaders = 7,
}

impl Fib {
    /// Reads the beginning of the document's stream; `None` where it is none.
    pub(super) fn read(stream: &[u8]) -> Option<Self> {
        // A FIB of Word 97 is longer, and one of Word 6 is not shorter.
        if stream.len() < 512 || !matches!(u16_at(stream, 0)?, 0xa5ec | 0xa5dc) {
            return None;
        }
        let flags = u16_at(stream, 10)?;
        Some(Self {
            is_encrypted: flags & IS_ENCRYPTED != 0,
            table: if flags & HAS_TABLE_1 == 0 {
                "0Table"
            } else {
                "1Table"
            },
            version: u16_at(stream, 2)?,
        })
    }

    /// Whether it is of a Word whose documents are made otherwise.
    pub(super) fn is_of_word_95(&self) -> bool {
        self.version < WORD_97
    }
}

/// Where a story's characters are among those of the document.
pub(super) fn story(stream: &[u8], story: Story) -> Option<Range<u32>> {
    let mut start = 0_u32;
    for place in 0..story as usize {
        start = start.checked_add(u32_at(stream, COUNTS_AT + 4 * place)?)?;
    }
    let length = u32_at(stream, COUNTS_AT + 4 * story as usize)?;
    Some(start..start.checked_add(length)?)
}

/// What stands at the place of this number in the table stream: 33 is the
/// piece table, 12 says where the formats of characters are.
pub(super) fn placed<'t>(stream: &[u8], table: &'t [u8], number: usize) -> Option<&'t [u8]> {
    let at = usize::try_from(u32_at(stream, PLACES_AT + 8 * number)?).ok()?;
    let length = usize::try_from(u32_at(stream, PLACES_AT + 8 * number + 4)?).ok()?;
    table.get(at..at.checked_add(length)?)
}
