//! Reading a file where its structure says to look, and nowhere else.
//!
//! Every length that a file states is measured against the length it has, so
//! that a walk ends in a [`Flaw`] and never in a wait, a panic or a large
//! allocation.

use super::found::Flaw;
use std::io::{self, Read, Seek, SeekFrom};

/// Why a walk stopped before its end.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// The file is not whole, or not one of ours.
    #[error(transparent)]
    Flaw(#[from] Flaw),
    /// Its bytes could not be read, which says nothing about the file.
    #[error("the file could not be read")]
    Unread(#[from] io::Error),
}

impl Stopped {
    pub(super) fn corrupt(at: u64, what: &str) -> Self {
        Self::Flaw(Flaw::corrupt(at, what))
    }
}

/// A file of known length, read piece by piece.
#[derive(Debug)]
pub(super) struct Reading<R> {
    bytes: R,
    len: u64,
    /// How many bytes are fetched at least, to save calls. With 0 not a byte
    /// is touched that was not asked for.
    ahead: usize,
    piece: Vec<u8>,
    piece_at: u64,
}

impl<R: Read + Seek> Reading<R> {
    pub(super) fn new(bytes: R, len: u64, ahead: usize) -> Self {
        Self {
            bytes,
            len,
            ahead,
            piece: Vec::new(),
            piece_at: 0,
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Up to so many bytes from there; fewer only where the file ends.
    pub(super) fn some(&mut self, at: u64, wanted: usize) -> io::Result<&[u8]> {
        let left = self.len.saturating_sub(at);
        let wanted = wanted.min(usize::try_from(left).unwrap_or(usize::MAX));
        if self.kept(at, wanted).is_none() {
            let most = wanted.max(self.ahead);
            let fetched = most.min(usize::try_from(left).unwrap_or(usize::MAX));
            self.fetch(at, fetched)?;
        }
        self.kept(at, wanted)
            .ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
    }

    /// Exactly so many bytes from there; `what` the file ends within, else.
    pub(super) fn exactly<const N: usize>(
        &mut self,
        at: u64,
        what: &str,
    ) -> Result<[u8; N], Stopped> {
        let len = self.len;
        let bytes = self.some(at, N)?;
        bytes
            .try_into()
            .map_err(|_| Stopped::corrupt(len, &format!("the file ends within {what}")))
    }

    /// All of a part that has to be looked at as a whole.
    pub(super) fn whole(
        &mut self,
        at: u64,
        size: u64,
        most: u64,
        what: &str,
    ) -> Result<Vec<u8>, Stopped> {
        if size > self.len.saturating_sub(at) {
            let what = format!("the file ends within {what}");
            return Err(Stopped::corrupt(self.len, &what));
        }
        if size > most {
            let what = format!("{what} is larger than any that is read");
            return Err(Stopped::corrupt(at, &what));
        }
        let mut whole = Vec::new();
        let size = usize::try_from(size).map_err(io::Error::other)?;
        whole.try_reserve_exact(size).map_err(io::Error::other)?;
        whole.resize(size, 0);
        self.bytes.seek(SeekFrom::Start(at))?;
        self.bytes.read_exact(&mut whole)?;
        Ok(whole)
    }

    /// Where the next byte stands that is not zero; the end where there is none.
    pub(super) fn behind_zeros(&mut self, mut at: u64) -> io::Result<u64> {
        const STEP: usize = 4096;
        while at < self.len {
            let piece = self.some(at, STEP)?;
            if let Some(zeros) = piece.iter().position(|byte| *byte != 0) {
                return Ok(at + zeros as u64);
            }
            at += piece.len() as u64;
        }
        Ok(self.len)
    }

    fn kept(&self, at: u64, wanted: usize) -> Option<&[u8]> {
        let from = usize::try_from(at.checked_sub(self.piece_at)?).ok()?;
        self.piece.get(from..from.checked_add(wanted)?)
    }

    fn fetch(&mut self, at: u64, size: usize) -> io::Result<()> {
        self.piece.clear();
        self.piece.resize(size, 0);
        self.piece_at = at;
        self.bytes.seek(SeekFrom::Start(at))?;
        self.bytes.read_exact(&mut self.piece)
    }
}

/// Reads a number of so many bytes, the first one the highest. Bytes that are
/// not there make none.
pub(super) fn big_endian(bytes: &[u8], at: usize, size: usize) -> Option<u64> {
    let number = bytes.get(at..at.checked_add(size)?)?;
    Some(number.iter().fold(0, |n, byte| n << 8 | u64::from(*byte)))
}

/// The same, the first one the lowest.
pub(super) fn little_endian(bytes: &[u8], at: usize, size: usize) -> Option<u64> {
    let number = bytes.get(at..at.checked_add(size)?)?;
    Some(number.iter().rfold(0, |n, byte| n << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn pieces_are_what_stands_there_and_end_with_the_file() {
        let bytes: Vec<u8> = (0..=255).collect();
        for ahead in [0, 10, 100, 1000] {
            let mut reading = Reading::new(Cursor::new(&bytes), 256, ahead);
            for at in [0, 250, 3, 200, 255, 256, 10] {
                let end = (at + 20).min(256);
                let expected = &bytes[at..end];
                assert_eq!(reading.some(at as u64, 20).unwrap(), expected);
            }
            assert!(reading.some(1000, 20).unwrap().is_empty());
            assert!(reading.exactly::<8>(250, "a header").is_err());
        }
    }

    #[test]
    fn a_part_is_measured_before_it_is_read() {
        let mut reading = Reading::new(Cursor::new([7; 100]), 100, 0);
        assert_eq!(reading.whole(90, 10, 50, "it").unwrap(), [7; 10]);
        let told = |result: Result<Vec<u8>, Stopped>| result.unwrap_err().to_string();
        assert_eq!(
            told(reading.whole(90, 11, 50, "it")),
            "the file ends within it, at byte 100"
        );
        assert_eq!(
            told(reading.whole(0, 51, 50, "it")),
            "it is larger than any that is read, at byte 0"
        );
    }

    #[test]
    fn zeros_are_passed_over_whatever_their_number() {
        let mut bytes = vec![0; 10_000];
        let mut reading = Reading::new(Cursor::new(bytes.clone()), 10_000, 0);
        assert_eq!(reading.behind_zeros(3).unwrap(), 10_000);
        bytes[9_000] = 1;
        let mut reading = Reading::new(Cursor::new(bytes), 10_000, 0);
        assert_eq!(reading.behind_zeros(3).unwrap(), 9_000);
    }

    #[test]
    fn a_file_that_is_shorter_than_it_was_said_to_be_is_unread_and_not_corrupt() {
        let mut reading = Reading::new(Cursor::new([7; 50]), 100, 0);
        assert!(matches!(
            reading.exactly::<4>(60, "a header"),
            Err(Stopped::Unread(_))
        ));
    }

    #[test]
    fn numbers_have_either_order_and_bytes_enough() {
        let bytes = [1, 2, 3, 4];
        assert_eq!(big_endian(&bytes, 1, 3), Some(0x0002_0304));
        assert_eq!(little_endian(&bytes, 1, 3), Some(0x0004_0302));
        assert_eq!(big_endian(&bytes, 2, 3), None);
        assert_eq!(little_endian(&bytes, usize::MAX, 3), None);
    }
}
