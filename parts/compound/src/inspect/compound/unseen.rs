//! Which characters of a document a person does not see: hidden ones, and
//! those that were deleted while changes were tracked. (\[MS-DOC\], sections
//! 2.8.6 and 2.9.33)

use crate::inspect::little_endian::{slice_at, u16_at, u32_at};
use std::ops::Range;

const PAGE_BYTES: usize = 512;

/// Properties of characters that say so (section 2.6.1).
const IS_DELETED: u16 = 0x0800;
const IS_HIDDEN: u16 = 0x083c;

/// Why characters are not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unseen {
    Hidden,
    Deleted,
}

/// Runs of characters that are not seen, by where they stand in the stream.
#[derive(Debug, Default)]
pub(super) struct Runs(Vec<(Range<u32>, Unseen)>);

impl Runs {
    /// Reads the pages of formats that the table names; `None` where one of
    /// them is broken. What a style hides is not noticed.
    pub(super) fn read(stream: &[u8], table: &[u8]) -> Option<Self> {
        let count = table.len().saturating_sub(4) / 8;
        if count > stream.len() / PAGE_BYTES {
            return None;
        }
        let mut runs = Self::default();
        for number in 0..count {
            let page = u32_at(table, 4 * (count + 1) + 4 * number)? & 0x003f_ffff;
            let at = usize::try_from(page).ok()?.checked_mul(PAGE_BYTES)?;
            runs.read_page(slice_at(stream, at, PAGE_BYTES)?)?;
        }
        runs.0.sort_by_key(|(run, _)| run.start);
        Some(runs)
    }

    /// Why the character that stands here is not seen, if it is not.
    pub(super) fn at(&self, place: u32) -> Option<Unseen> {
        let after = self.0.partition_point(|(run, _)| run.start <= place);
        let (run, unseen) = self.0.get(after.checked_sub(1)?)?;
        run.contains(&place).then_some(*unseen)
    }

    fn read_page(&mut self, page: &[u8]) -> Option<()> {
        let count = usize::from(*page.last()?);
        for number in 0..count {
            let run = u32_at(page, 4 * number)?..u32_at(page, 4 * number + 4)?;
            let at = 2 * usize::from(*page.get(4 * (count + 1) + number)?);
            if at == 0 {
                continue;
            }
            let length = usize::from(*page.get(at)?);
            if let Some(unseen) = unseen(slice_at(page, at + 1, length)?) {
                self.0.push((run, unseen));
            }
        }
        Some(())
    }
}

/// What a list of properties says.
fn unseen(properties: &[u8]) -> Option<Unseen> {
    let (mut is_hidden, mut is_deleted) = (false, false);
    let mut rest = properties;
    while let Some(property) = u16_at(rest, 0) {
        let value = rest.get(2..).unwrap_or_default();
        // Of a toggle, the lowest bit is on for "yes" and for "not as the style".
        let is_on = value.first().is_some_and(|value| value & 1 == 1);
        match property {
            IS_HIDDEN => is_hidden = is_on,
            IS_DELETED => is_deleted = is_on,
            _ => {}
        }
        let length = match property >> 13 {
            0 | 1 => 1,
            2 | 4 | 5 => 2,
            3 => 4,
            6 => 1 + value.first().map_or(0, |length| usize::from(*length)),
            _ => 3,
        };
        rest = value.get(length..).unwrap_or_default();
    }
    if is_deleted {
        Some(Unseen::Deleted)
    } else {
        is_hidden.then_some(Unseen::Hidden)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_say_what_is_not_seen() {
        assert_eq!(unseen(&[0x3c, 0x08, 1]), Some(Unseen::Hidden));
        assert_eq!(unseen(&[0x3c, 0x08, 1, 0x3c, 0x08, 0]), None);
        // After a size, a font's name of a length of its own, and a colour.
        let after = [
            0x43, 0x4a, 24, 0, 0x00, 0xc0, 2, 9, 9, 0x70, 0x68, 1, 2, 3, 4, 0, 8, 1,
        ];
        assert_eq!(unseen(&after), Some(Unseen::Deleted));
        assert_eq!(unseen(&[0x3c]), None);
    }
}
