//! Strings of a workbook, and the table of those that cells share. (\[MS-XLS\],
//! sections 2.4.265 and 2.5.293)
//!
//! A record ends after 8,224 bytes, in the middle of a string too, which goes
//! on in the next record.

use crate::inspect::little_endian::u32_at;

const IS_WIDE: u8 = 0x01;
const HAS_READING: u8 = 0x04;
const HAS_RUNS: u8 = 0x08;

/// What is left to be read of a record and of those that continue it.
#[derive(Debug)]
pub(super) struct Pieces<'a> {
    piece: &'a [u8],
    /// Last first.
    rest: Vec<&'a [u8]>,
}

impl<'a> Pieces<'a> {
    /// All of a record, and of those that continue it.
    pub(super) fn new(first: &'a [u8], mut continued: Vec<&'a [u8]>) -> Self {
        continued.reverse();
        Self {
            piece: first,
            rest: continued,
        }
    }

    /// A string whose length stands in one byte, as in a sheet's name.
    pub(super) fn short_string(&mut self) -> Option<String> {
        let length = usize::from(self.byte()?);
        let flags = self.byte()?;
        self.letters(length, flags)
    }

    /// A string whose length stands in two bytes, without the formats of its
    /// runs and how it is read aloud.
    pub(super) fn string(&mut self) -> Option<String> {
        let length = usize::from(self.u16()?);
        let flags = self.byte()?;
        let runs = if flags & HAS_RUNS == 0 {
            0
        } else {
            usize::from(self.u16()?)
        };
        let reading = if flags & HAS_READING == 0 {
            0
        } else {
            self.u32()?
        };
        let string = self.letters(length, flags)?;
        self.pass(runs * 4)?;
        self.pass(usize::try_from(reading).ok()?)?;
        Some(string)
    }

    /// So many letters, after the byte that says how wide they are.
    pub(super) fn flagged_letters(&mut self, length: usize) -> Option<String> {
        let flags = self.byte()?;
        self.letters(length, flags)
    }

    fn letters(&mut self, length: usize, mut flags: u8) -> Option<String> {
        let mut units = Vec::new();
        while units.len() < length {
            if self.piece.is_empty() {
                self.turn()?;
                // Where a string goes on, it says again how wide its letters are.
                flags = self.byte()?;
            }
            let left = length - units.len();
            if flags & IS_WIDE == 0 {
                let (letters, rest) = self.piece.split_at(left.min(self.piece.len()));
                units.extend(letters.iter().map(|letter| u16::from(*letter)));
                self.piece = rest;
            } else {
                let whole = self.piece.len() / 2 * 2;
                if whole == 0 {
                    return None;
                }
                let (letters, rest) = self.piece.split_at(whole.min(left * 2));
                let letters = letters.as_chunks::<2>().0;
                units.extend(letters.iter().map(|letter| u16::from_le_bytes(*letter)));
                self.piece = rest;
            }
        }
        Some(String::from_utf16_lossy(&units))
    }

    fn pass(&mut self, mut count: usize) -> Option<()> {
        while count > self.piece.len() {
            count -= self.piece.len();
            self.turn()?;
        }
        self.piece = self.piece.get(count..)?;
        Some(())
    }

    fn u32(&mut self) -> Option<u32> {
        let low = self.u16()?;
        Some(u32::from(low) | u32::from(self.u16()?) << 16)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes([self.byte()?, self.byte()?]))
    }

    fn byte(&mut self) -> Option<u8> {
        while self.piece.is_empty() {
            self.turn()?;
        }
        let (byte, rest) = self.piece.split_first()?;
        self.piece = rest;
        Some(*byte)
    }

    /// Goes on to the next record.
    fn turn(&mut self) -> Option<()> {
        self.piece = self.rest.pop()?;
        Some(())
    }
}

/// Strings that cells share, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Strings {
    text: String,
    ends: Vec<usize>,
}

impl Strings {
    /// Reads the table as far as it is whole, and says whether all of it is.
    pub(super) fn read(table: &[u8], continued: Vec<&[u8]>) -> (Self, bool) {
        let mut strings = Self::default();
        // How many cells there are comes before how many strings there are.
        let (Some(count), Some(content)) = (u32_at(table, 4), table.get(8..)) else {
            return (strings, false);
        };
        let mut pieces = Pieces::new(content, continued);
        for _ in 0..count {
            let Some(string) = pieces.string() else {
                return (strings, false);
            };
            strings.text.push_str(&string);
            strings.ends.push(strings.text.len());
        }
        (strings, true)
    }

    /// The string of this number, from 0.
    pub(super) fn get(&self, number: usize) -> Option<&str> {
        let end = *self.ends.get(number)?;
        let start = match number.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.text.get(start..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_goes_on_in_the_next_record_in_letters_of_another_width() {
        let first = b"\x09\0\0\0\x03\0\0\0\x05\0\0abc";
        let next = b"\x01d\0\x01\x0e\x02\0\x0d\x01\0\x04\0\0\0z\0y\0ffffread";
        let (strings, is_whole) = Strings::read(first, vec![next, b"\x01\0\0q"]);
        let all: Vec<Option<&str>> = (0..4).map(|number| strings.get(number)).collect();
        assert_eq!(all, [Some("abcdก"), Some("zy"), Some("q"), None]);
        assert!(is_whole);
        let (strings, is_whole) = Strings::read(first, Vec::new());
        assert_eq!((strings.get(0), is_whole), (None, false));
    }

    #[test]
    fn runs_and_readings_are_passed_over() {
        let table = b"\x02\0\0\0\x02\0\0\0\x01\0\x0d\x01\0\x04\0\0\0\x0b\x4efff";
        let (strings, is_whole) = Strings::read(table, vec![b"fread\x01\0", b"\0q"]);
        assert_eq!(
            (strings.get(0), strings.get(1)),
            (Some("\u{4e0b}"), Some("q"))
        );
        assert!(is_whole);
    }
}
