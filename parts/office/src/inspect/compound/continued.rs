//! Strings in the records of a workbook (\[MS-XLS\], sections 2.5.240 and
//! 2.5.293). A record ends after 8,224 bytes, in the middle of a string too,
//! which then goes on in the next.

use crate::inspect::little_endian::u16_at;
use std::collections::VecDeque;

const IS_WIDE: u8 = 0x01;
const HAS_READING: u8 = 0x04;
const HAS_RUNS: u8 = 0x08;

/// The content of a record and of those that continue it.
#[derive(Debug, Default)]
pub(super) struct Continued<'a>(VecDeque<&'a [u8]>);

impl<'a> Continued<'a> {
    /// Adds what comes next.
    pub(super) fn push(&mut self, piece: &'a [u8]) {
        self.0.push_back(piece);
    }

    /// Whether nothing has been added, or all has been read.
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|piece| piece.is_empty())
    }

    /// Passes over so many bytes.
    pub(super) fn pass(&mut self, mut count: usize) -> Option<()> {
        while count > 0 {
            let piece = self.piece()?;
            let passed = count.min(piece.len());
            *piece = piece.get(passed..)?;
            count -= passed;
        }
        Some(())
    }

    /// Reads a string that says its length in two bytes, and what is beside it.
    pub(super) fn string(&mut self) -> Option<String> {
        let length = usize::from(self.u16()?);
        let flags = self.byte()?;
        let runs = if flags & HAS_RUNS == 0 {
            0
        } else {
            usize::from(self.u16()?)
        };
        let reading = match flags & HAS_READING {
            0 => 0,
            _ => usize::from(self.u16()?) | usize::from(self.u16()?) << 16,
        };
        let string = self.letters(length, flags)?;
        self.pass(runs * 4)?;
        self.pass(reading)?;
        Some(string)
    }

    /// Reads so many letters.
    pub(super) fn letters(&mut self, length: usize, mut flags: u8) -> Option<String> {
        let mut letters = Vec::new();
        while letters.len() < length {
            let is_at_end = self.0.front().is_none_or(|piece| piece.is_empty());
            if is_at_end {
                // In the next record it says again how wide its letters are.
                flags = self.byte()?;
            }
            letters.push(match flags & IS_WIDE {
                0 => u16::from(self.byte()?),
                _ => self.u16()?,
            });
        }
        Some(String::from_utf16_lossy(&letters))
    }

    fn u16(&mut self) -> Option<u16> {
        let bytes = [self.byte()?, self.byte()?];
        u16_at(&bytes, 0)
    }

    fn byte(&mut self) -> Option<u8> {
        let piece = self.piece()?;
        let (first, rest) = piece.split_first()?;
        *piece = rest;
        Some(*first)
    }

    /// What is left of the first piece that has not been read.
    fn piece(&mut self) -> Option<&mut &'a [u8]> {
        while self.0.front()?.is_empty() {
            self.0.pop_front();
        }
        self.0.front_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_goes_on_in_the_next_record() {
        let mut record = Continued::default();
        record.push(b"\x05\0\0abc");
        // The second one has runs and a reading, which are passed over.
        record.push(b"\x01d\0\x01\x0e\x01\0\x0c\x01\0\x02\0\0\0zffff");
        record.push(b"rr");
        assert_eq!(record.string().as_deref(), Some("abcdก"));
        assert_eq!(record.string().as_deref(), Some("z"));
        assert!(record.is_empty());
    }

    #[test]
    fn a_string_that_is_not_whole_is_none() {
        let mut record = Continued::default();
        record.push(b"\x09\0\0abc");
        assert_eq!(record.string(), None);
        assert!(record.is_empty());
    }
}
