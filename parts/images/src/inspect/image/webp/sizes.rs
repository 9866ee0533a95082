//! What the chunks of a WebP say of its size, before any of it is decoded, and
//! what decoding it will take. [RFC 9649, 2.7; RFC 6386, 9.1]

use super::chunks::{Chunk, Chunks};
use crate::inspect::found::Flaw;

/// What a frame says of itself before its chunks.
const FRAME_HEADER: usize = 16;
const ANIMATED: u8 = 0x02;

/// The ways in which the pictures of a file are coded. All sizes are those of
/// the canvas, or of a frame within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Coding {
    lossy: bool,
    lossless: bool,
    alpha: bool,
}

impl Coding {
    /// Of a chunk of a picture of this size; nothing where it is none. A picture
    /// of another size is refused before a decoder takes memory for it.
    pub(super) fn of(chunk: &Chunk, size: (u32, u32)) -> Result<Self, Flaw> {
        let mut coding = Self::default();
        let said = match chunk.kind {
            b"VP8 " => {
                coding.lossy = true;
                lossy(chunk.data)
            }
            b"VP8L" => {
                coding.lossless = true;
                lossless(chunk.data)
            }
            b"ALPH" => {
                coding.alpha = true;
                return Ok(coding);
            }
            _ => return Ok(coding),
        };
        match said {
            Some(said) if said == size => Ok(coding),
            Some(_) => Err(Flaw::corrupt(chunk.at, "the picture has two sizes")),
            None => Err(Flaw::corrupt(chunk.at, "the image data has no header")),
        }
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self {
            lossy: self.lossy || other.lossy,
            lossless: self.lossless || other.lossless,
            alpha: self.alpha || other.alpha,
        }
    }

    /// Bytes that decoding takes, in tenths of a pixel's: the output, of an
    /// animation the canvas and the frame too, and what is held beside them.
    pub(super) fn need(self, (width, height): (u32, u32), is_animated: bool) -> u64 {
        let (output, canvas) = if is_animated { (40, 80) } else { (40, 0) };
        let lossy = match (self.lossy, self.alpha) {
            // Luma at full size, both chromas at a quarter; opacity is read as
            // a picture of its own, and kept as a byte.
            (true, true) => 15 + 50,
            (true, false) => 15,
            _ => 0,
        };
        // Without opacity, four channels are read to give three.
        let lossless = if self.lossless { 42 } else { 0 };
        let pixels = u64::from(width) * u64::from(height);
        pixels * (output + canvas + lossy.max(lossless)) / 10
    }
}

/// The size of the whole picture, by its first chunk.
pub(super) fn canvas(first: &Chunk) -> Result<(u32, u32), Flaw> {
    let size = match first.kind {
        b"VP8 " => lossy(first.data),
        b"VP8L" => lossless(first.data),
        b"VP8X" => u24_at(first.data, 4)
            .zip(u24_at(first.data, 7))
            .map(from_zero),
        _ => None,
    };
    size.ok_or_else(|| Flaw::corrupt(first.at, "the picture has no header"))
}

/// Whether the first chunk says that it moves.
pub(super) fn is_animated(first: &Chunk) -> bool {
    first.kind == b"VP8X"
        && first
            .data
            .first()
            .is_some_and(|flags| flags & ANIMATED != 0)
}

/// How a frame of an animation is coded. It has to lie within the canvas.
pub(super) fn frame(chunk: &Chunk, canvas: (u32, u32)) -> Result<Coding, Flaw> {
    let broken = || Flaw::corrupt(chunk.at, "a frame is broken");
    let at = |place| u24_at(chunk.data, place).ok_or_else(broken);
    let (left, top) = (2 * at(0)?, 2 * at(3)?);
    let (width, height) = from_zero((at(6)?, at(9)?));
    if left + width > canvas.0 || top + height > canvas.1 {
        return Err(Flaw::corrupt(chunk.at, "a frame lies beyond the canvas"));
    }
    let mut coding = Coding::default();
    for inner in Chunks::within(chunk.data, FRAME_HEADER) {
        let inner = inner.map_err(|_| broken())?;
        coding = coding.and(Coding::of(&inner, (width, height))?);
    }
    Ok(coding)
}

/// What the first bytes of a key frame say.
fn lossy(data: &[u8]) -> Option<(u32, u32)> {
    let [_, _, _, 0x9d, 0x01, 0x2a, w1, w2, h1, h2] = *data.first_chunk()? else {
        return None;
    };
    // The upper two bits of each are how it is scaled.
    let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    Some((side(w1, w2), side(h1, h2)))
}

fn lossless(data: &[u8]) -> Option<(u32, u32)> {
    let [0x2f, bits @ ..] = *data.first_chunk::<5>()? else {
        return None;
    };
    let bits = u32::from_le_bytes(bits);
    Some(from_zero((bits & 0x3fff, bits >> 14 & 0x3fff)))
}

/// Sizes that are said as one less than they are.
const fn from_zero((width, height): (u32, u32)) -> (u32, u32) {
    (width + 1, height + 1)
}

fn u24_at(bytes: &[u8], at: usize) -> Option<u32> {
    let [low, middle, high] = *bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes([low, middle, high, 0]))
}
