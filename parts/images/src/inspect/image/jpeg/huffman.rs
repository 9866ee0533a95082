//! The Huffman tables of a JPEG. [ITU-T T.81, B.2.4.2 and F.2.2.3]

use crate::inspect::found::Flaw;

/// The longest code, in bits.
const LONGEST: usize = 16;

/// The tables that are in force, as they stand in the file.
#[derive(Default)]
pub(super) struct Tables<'a> {
    /// Four of DC, then four of AC: how many codes of each length, and what
    /// they mean.
    listed: [Option<(&'a [u8; LONGEST], &'a [u8])>; 8],
    /// Units between restarts; none where there are no restarts.
    interval: Option<u64>,
}

impl<'a> Tables<'a> {
    /// Takes the segment of a marker of tables.
    pub(super) fn define(&mut self, mut segment: &'a [u8], at: u64) -> Result<(), Flaw> {
        let broken = || Flaw::corrupt(at, "a Huffman table is broken");
        while let Some((which, rest)) = segment.split_first() {
            let (class, id) = (usize::from(which >> 4), usize::from(which & 15));
            let (counts, rest) = rest.split_first_chunk().ok_or_else(broken)?;
            let codes: usize = counts.iter().map(|count| usize::from(*count)).sum();
            let (meanings, rest) = rest.split_at_checked(codes).ok_or_else(broken)?;
            let place = (class < 2 && id < 4).then_some(class * 4 + id);
            let place = place.and_then(|place| self.listed.get_mut(place));
            *place.ok_or_else(broken)? = Some((counts, meanings));
            segment = rest;
        }
        Ok(())
    }

    /// Takes the segment of a restart interval; zero means none.
    pub(super) fn set_interval(&mut self, segment: &[u8]) {
        let interval = segment.first_chunk().map(|two| u16::from_be_bytes(*two));
        self.interval = interval.filter(|units| *units > 0).map(u64::from);
    }

    pub(super) const fn interval(&self) -> Option<u64> {
        self.interval
    }

    pub(super) fn dc(&self, id: u8) -> Option<Codes<'a>> {
        self.codes(usize::from(id))
    }

    pub(super) fn ac(&self, id: u8) -> Option<Codes<'a>> {
        self.codes(4 + usize::from(id))
    }

    fn codes(&self, place: usize) -> Option<Codes<'a>> {
        let (counts, meanings) = (*self.listed.get(place)?)?;
        Some(Codes::new(counts, meanings))
    }
}

/// A table that is ready to be read by.
pub(super) struct Codes<'a> {
    /// Of each length: the first code, how many there are, and where the meaning
    /// of the first stands.
    lengths: [(u32, u32, u32); LONGEST],
    meanings: &'a [u8],
}

impl<'a> Codes<'a> {
    fn new(counts: &[u8; LONGEST], meanings: &'a [u8]) -> Self {
        let (mut code, mut place) = (0_u32, 0_u32);
        let lengths = counts.map(|count| {
            let count = u32::from(count);
            let length = (code, count, place);
            code = (code + count) << 1;
            place += count;
            length
        });
        Self { lengths, meanings }
    }

    /// What the next code means; none where the bits end, or are no code.
    pub(super) fn read(&self, mut bit: impl FnMut() -> Option<u32>) -> Option<u8> {
        let mut code = 0;
        for (first, count, place) in self.lengths {
            code = code << 1 | bit()?;
            if let Some(offset) = code.checked_sub(first).filter(|offset| *offset < count) {
                return self.meanings.get((place + offset) as usize).copied();
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_given_out_in_order_of_their_length() {
        // 0 means 7, 10 means 8, 110 means 9.
        let segment = [
            0x10, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 8, 9,
        ];
        let mut tables = Tables::default();
        tables.define(&segment, 0).unwrap();
        let codes = tables.ac(0).unwrap();
        let mut bits = [1, 1, 0, 0, 1, 0, 1].into_iter();
        let read: Vec<_> = (0..4).map(|_| codes.read(|| bits.next())).collect();
        assert_eq!(read, [Some(9), Some(7), Some(8), None]);
        assert!(tables.dc(0).is_none());
        for length in 1..segment.len() {
            assert!(Tables::default().define(&segment[..length], 0).is_err());
        }
    }
}
