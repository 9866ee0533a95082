//! The text of a document of Word 97 to 2003: its body, then what boxes say,
//! headers and footers, and notes.

use super::DOCUMENT;
use super::fib::{self, Fib, Story};
use super::file::File;
use super::pieces::Pieces;
use super::prose::Prose;
use super::unseen::Runs;
use crate::attachment::extracted::{Extracted, PartKind};
use crate::attachment::processing::{Processed, ProcessingError};
use crate::inspect::transcript::{Transcript, Unit};

/// What stands beside a body, in the order in which it is told.
const BESIDE: [(Story, &str); 5] = [
    (Story::TextBoxes, "text boxes"),
    (Story::Headers, "headers"),
    (Story::TextBoxesOfHeaders, "text boxes of headers"),
    (Story::Footnotes, "footnotes"),
    (Story::Endnotes, "endnotes"),
];

/// Places of tables in the list of them.
const FORMATS: usize = 12;
const PIECES: usize = 33;

/// The text of a document.
pub(super) fn extract(file: &mut File<'_>, mut transcript: Transcript) -> Extracted {
    let document = match Document::read(file) {
        Ok(document) => document,
        Err(error) => return transcript.finish_as(error),
    };
    if document.unseen.is_none() {
        transcript.misses_something();
    }
    document.tell(Story::Body, (1, ""), &mut transcript);
    let mut number = 1;
    for (story, name) in BESIDE {
        if document.has(story) {
            number += 1;
            document.tell(story, (number, name), &mut transcript);
        }
    }
    let comments = document.prose(Story::Comments, usize::MAX);
    transcript.hidden.comments = comments.comments;
    transcript.finish()
}

/// A document whose text can be found.
#[derive(Debug)]
struct Document {
    stream: Vec<u8>,
    pieces: Pieces,
    /// `None` where it cannot be told what is not seen.
    unseen: Option<Runs>,
}

impl Document {
    fn read(file: &mut File<'_>) -> Result<Self, Processed> {
        let failed = || Processed::Failed(ProcessingError::ExtractorFailed);
        let stream = file.read(DOCUMENT).map_err(|_| failed())?;
        let fib = Fib::read(&stream).ok_or_else(failed)?;
        if fib.is_encrypted {
            return Err(Processed::Skipped(ProcessingError::Encrypted));
        }
        if fib.is_of_word_95() {
            return Err(failed());
        }
        let table = file.read(fib.table).map_err(|_| failed())?;
        let pieces = fib::placed(&stream, &table, PIECES)
            .and_then(|pieces| Pieces::read(pieces, stream.len()))
            .ok_or_else(failed)?;
        let unseen =
            fib::placed(&stream, &table, FORMATS).and_then(|formats| Runs::read(&stream, formats));
        Ok(Self {
            stream,
            pieces,
            unseen,
        })
    }

    /// Whether there is any such story; one of a single mark is none.
    fn has(&self, story: Story) -> bool {
        fib::story(&self.stream, story).is_some_and(|range| range.len() > 1)
    }

    fn tell(&self, story: Story, (number, name): (u32, &str), transcript: &mut Transcript) {
        let prose = self.prose(story, transcript.room());
        let unit = Unit {
            kind: PartKind::Section,
            number,
            name,
            has_pictures: prose.has_pictures,
        };
        transcript.hidden.characters += prose.hidden_characters;
        if prose.is_incomplete {
            transcript.misses_something();
        }
        let is_cut = prose.is_cut();
        let text = prose.into_text();
        // Headers that are there and empty are no part.
        if story == Story::Body || !text.trim().is_empty() {
            transcript.unit(unit, &text);
        }
        if is_cut {
            transcript.was_cut_at(number);
        }
    }

    fn prose(&self, story: Story, room: usize) -> Prose {
        let mut prose = Prose::new(room);
        let range = fib::story(&self.stream, story).unwrap_or_default();
        let expected = range.len();
        let mut met = 0;
        for character in self.pieces.characters(&self.stream, range) {
            met += 1;
            match character {
                Some((unit, at)) => {
                    let unseen = self.unseen.as_ref().and_then(|runs| runs.at(at));
                    prose.take(unit, unseen);
                }
                None => prose.is_incomplete = true,
            }
            if prose.is_cut() {
                return prose;
            }
        }
        prose.is_incomplete |= met < expected;
        prose
    }
}
