//! The chunks of a RIFF container. [RFC 9649, 2.3 and 2.4]

use crate::inspect::found::Flaw;

/// Kind and length before the data.
const HEADER: usize = 8;

/// One chunk.
#[derive(Clone, Copy)]
pub(in super::super) struct Chunk<'a> {
    /// Where it begins, in bytes from the beginning of what is walked.
    pub(in super::super) at: u64,
    pub(in super::super) kind: &'a [u8; 4],
    pub(in super::super) data: &'a [u8],
}

/// Chunks up to the end of what holds them, or up to the first that is cut.
pub(in super::super) struct Chunks<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Chunks<'a> {
    /// Those of a file, whose header says how long it is; what follows is none
    /// of the picture's.
    pub(in super::super) fn of(bytes: &'a [u8]) -> Result<Self, Flaw> {
        let is_webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
        let length = length_at(bytes, 4);
        let (Some(length), true) = (length, is_webp) else {
            return Err(Flaw::corrupt(0, "the picture does not begin as one"));
        };
        let end = length.checked_add(HEADER);
        let end = end.filter(|end| *end <= bytes.len());
        Ok(Self {
            bytes,
            at: 12,
            end: end.ok_or_else(|| Flaw::corrupt(bytes.len() as u64, "the picture ends early"))?,
        })
    }

    /// Those within a chunk, behind so many bytes of its own.
    pub(in super::super) const fn within(data: &'a [u8], at: usize) -> Self {
        Self {
            bytes: data,
            at,
            end: data.len(),
        }
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Result<Chunk<'a>, Flaw>;

    fn next(&mut self) -> Option<Self::Item> {
        // What is shorter than a header is filling.
        if self.end.saturating_sub(self.at) < HEADER {
            return None;
        }
        let at = self.at;
        let kind = self.bytes.get(at..)?.first_chunk()?;
        let length = length_at(self.bytes, at + 4)?;
        let begin = at + HEADER;
        // A container may say too little of itself, but its chunks are in the file.
        let data = length
            .checked_add(begin)
            .and_then(|end| self.bytes.get(begin..end));
        let Some(data) = data else {
            self.end = 0;
            return Some(Err(Flaw::corrupt(at as u64, "a chunk is cut")));
        };
        self.at = begin + length + length % 2;
        Some(Ok(Chunk {
            at: at as u64,
            kind,
            data,
        }))
    }
}

fn length_at(bytes: &[u8], at: usize) -> Option<usize> {
    let length = u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?);
    usize::try_from(length).ok()
}
