//! The text of a Word document of 1997 to 2003 (\[MS-DOC\]), by its piece
//! table: the text lies in pieces all over the file, in the order of none.

use super::directory::Compound;
use super::formatting::{Formatting, Look};
use crate::attachment::processing::{Processed, ProcessingError};
use crate::inspect::extracted::{Extracted, PartKind};
use crate::inspect::found::Flaw;
use crate::inspect::little_endian::{index_at, slice_at, u16_at, u32_at};
use crate::inspect::transcript::{Transcript, Unit};
use encoding_rs::WINDOWS_1252;

/// Where the text and the table of contents of the file (the FIB) are.
pub(super) const STREAM: &str = "WordDocument";

/// Word 97 and later write this first, Word 6 and 95 the other.
const SINCE_97: u16 = 0xa5ec;
const BEFORE_97: u16 = 0xa5dc;

/// The letters of each kind of text, in the order in which they stand: where
/// their number is said in the FIB, and what they are.
const TEXTS: [(usize, Text); 8] = [
    (0x4c, Text::Told("")),
    (0x50, Text::Told("footnotes")),
    (0x54, Text::Told("header")),
    (0x58, Text::Passed),
    (0x5c, Text::Comments),
    (0x60, Text::Told("endnotes")),
    (0x64, Text::Told("text boxes")),
    (0x68, Text::Told("header text boxes")),
];

/// What is made of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Text {
    /// It is written down under this name.
    Told(&'static str),
    /// A person does not see them in the text.
    Comments,
    /// Of macros, in versions that nobody has.
    Passed,
}

/// Whether a password is needed; refuses what is no document.
pub(super) fn check(compound: &Compound<'_>, document: &[u8]) -> Result<bool, Flaw> {
    let broken = |what| Flaw::corrupt(0, what);
    let version = u16_at(document, 0).ok_or_else(|| broken("a document without a beginning"))?;
    let flags = u16_at(document, 10).ok_or_else(|| broken("a document without a beginning"))?;
    if version == SINCE_97 {
        if !compound.has(table_name(flags)) {
            return Err(broken("a document without its table"));
        }
    } else if version != BEFORE_97 {
        return Err(broken("a document that does not begin as one"));
    }
    Ok(is_encrypted(flags))
}

/// The text of the document in this file.
pub(super) fn extract(compound: &Compound<'_>, transcript: Transcript) -> Extracted {
    let failed = |transcript: Transcript, error| transcript.finish_as(Processed::Failed(error));
    let Some(document) = compound.stream(&[STREAM]) else {
        return failed(transcript, ProcessingError::ExtractorFailed);
    };
    let flags = u16_at(&document, 10).unwrap_or_default();
    if is_encrypted(flags) {
        return transcript.finish_as(Processed::Skipped(ProcessingError::Encrypted));
    }
    if u16_at(&document, 0) != Some(SINCE_97) {
        return failed(transcript, ProcessingError::UnsupportedFormat);
    }
    let table = compound.stream(&[table_name(flags)]).unwrap_or_default();
    let Some(pieces) = pieces(&document, &table) else {
        return failed(transcript, ProcessingError::ExtractorFailed);
    };
    let formatting = Formatting::read(&document, &table);
    tell(&document, &pieces, &formatting, transcript)
}

fn tell(
    document: &[u8],
    pieces: &[Piece],
    formatting: &Formatting,
    mut transcript: Transcript,
) -> Extracted {
    let mut begin = 0_usize;
    let mut number = 1;
    for (at, text) in TEXTS {
        let length = index_at(document, at).unwrap_or_default();
        let letters = begin..begin.saturating_add(length);
        begin = letters.end;
        let Text::Told(name) = text else {
            continue;
        };
        let mut prose = Prose::new(transcript.room());
        for piece in pieces {
            piece.read(document, formatting, &letters, &mut prose);
        }
        transcript.hidden.characters += prose.hidden_characters;
        transcript.hidden.comments += prose.comments;
        let is_body = name.is_empty();
        if !is_body && prose.text.trim().is_empty() {
            continue;
        }
        let unit = Unit {
            kind: PartKind::Section,
            number,
            name,
            has_pictures: is_body && prose.has_pictures,
        };
        transcript.unit(unit, &prose.text);
        if prose.is_cut() {
            transcript.was_cut_at(number);
        }
        number += 1;
    }
    transcript.finish()
}

fn is_encrypted(flags: u16) -> bool {
    flags & 0x0100 != 0
}

/// A flag says which of two tables is the one that counts.
fn table_name(flags: u16) -> &'static str {
    match flags & 0x0200 {
        0 => "0Table",
        _ => "1Table",
    }
}

/// Letters that lie together in the file.
#[derive(Debug)]
struct Piece {
    /// The numbers of its first letter, and of the first behind it.
    begin: usize,
    end: usize,
    /// Where the first one lies.
    at: usize,
    /// Whether its letters have one byte each, in Windows-1252, or two.
    is_narrow: bool,
}

