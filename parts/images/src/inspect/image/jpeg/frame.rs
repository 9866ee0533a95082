//! The frame header of a JPEG. [ITU-T T.81, B.2.2]

use super::admit;
use crate::inspect::found::Flaw;

/// Of two sizes of a picture that is coded in blocks of 8 by 8 samples.
const BLOCK: u64 = 8;

/// How a picture is coded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    width: u32,
    height: u32,
    is_progressive: bool,
    components: Vec<Component>,
    /// The most of its components' factors.
    across: u64,
    down: u64,
}

/// One of one, three or four.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Component {
    pub(super) id: u8,
    /// Blocks of it in a unit of all components.
    pub(super) across: u64,
    pub(super) down: u64,
}

impl Frame {
    /// Reads the segment of a frame header. Its size is looked at first.
    pub(super) fn read(coding: u8, segment: &[u8], at: u64) -> Result<Self, Flaw> {
        let short = || Flaw::corrupt(at, "the frame header is cut");
        let [precision, h1, h2, w1, w2, count] = *segment.first_chunk().ok_or_else(short)?;
        let width = u32::from(u16::from_be_bytes([w1, w2]));
        let height = u32::from(u16::from_be_bytes([h1, h2]));
        admit(width, height)?;
        if !matches!(coding, 0xc0..=0xc2) || precision != 8 {
            let what = "a JPEG of a coding that browsers do not show";
            return Err(Flaw::NotListed(what.to_owned()));
        }
        let listed = segment.get(6..6 + 3 * usize::from(count));
        let (listed, _) = listed.ok_or_else(short)?.as_chunks::<3>();
        if !matches!(listed.len(), 1..=4) {
            return Err(Flaw::corrupt(at, "the frame has no components"));
        }
        let component = |[id, factors, _]: &[u8; 3]| Component {
            id: *id,
            across: u64::from(factors >> 4),
            down: u64::from(factors & 15),
        };
        let components: Vec<_> = listed.iter().map(component).collect();
        let is_sampled = |component: &Component| {
            (1..=4).contains(&component.across) && (1..=4).contains(&component.down)
        };
        if !components.iter().all(is_sampled) {
            return Err(Flaw::corrupt(at, "a component has no samples"));
        }
        let most = |of: fn(&Component) -> u64| components.iter().map(of).max().unwrap_or(1);
        Ok(Self {
            width,
            height,
            is_progressive: coding == 0xc2,
            across: most(|component| component.across),
            down: most(|component| component.down),
            components,
        })
    }

    pub(super) const fn width(&self) -> u32 {
        self.width
    }

    pub(super) const fn height(&self) -> u32 {
        self.height
    }

    pub(super) const fn is_progressive(&self) -> bool {
        self.is_progressive
    }

    pub(super) fn components(&self) -> &[Component] {
        &self.components
    }

    /// Coefficients of all components: each is two bytes in a decoder.
    pub(super) fn coefficients(&self) -> u64 {
        let blocks: u64 = self.components.iter().map(|c| c.across * c.down).sum();
        self.units() * blocks * BLOCK * BLOCK
    }

    /// Units of a scan of several components.
    pub(super) fn units(&self) -> u64 {
        u64::from(self.width).div_ceil(BLOCK * self.across)
            * u64::from(self.height).div_ceil(BLOCK * self.down)
    }

    /// Blocks of a scan of one component: only those with pixels in them.
    pub(super) fn blocks_of(&self, component: Component) -> u64 {
        let across = (u64::from(self.width) * component.across).div_ceil(self.across);
        let down = (u64::from(self.height) * component.down).div_ceil(self.down);
        across.div_ceil(BLOCK) * down.div_ceil(BLOCK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENT: &[u8] = &[8, 0, 20, 0, 33, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1];

    #[test]
    fn blocks_are_counted_by_the_sampling() {
        let frame = Frame::read(0xc2, SEGMENT, 0).unwrap();
        assert_eq!((frame.width(), frame.height()), (33, 20));
        // Three units across and two down, of six blocks each.
        assert_eq!((frame.units(), frame.coefficients()), (6, 36 * 64));
        let blocks = frame.components().iter().map(|c| frame.blocks_of(*c));
        assert_eq!(blocks.collect::<Vec<_>>(), [5 * 3, 3 * 2, 3 * 2]);
    }

    #[test]
    fn a_header_that_is_cut_or_says_nonsense_is_refused() {
        for length in 0..SEGMENT.len() {
            assert!(Frame::read(0xc0, &SEGMENT[..length], 0).is_err());
        }
        let mut unsampled = SEGMENT.to_vec();
        unsampled[7] = 0x20;
        assert!(Frame::read(0xc0, &unsampled, 0).is_err());
        for coding in [0xc3, 0xc5, 0xc9] {
            let refused = Frame::read(coding, SEGMENT, 0);
            assert!(matches!(refused, Err(Flaw::NotListed(_))));
        }
    }
}
