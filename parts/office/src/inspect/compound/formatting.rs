//! Which letters of a Word document are hidden or deleted (\[MS-DOC\],
//! sections 2.8.5 and 2.9.33): pages of 512 bytes list stretches of the file
//! and what is done to the letters in each.

use crate::inspect::little_endian::{index_at, slice_at, u16_at, u32_at};

const PAGE_BYTES: usize = 512;

/// What is done to a letter, by the number of the property.
const DELETED: u16 = 0x0800;
const HIDDEN: u16 = 0x083c;

/// How a letter looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// As any other.
    Shown,
    /// It is not shown.
    Hidden,
    /// It was taken out, with changes being tracked.
    Deleted,
}

/// The stretches of the file that do not look as any other, in order.
#[derive(Debug, Default)]
pub(super) struct Formatting(Vec<(usize, usize, Look)>);

impl Formatting {
    /// Reads as much of the lists as is sound; letters beyond look as any other.
    pub(super) fn read(document: &[u8], table: &[u8]) -> Self {
        let mut stretches = Vec::new();
        // A page is listed once.
        let most = document.len() / PAGE_BYTES + 1;
        for page in pages(document, table)
            .unwrap_or_default()
            .into_iter()
            .take(most)
        {
            read_page(page, &mut stretches);
        }
        stretches.sort_unstable_by_key(|(begin, ..)| *begin);
        Self(stretches)
    }

    /// How the letter at this byte of the document looks.
    pub(super) fn look_at(&self, at: usize) -> Look {
        let before = self.0.partition_point(|(begin, ..)| *begin <= at);
        match before.checked_sub(1).and_then(|place| self.0.get(place)) {
            Some((_, end, look)) if at < *end => *look,
            _ => Look::Shown,
        }
    }
}

fn pages<'a>(document: &'a [u8], table: &[u8]) -> Option<Vec<&'a [u8]>> {
    let list = slice_at(table, index_at(document, 0xfa)?, index_at(document, 0xfe)?)?;
    let count = list.len().checked_sub(4)? / 8;
    let numbers = list.get(4 * (count + 1)..)?.chunks_exact(4);
    let page = |number: &[u8]| {
        let number = usize::try_from(u32_at(number, 0)? & 0x003f_ffff).ok()?;
        slice_at(document, number.checked_mul(PAGE_BYTES)?, PAGE_BYTES)
    };
    Some(numbers.filter_map(page).collect())
}

fn read_page(page: &[u8], stretches: &mut Vec<(usize, usize, Look)>) {
    let count = usize::from(page.last().copied().unwrap_or_default());
    for number in 0..count {
        let bounds = (index_at(page, 4 * number), index_at(page, 4 * (number + 1)));
        let (Some(begin), Some(end)) = bounds else {
            return;
        };
        let place = page
            .get(4 * (count + 1) + number)
            .copied()
            .unwrap_or_default();
        let look = match usize::from(place) * 2 {
            0 => Look::Shown,
            place => properties(page, place).map_or(Look::Shown, look),
        };
        if look != Look::Shown && begin < end {
            stretches.push((begin, end, look));
        }
    }
}

fn properties(page: &[u8], at: usize) -> Option<&[u8]> {
    slice_at(page, at + 1, usize::from(*page.get(at)?))
}

/// What a list of properties makes of letters.
fn look(mut properties: &[u8]) -> Look {
    let mut look = Look::Shown;
    while let Some(property) = u16_at(properties, 0) {
        let is_on = properties.get(2).is_some_and(|value| value & 1 != 0);
        match property {
            DELETED if is_on => return Look::Deleted,
            HIDDEN if is_on => look = Look::Hidden,
            _ => {}
        }
        // Its upper bits say how long its value is.
        let length = match property >> 13 {
            0 | 1 => 1,
            2 | 4 | 5 => 2,
            3 => 4,
            7 => 3,
            _ => 1 + usize::from(properties.get(2).copied().unwrap_or_default()),
        };
        properties = properties.get(2 + length..).unwrap_or_default();
    }
    look
}
