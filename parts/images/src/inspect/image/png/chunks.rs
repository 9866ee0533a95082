//! The chunks of a PNG. [PNG, third edition, 5.3]

use super::u32_at;
use crate::inspect::found::Flaw;

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// Length and kind before the data, and the checksum behind it.
const FRAME: usize = 12;

/// One chunk.
pub(in super::super) struct Chunk<'a> {
    /// Where it begins, in bytes from the beginning of the file.
    pub(in super::super) at: u64,
    pub(in super::super) kind: &'a [u8; 4],
    pub(in super::super) data: &'a [u8],
    /// All of it: length, kind, data and checksum.
    pub(in super::super) whole: &'a [u8],
}

/// Chunks up to IEND, each with its checksum proved where it matters. It ends
/// behind IEND or at the first that is broken.
pub(in super::super) struct Chunks<'a> {
    bytes: &'a [u8],
    at: usize,
    has_ended: bool,
}

impl<'a> Chunks<'a> {
    pub(in super::super) fn of(bytes: &'a [u8]) -> Result<Self, Flaw> {
        if !bytes.starts_with(SIGNATURE) {
            return Err(Flaw::corrupt(0, "the picture does not begin as one"));
        }
        Ok(Self {
            bytes,
            at: SIGNATURE.len(),
            has_ended: false,
        })
    }

    fn chunk(&self) -> Result<Chunk<'a>, Flaw> {
        let at = self.at as u64;
        let cut = || Flaw::corrupt(at, "a chunk is cut");
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = u32_at(rest, 0).ok_or_else(cut)? as usize;
        let whole = length.checked_add(FRAME).and_then(|end| rest.get(..end));
        let whole = whole.ok_or_else(cut)?;
        let checked = whole.get(4..length + 8).ok_or_else(cut)?;
        let (kind, data) = checked.split_first_chunk::<4>().ok_or_else(cut)?;
        if !kind.iter().all(u8::is_ascii_alphabetic) {
            return Err(Flaw::corrupt(at, "a chunk has no name"));
        }
        if matters(kind) && u32_at(whole, length + 8) != Some(crc32fast::hash(checked)) {
            return Err(Flaw::corrupt(at, "a chunk's checksum does not fit"));
        }
        Ok(Chunk {
            at,
            kind,
            data,
            whole,
        })
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Result<Chunk<'a>, Flaw>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let chunk = self.chunk();
        match &chunk {
            Ok(chunk) => {
                self.at += chunk.whole.len();
                self.has_ended = chunk.kind == b"IEND";
            }
            Err(_) => self.has_ended = true,
        }
        Some(chunk)
    }
}

/// Whether a picture is shown otherwise where this chunk is broken. Browsers do
/// not look at the checksums of the others, and real files have wrong ones.
fn matters(kind: &[u8; 4]) -> bool {
    let is_critical = kind.first().is_some_and(u8::is_ascii_uppercase);
    is_critical || matches!(kind, b"fcTL" | b"fdAT")
}
