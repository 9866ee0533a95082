//! A fragment of a film: how long its samples last (8.8.4 to 8.8.8).

use super::boxes::{Boxes, Inner};
use super::movie::Movie;
use crate::inspect::found::Flaw;

/// Adds what a `moof` tells, the content of which begins there.
pub(super) fn read(moof: &[u8], at: u64, movie: &mut Movie) -> Result<(), Flaw> {
    for inner in Boxes::of(moof, at) {
        let inner = inner?;
        if inner.name == *b"traf" {
            track(inner, movie)?;
        }
    }
    Ok(())
}

fn track(traf: Inner<'_>, movie: &mut Movie) -> Result<(), Flaw> {
    let mut id = 0;
    let mut each_lasts = 0;
    let mut lasts = 0_u64;
    for inner in traf.boxes() {
        let inner = inner?;
        match &inner.name {
            b"tfhd" => {
                id = inner.number(4, 4)?;
                each_lasts = movie.sample_lasts.get(&id).copied().unwrap_or(0);
                each_lasts = header(inner)?.unwrap_or(each_lasts);
            }
            b"trun" => lasts = lasts.saturating_add(run(inner, each_lasts)?),
            _ => {}
        }
    }
    let so_far = movie.fragments.entry(id).or_default();
    *so_far = so_far.saturating_add(lasts);
    Ok(())
}

/// How long each sample lasts, where the fragment says so.
fn header(tfhd: Inner<'_>) -> Result<Option<u64>, Flaw> {
    let flags = tfhd.flags()?;
    let has_base = flags & 0x1 != 0;
    let has_description = flags & 0x2 != 0;
    let has_duration = flags & 0x8 != 0;
    let at = 8 + if has_base { 8 } else { 0 } + if has_description { 4 } else { 0 };
    has_duration.then(|| tfhd.number(at, 4)).transpose()
}

fn run(trun: Inner<'_>, each_lasts: u64) -> Result<u64, Flaw> {
    let flags = trun.flags()?;
    let count = trun.number(4, 4)?;
    let behind = |flag, bytes| if flags & flag == 0 { 0 } else { bytes };
    let from = 8 + behind(0x1, 4) + behind(0x4, 4);
    let entry = behind(0x100, 4) + behind(0x200, 4) + behind(0x400, 4) + behind(0x800, 4);
    let size = usize::try_from(count).ok();
    let size = size.and_then(|count| count.checked_mul(entry));
    let table = size
        .and_then(|size| trun.content.get(from..size.checked_add(from)?))
        .ok_or_else(|| trun.flaw("has fewer entries than it says"))?;
    if flags & 0x100 == 0 {
        return Ok(count.saturating_mul(each_lasts));
    }
    let lasting = table.chunks_exact(entry);
    let lasting = lasting.filter_map(|entry| crate::inspect::reading::big_endian(entry, 0, 4));
    Ok(lasting.fold(0, u64::saturating_add))
}
