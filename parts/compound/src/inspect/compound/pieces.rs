//! Where the characters of a document stand: its piece table. (\[MS-DOC\],
//! section 2.8.35)
//!
//! A document that was changed keeps what was written first and adds to it, so
//! that its text lies in pieces, in one or in two bytes a character.

use crate::inspect::little_endian::{u16_at, u32_at};
use std::ops::Range;

/// Letters of Windows-1252 from 0x80 on that are not those of Unicode.
const LETTERS_FROM_80: [u16; 32] = [
    0x20ac, 0x81, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039,
    0x0152, 0x8d, 0x017d, 0x8f, 0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
    0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d, 0x017e, 0x0178,
];

/// A run of characters that stand side by side.
#[derive(Debug, PartialEq, Eq)]
struct Piece {
    /// Their numbers among those of the document.
    characters: Range<u32>,
    /// Where the first one stands in the document's stream.
    at: u32,
    is_wide: bool,
}

/// The pieces of a document, in the order in which they are read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pieces(Vec<Piece>);

impl Pieces {
    /// Reads the table; `None` where it is broken, or tells of more characters
    /// than the document's stream has bytes.
    pub(super) fn read(table: &[u8], stream_bytes: usize) -> Option<Self> {
        let mut table = table;
        // What changed the formats of pieces stands before them.
        while let [1, rest @ ..] = table {
            table = rest.get(2 + usize::from(u16_at(rest, 0)?)..)?;
        }
        let [2, table @ ..] = table else {
            return None;
        };
        let length = usize::try_from(u32_at(table, 0)?).ok()?;
        let table = table.get(4..)?.get(..length)?;
        let count = table.len().checked_sub(4)? / 12;
        let mut pieces = Vec::with_capacity(count);
        let mut start = u32_at(table, 0)?;
        for number in 0..count {
            let end = u32_at(table, 4 * number + 4)?;
            let place = u32_at(table, 4 * (count + 1) + 8 * number + 2)?;
            if end < start || usize::try_from(end).ok()? > stream_bytes {
                return None;
            }
            // One bit says that a character is one byte, and where it stands
            // is counted in halves then.
            let is_wide = place & 0x4000_0000 == 0;
            let place = place & 0x3fff_ffff;
            pieces.push(Piece {
                characters: start..end,
                at: if is_wide { place } else { place / 2 },
                is_wide,
            });
            start = end;
        }
        Some(Self(pieces))
    }

    /// The characters of these numbers, in UTF-16, each with where it stands
    /// in the stream; `None` for one that stands beyond its end.
    pub(super) fn characters<'a>(
        &'a self,
        stream: &'a [u8],
        wanted: Range<u32>,
    ) -> impl Iterator<Item = Option<(u16, u32)>> + 'a {
        let first = self
            .0
            .partition_point(|piece| piece.characters.end <= wanted.start);
        let pieces = self.0.get(first..).unwrap_or_default().iter();
        let within = pieces.take_while(move |piece| piece.characters.start < wanted.end);
        within.flat_map(move |piece| {
            let start = piece.characters.start.max(wanted.start);
            let end = piece.characters.end.min(wanted.end);
            (start..end).map(move |number| piece.character(stream, number))
        })
    }
}

impl Piece {
    fn character(&self, stream: &[u8], number: u32) -> Option<(u16, u32)> {
        let passed = number - self.characters.start;
        if self.is_wide {
            let at = self.at.checked_add(passed.checked_mul(2)?)?;
            return Some((u16_at(stream, usize::try_from(at).ok()?)?, at));
        }
        let at = self.at.checked_add(passed)?;
        let byte = *stream.get(usize::try_from(at).ok()?)?;
        let of_its_own = usize::from(byte).checked_sub(0x80);
        let letter = of_its_own.and_then(|place| LETTERS_FROM_80.get(place));
        Some((letter.copied().unwrap_or(u16::from(byte)), at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of pieces: where each ends, and where it stands.
    fn table(pieces: &[(u32, u32)]) -> Vec<u8> {
        let mut list = vec![0; 4];
        list.extend(pieces.iter().flat_map(|(end, _)| end.to_le_bytes()));
        for (_, at) in pieces {
            list.extend([0; 2]);
            list.extend(at.to_le_bytes());
            list.extend([0; 2]);
        }
        let mut table = vec![1, 3, 0, 9, 9, 9, 2];
        table.extend(u32::try_from(list.len()).unwrap().to_le_bytes());
        table.extend(list);
        table
    }

    fn read(pieces: &[(u32, u32)], stream: &[u8], wanted: Range<u32>) -> Option<String> {
        let pieces = Pieces::read(&table(pieces), stream.len())?;
        let units: Option<Vec<u16>> = pieces
            .characters(stream, wanted)
            .map(|found| Some(found?.0))
            .collect();
        Some(String::from_utf16_lossy(&units?))
    }

    #[test]
    fn pieces_are_read_in_their_order_and_width() {
        let stream = b"\x01\x0e\x02\x0eworld\x93";
        let pieces = [(6, 0x4000_0000 | 8), (8, 0)];
        assert_eq!(read(&pieces, stream, 0..8).as_deref(), Some("world“กข"));
        assert_eq!(read(&pieces, stream, 4..7).as_deref(), Some("d“ก"));
    }

    #[test]
    fn what_is_not_there_is_not_read() {
        assert_eq!(read(&[(6, 0x4000_0000 | 8)], b"ab", 0..6), None);
        assert_eq!(read(&[(2, 0x4000_0000 | 8)], b"ab", 0..2), None);
        // More characters than bytes.
        assert_eq!(read(&[(99, 0)], b"abcd", 0..2), None);
        assert_eq!(read(&[(2, 0), (1, 0)], b"abcd", 0..2), None);
    }
}
