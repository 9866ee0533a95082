//! Pictures in boxes (ISO/IEC 23008-12): the index of items, and where they lie.

use super::boxes::{Boxes, Inner};
use super::top::Extent;
use crate::inspect::found::Flaw;
use crate::inspect::reading::{Reading, Stopped, big_endian};
use std::io::{Read, Seek};

/// The index of a photo with all its tiles is some kilobytes.
const MOST_META_BYTES: u64 = 16 << 20;

/// Checks the items of `meta`; gives the pixels of the largest one, turned as
/// the picture is.
pub(super) fn check<R: Read + Seek>(
    file: &mut Reading<R>,
    meta: &Extent,
) -> Result<Option<(u32, u32)>, Stopped> {
    let what = "the index of pictures (meta)";
    let bytes = file.whole(meta.at, meta.size, MOST_META_BYTES, what)?;
    // It has a version and flags before its boxes.
    let behind = bytes.get(4..).unwrap_or_default();
    let mut items = 0;
    let mut idat_bytes = 0;
    let mut places = None;
    let mut pixels = None;
    for inner in Boxes::of(behind, meta.at.saturating_add(4)) {
        let inner = inner?;
        match &inner.name {
            b"hdlr" if inner.content.get(8..12) != Some(b"pict") => {
                return Err(Flaw::NotListed("a file of metadata".to_owned()).into());
            }
            b"iinf" => items = item_count(inner)?,
            b"iloc" => places = Some(inner),
            b"idat" => idat_bytes = inner.content.len() as u64,
            b"iprp" => pixels = properties(inner)?,
            _ => {}
        }
    }
    let Some(places) = places.filter(|_| items > 0) else {
        return Err(Stopped::corrupt(meta.at, "the index has no pictures"));
    };
    check_places(places, file.len(), idat_bytes)?;
    Ok(pixels)
}

fn item_count(iinf: Inner<'_>) -> Result<u64, Flaw> {
    let size = if iinf.version()? == 0 { 2 } else { 4 };
    iinf.number(4, size)
}

/// The size of its largest picture, as it is shown.
fn properties(iprp: Inner<'_>) -> Result<Option<(u32, u32)>, Flaw> {
    let area = |(width, height)| u64::from(width) * u64::from(height);
    let mut largest: Option<(u32, u32)> = None;
    let mut is_on_its_side = false;
    let Some(ipco) = iprp.child(*b"ipco")? else {
        return Ok(None);
    };
    for inner in ipco.boxes() {
        let inner = inner?;
        match &inner.name {
            b"ispe" => {
                let pixels = |at| inner.number(at, 4).map(|n| u32::try_from(n).unwrap_or(0));
                let size: (u32, u32) = (pixels(4)?, pixels(8)?);
                if largest.is_none_or(|largest| area(size) > area(largest)) {
                    largest = Some(size);
                }
            }
            b"irot" => is_on_its_side = inner.number(0, 1)? & 1 == 1,
            _ => {}
        }
    }
    Ok(largest.map(|(w, h)| if is_on_its_side { (h, w) } else { (w, h) }))
}

/// Every item lies within the file, or within the index itself (8.11.3).
fn check_places(iloc: Inner<'_>, len: u64, idat_bytes: u64) -> Result<(), Flaw> {
    let too_few = || iloc.flaw("has fewer entries than it says");
    let mut items = Items::of(iloc)?;
    let count = items.take(items.id).ok_or_else(too_few)?;
    for _ in 0..count {
        let (method, end) = items.next_item().ok_or_else(too_few)?;
        let most = match method {
            0 => len,
            1 => idat_bytes,
            // Built of other items, which have places of their own.
            _ => u64::MAX,
        };
        if end > most {
            return Err(Flaw::corrupt(len, "the file ends within a picture"));
        }
    }
    Ok(())
}

/// Walks the items of `iloc`, whose numbers have sizes that it gives itself.
struct Items<'a> {
    bytes: &'a [u8],
    at: usize,
    has_method: bool,
    id: usize,
    offset: usize,
    length: usize,
    base: usize,
    index: usize,
}

impl<'a> Items<'a> {
    fn of(iloc: Inner<'a>) -> Result<Self, Flaw> {
        let version = iloc.version()?;
        let sizes = iloc.number(4, 2)?;
        let nibble = |shift: u32| usize::try_from(sizes >> shift & 15).unwrap_or(0);
        Ok(Self {
            bytes: iloc.content,
            at: 6,
            has_method: version > 0,
            id: if version < 2 { 2 } else { 4 },
            offset: nibble(12),
            length: nibble(8),
            base: nibble(4),
            index: if version > 0 { nibble(0) } else { 0 },
        })
    }

    /// How it is built, and where its last byte has passed.
    fn next_item(&mut self) -> Option<(u64, u64)> {
        self.take(self.id)?;
        let method = if self.has_method {
            self.take(2)? & 15
        } else {
            0
        };
        self.take(2)?;
        let base = self.take(self.base)?;
        let extents = self.take(2)?;
        // Without a size of anything each would be the same.
        let takes_room = self.index + self.offset + self.length > 0;
        let mut end = 0;
        for _ in 0..if takes_room { extents } else { 0 } {
            self.take(self.index)?;
            let from = base.saturating_add(self.take(self.offset)?);
            end = from.saturating_add(self.take(self.length)?).max(end);
        }
        Some((method, end))
    }

    fn take(&mut self, size: usize) -> Option<u64> {
        let number = big_endian(self.bytes, self.at, size)?;
        self.at = self.at.checked_add(size)?;
        Some(number)
    }
}
