//! Whether a scan that nothing ends is all there: its blocks are counted, and
//! none of them is decoded. [ITU-T T.81, F.2.2]
//!
//! Some cameras leave the end marker away, and fill up with zeros. A download
//! that broke off may be filled up with zeros too, and zeros can be read as
//! blocks: so the last block has to end before the zeros begin.

use super::Scan;
use super::frame::{Component, Frame};
use super::huffman::{Codes, Tables};
use crate::inspect::found::Flaw;

/// A component of the scan.
struct Coded<'a> {
    /// Blocks in a unit.
    blocks: u64,
    dc: Codes<'a>,
    ac: Codes<'a>,
}

/// Goes through the data of the last scan of a sequential picture.
pub(super) fn prove_complete(
    bytes: &[u8],
    frame: &Frame,
    tables: &Tables,
    scan: Scan,
) -> Result<(), Flaw> {
    let at = scan.at as u64;
    let coded = components(frame, tables, scan.header)
        .ok_or_else(|| Flaw::corrupt(at, "the scan's header is broken"))?;
    let units = match coded.as_slice() {
        [(alone, _)] => frame.blocks_of(*alone),
        _ => frame.units(),
    };
    let is_alone = coded.len() == 1;
    let mut bits = Bits {
        bytes,
        at: scan.at,
        held: 0,
        count: 0,
    };
    for unit in 0..units {
        let ended = |bits: &Bits| Flaw::corrupt(bits.at as u64, "the image data ends early");
        let restarts = |interval| unit > 0 && unit % interval == 0;
        if tables.interval().is_some_and(restarts) {
            bits.restart().ok_or_else(|| ended(&bits))?;
        }
        for (_, component) in &coded {
            let blocks = if is_alone { 1 } else { component.blocks };
            for _ in 0..blocks {
                bits.block(component).ok_or_else(|| ended(&bits))?;
            }
        }
    }
    let data = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0) + 1;
    if bits.at > data || bits.at == data && !bits.are_filled_up() {
        return Err(Flaw::corrupt(data as u64, "the image data ends early"));
    }
    Ok(())
}

fn components<'a>(
    frame: &Frame,
    tables: &Tables<'a>,
    header: &[u8],
) -> Option<Vec<(Component, Coded<'a>)>> {
    let (count, rest) = header.split_first()?;
    let (listed, _) = rest.get(..2 * usize::from(*count))?.as_chunks::<2>();
    if !matches!(listed.len(), 1..=4) {
        return None;
    }
    let component = |[id, which]: &[u8; 2]| {
        let mut all = frame.components().iter();
        let component = *all.find(|component| component.id == *id)?;
        let coded = Coded {
            blocks: component.across * component.down,
            dc: tables.dc(which >> 4)?,
            ac: tables.ac(which & 15)?,
        };
        Some((component, coded))
    };
    listed.iter().map(component).collect()
}

/// The bits of a scan, up to the next marker.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    /// What is left of the last byte.
    held: u8,
    count: u8,
}

impl Bits<'_> {
    /// Passes over a block.
    fn block(&mut self, component: &Coded) -> Option<()> {
        let length = component.dc.read(|| self.bit())?;
        self.skip(length)?;
        let mut coefficient = 1_u32;
        while coefficient < 64 {
            let code = component.ac.read(|| self.bit())?;
            match (code >> 4, code & 15) {
                (15, 0) => coefficient += 16,
                (_, 0) => return Some(()),
                (zeros, length) => {
                    coefficient += u32::from(zeros) + 1;
                    self.skip(length)?;
                }
            }
        }
        (coefficient == 64).then_some(())
    }

    /// Passes over a restart marker, and what is left of the byte before it.
    fn restart(&mut self) -> Option<()> {
        self.count = 0;
        // A marker may be filled up with bytes of ones.
        while self.bytes.get(self.at + 1) == Some(&0xff) {
            self.at += 1;
        }
        let marker = self.bytes.get(self.at..self.at + 2)?;
        matches!(marker, [0xff, 0xd0..=0xd7]).then_some(())?;
        self.at += 2;
        Some(())
    }

    /// Whether what is left of the last byte is ones, as encoders fill it up.
    fn are_filled_up(&self) -> bool {
        u32::from(self.held).trailing_ones() >= u32::from(self.count)
    }

    fn skip(&mut self, bits: u8) -> Option<()> {
        (0..bits).try_for_each(|_| self.bit().map(drop))
    }

    fn bit(&mut self) -> Option<u32> {
        if self.count == 0 {
            self.held = *self.bytes.get(self.at)?;
            if self.held == 0xff {
                // Anything but a zero behind it is a marker.
                (self.bytes.get(self.at + 1) == Some(&0)).then_some(())?;
                self.at += 1;
            }
            self.at += 1;
            self.count = 8;
        }
        self.count -= 1;
        Some(u32::from(self.held >> self.count) & 1)
    }
}
