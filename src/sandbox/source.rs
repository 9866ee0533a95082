//! The file that a child inspects.
//!
//! It is read by offset only. The offset of the descriptor is shared with
//! whoever else has it open, so nothing here relies on it or moves it.

use rustix::fs::fstat;
use rustix::io::pread;
use rustix::stdio::stdin;
use std::io::{self, Read, Seek, SeekFrom};

/// The file that a child inspects.
#[derive(Debug)]
pub struct Source {
    length: u64,
    at: u64,
}

impl Source {
    /// The file at descriptor 0; reads nothing yet.
    pub(super) fn open() -> io::Result<Self> {
        let length = u64::try_from(fstat(stdin())?.st_size).unwrap_or(0);
        Ok(Self { length, at: 0 })
    }

    /// How many bytes there are.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.length
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// All bytes. [`io::ErrorKind::OutOfMemory`] where there is no room for
    /// them, which is no crash yet.
    pub fn read_all(&self) -> io::Result<Vec<u8>> {
        let length = usize::try_from(self.length).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length)?;
        bytes.resize(length, 0);
        let mut whole = Self {
            length: self.length,
            at: 0,
        };
        whole.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = pread(stdin(), buffer, self.at)?;
        self.at = self.at.saturating_add(read as u64);
        Ok(read)
    }
}

impl Seek for Source {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (from, by) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::End(by) => (self.length, by),
            SeekFrom::Current(by) => (self.at, by),
        };
        // The kernel knows no offset beyond that of a signed number.
        let at = from
            .checked_add_signed(by)
            .filter(|at| i64::try_from(*at).is_ok());
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seek_beyond_all_numbers_is_an_error() {
        let mut source = Source { length: 10, at: 4 };
        assert_eq!(source.seek(SeekFrom::End(-3)).unwrap(), 7);
        assert_eq!(source.seek(SeekFrom::Current(20)).unwrap(), 27);
        for beyond in [
            SeekFrom::End(-11),
            SeekFrom::Current(-28),
            SeekFrom::Start(u64::MAX),
            SeekFrom::Current(i64::MAX),
        ] {
            assert!(source.seek(beyond).is_err(), "{beyond:?}");
        }
        assert_eq!(source.stream_position().unwrap(), 27);
    }
}