/// The piece table (section 2.9.38): behind property lists that begin with 1,
/// a table that begins with 2.
fn pieces(document: &[u8], table: &[u8]) -> Option<Vec<Piece>> {
    let mut rest = slice_at(
        table,
        index_at(document, 0x1a2)?,
        index_at(document, 0x1a6)?,
    )?;
    while rest.first() == Some(&1) {
        rest = rest.get(3 + usize::from(u16_at(rest, 1)?)..)?;
    }
    if rest.first() != Some(&2) {
        return None;
    }
    let list = slice_at(rest, 5, index_at(rest, 1)?)?;
    let count = list.len().checked_sub(4)? / 12;
    let mut pieces = Vec::with_capacity(count);
    let mut before = 0;
    for number in 0..count {
        let place = u32_at(list, 4 * (count + 1) + 8 * number + 2)?;
        let at = usize::try_from(place & 0x3fff_ffff).ok()?;
        let is_narrow = place & 0x4000_0000 != 0;
        let (begin, end) = (
            index_at(list, 4 * number)?,
            index_at(list, 4 * (number + 1))?,
        );
        // They follow each other, so that no letter is told twice.
        if begin < before || end < begin {
            return None;
        }
        before = end;
        pieces.push(Piece {
            begin,
            end,
            at: if is_narrow { at / 2 } else { at },
            is_narrow,
        });
    }
    Some(pieces)
}

impl Piece {
    /// Writes down those of its letters whose numbers are wanted.
    fn read(
        &self,
        document: &[u8],
        formatting: &Formatting,
        wanted: &std::ops::Range<usize>,
        prose: &mut Prose,
    ) {
        let from = self.begin.max(wanted.start);
        let to = self.end.min(wanted.end);
        let width = if self.is_narrow { 1 } else { 2 };
        for number in from..to {
            let at = self
                .at
                .saturating_add((number - self.begin).saturating_mul(width));
            let unit = if self.is_narrow {
                document.get(at).map(|byte| u16::from(*byte))
            } else {
                u16_at(document, at)
            };
            let Some(unit) = unit else {
                return;
            };
            if prose.is_cut() {
                return;
            }
            let unit = if self.is_narrow { widened(unit) } else { unit };
            prose.take(unit, formatting.look_at(at));
        }
    }
}

/// The letter of a byte in Windows-1252.
fn widened(byte: u16) -> u16 {
    let Ok(byte @ 0x80..) = u8::try_from(byte) else {
        return byte;
    };
    let bytes = [byte];
    let (letter, _) = WINDOWS_1252.decode_without_bom_handling(&bytes);
    letter.encode_utf16().next().unwrap_or_default()
}

/// A text as far as it has been read.
#[derive(Debug)]
struct Prose {
    text: String,
    room: usize,
    hidden_characters: u64,
    comments: u32,
    has_pictures: bool,
    /// The first half of a letter that has two.
    half: Option<u16>,
    /// Of the fields that are open, whether what they do is being said and not
    /// yet what they show.
    instructions: Vec<bool>,
    /// Whether the last letter ended a cell.
    after_cell: bool,
}

/// Fields within each other.
const MAX_FIELDS: usize = 256;

impl Prose {
    fn new(room: usize) -> Self {
        Self {
            text: String::new(),
            room,
            hidden_characters: 0,
            comments: 0,
            has_pictures: false,
            half: None,
            instructions: Vec::new(),
            after_cell: false,
        }
    }

    fn is_cut(&self) -> bool {
        self.text.len() > self.room
    }

    /// Takes the next letter; some stand for what is no letter (section 2.4.1).
    fn take(&mut self, unit: u16, look: Look) {
        let after_cell = std::mem::take(&mut self.after_cell);
        match unit {
            0x13 if self.instructions.len() < MAX_FIELDS => self.instructions.push(true),
            0x14 => {
                if let Some(is_instruction) = self.instructions.last_mut() {
                    *is_instruction = false;
                }
            }
            0x15 => {
                self.instructions.pop();
            }
            _ if look == Look::Deleted || self.instructions.contains(&true) => {}
            0x05 => self.comments = self.comments.saturating_add(1),
            0x01 | 0x08 => self.has_pictures = true,
            // The mark that ends a row follows the one that ends its last cell.
            0x07 if after_cell => {
                self.text.pop();
                self.text.push('\n');
            }
            0x07 => {
                self.text.push('\t');
                self.after_cell = true;
            }
            0x0b..=0x0e => self.text.push('\n'),
            0x1e => self.text.push('-'),
            0x09 => self.text.push('\t'),
            // Marks of notes, hyphens that are only seen at the end of a line.
            0..0x20 => {}
            _ if look == Look::Hidden => self.hidden_characters += 1,
            unit => self.write(unit),
        }
    }

    fn write(&mut self, unit: u16) {
        let half = self.half.take();
        let letters = half.into_iter().chain([unit]);
        for letter in char::decode_utf16(letters) {
            match letter {
                Ok(letter) => self.text.push(letter),
                Err(lone) if (0xd800..0xdc00).contains(&lone.unpaired_surrogate()) => {
                    self.half = Some(lone.unpaired_surrogate());
                }
                Err(_) => {}
            }
        }
    }
}
