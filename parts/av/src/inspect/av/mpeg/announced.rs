//! What the first frame of an MP3 tells of all others: the headers of Xing,
//! LAME ("Info") and Fraunhofer ("VBRI").

use super::frame::Frame;
use crate::inspect::reading::big_endian;

/// The first frame as far as it tells.
pub(super) const HEAD_BYTES: usize = 256;

/// What is announced; zeros are left over by those that could not go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Announced {
    /// Frames, without this one.
    pub(super) frames: Option<u64>,
    /// Bytes from this frame on.
    pub(super) bytes: Option<u64>,
}

impl Announced {
    pub(super) fn read(head: &[u8], frame: &Frame) -> Option<Self> {
        let side = match (frame.is_mpeg_1, frame.is_mono) {
            (true, false) => 32,
            (true, true) | (false, false) => 17,
            (false, true) => 9,
        };
        let checksum = if frame.has_checksum { 2 } else { 0 };
        let named = |at: usize, name: &[u8]| {
            let rest = head.get(at..)?;
            rest.starts_with(name).then_some(rest)
        };
        let xing = [4 + side, 4 + side + checksum]
            .into_iter()
            .find_map(|at| named(at, b"Xing").or_else(|| named(at, b"Info")));
        match xing {
            Some(xing) => Some(Self::xing(xing)),
            None => named(36, b"VBRI").map(Self::vbri),
        }
    }

    fn xing(xing: &[u8]) -> Self {
        let flags = big_endian(xing, 4, 4).unwrap_or(0);
        let mut at = 8;
        let mut next = |flag| {
            if flags & flag == 0 {
                return None;
            }
            at += 4;
            big_endian(xing, at - 4, 4)
        };
        Self {
            frames: next(1).filter(|frames| *frames > 0),
            bytes: next(2).filter(|bytes| *bytes > 0),
        }
    }

    fn vbri(vbri: &[u8]) -> Self {
        Self {
            bytes: big_endian(vbri, 10, 4).filter(|bytes| *bytes > 0),
            frames: big_endian(vbri, 14, 4).filter(|frames| *frames > 0),
        }
    }

    /// Whether more was announced than there is. Writers differ by a frame in
    /// what they count, so that each number it gives has to say so.
    pub(super) fn is_more_than(&self, frames: u64, bytes: u64) -> bool {
        let more_frames = self.frames.map(|announced| announced > frames);
        let more_bytes = self.bytes.map(|announced| announced > bytes);
        match (more_frames, more_bytes) {
            (None, None) => false,
            (frames, bytes) => frames.unwrap_or(true) && bytes.unwrap_or(true),
        }
    }
}
