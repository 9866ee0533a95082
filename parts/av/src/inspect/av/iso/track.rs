//! A track: what it is of, how large, how long, and where its samples are.

use super::boxes::{Inner, Name};
use super::samples::{self, Samples};
use super::top::Extent;
use crate::inspect::found::Flaw;

/// One track of a film.
#[derive(Debug, Default, Clone)]
pub(super) struct Track {
    pub(super) id: u64,
    /// What it is of: `vide`, `soun` and others.
    pub(super) handler: Name,
    /// Pixels across and down as it is shown.
    pub(super) pixels: Option<(u32, u32)>,
    /// Units in a second.
    pub(super) timescale: u64,
    /// In those units.
    pub(super) duration: u64,
    /// How many there are; nothing where it has no table of them at all.
    pub(super) samples: Option<u64>,
    /// They are pictures that stand still, such as a cover.
    pub(super) is_still: bool,
    /// They lie in other files.
    pub(super) is_elsewhere: bool,
    /// The tracks that tell its chapters.
    pub(super) chapters: Vec<u64>,
}

pub(super) fn read(boxed: Inner<'_>, data: &[Extent], len: u64) -> Result<Track, Flaw> {
    let mut track = Track::default();
    for inner in boxed.boxes() {
        let inner = inner?;
        match &inner.name {
            b"tkhd" => header(inner, &mut track)?,
            b"tref" => {
                if let Some(chapters) = inner.child(*b"chap")? {
                    let ids = chapters.content.chunks_exact(4);
                    track.chapters = ids.filter_map(|id| number(id, 0)).collect();
                }
            }
            b"mdia" => media(inner, &mut track, data, len)?,
            _ => {}
        }
    }
    if track.handler == [0; 4] {
        return Err(boxed.flaw("does not say what it is of"));
    }
    Ok(track)
}

/// Its number, and its size with the turn that a phone gives it (8.3.2).
fn header(tkhd: Inner<'_>, track: &mut Track) -> Result<(), Flaw> {
    let (id_at, matrix_at) = match tkhd.version()? {
        1 => (20, 52),
        _ => (12, 40),
    };
    track.id = tkhd.number(id_at, 4)?;
    let turned = |at: usize| tkhd.number(matrix_at + at, 4).map(|cell| cell != 0);
    let (a, b, c, d) = (turned(0)?, turned(4)?, turned(12)?, turned(16)?);
    let whole = |at: usize| {
        let pixels = tkhd.number(matrix_at + at, 2)?;
        Ok(u32::try_from(pixels).unwrap_or(0))
    };
    let (width, height) = (whole(36)?, whole(40)?);
    let is_on_its_side = b && c && !a && !d;
    track.pixels = match (width, height) {
        (0, _) | (_, 0) => None,
        (width, height) if is_on_its_side => Some((height, width)),
        upright => Some(upright),
    };
    Ok(())
}

fn media(mdia: Inner<'_>, track: &mut Track, data: &[Extent], len: u64) -> Result<(), Flaw> {
    for inner in mdia.boxes() {
        let inner = inner?;
        match &inner.name {
            b"mdhd" => {
                (track.timescale, track.duration) = timing(inner)?;
            }
            b"hdlr" if track.handler == [0; 4] => {
                let name = inner.content.get(8..12).and_then(|it| it.try_into().ok());
                track.handler = name.ok_or_else(|| inner.flaw("is too short"))?;
            }
            b"minf" => contents(inner, track, data, len)?,
            _ => {}
        }
    }
    Ok(())
}

/// The units in a second and the number of units, of `mvhd` and `mdhd` alike.
/// All ones says that the length is not known.
pub(super) fn timing(header: Inner<'_>) -> Result<(u64, u64), Flaw> {
    let (timescale, duration, unknown) = match header.version()? {
        1 => (header.number(20, 4)?, header.number(24, 8)?, u64::MAX),
        _ => (
            header.number(12, 4)?,
            header.number(16, 4)?,
            u64::from(u32::MAX),
        ),
    };
    Ok((timescale, if duration == unknown { 0 } else { duration }))
}

fn contents(minf: Inner<'_>, track: &mut Track, data: &[Extent], len: u64) -> Result<(), Flaw> {
    if let Some(dinf) = minf.child(*b"dinf")?
        && let Some(dref) = dinf.child(*b"dref")?
    {
        for place in dref.boxes_behind(8) {
            let in_this_file = place?.flags()? & 1 != 0;
            track.is_elsewhere |= !in_this_file;
        }
    }
    let Some(stbl) = minf.child(*b"stbl")? else {
        return Ok(());
    };
    let table = Samples::of(stbl)?;
    track.samples = Some(table.count());
    track.is_still = matches!(table.format(), Some(b"jpeg" | b"png "));
    if !track.is_elsewhere {
        samples::check(&table, data, len)?;
    }
    Ok(())
}

fn number(bytes: &[u8], at: usize) -> Option<u64> {
    crate::inspect::reading::big_endian(bytes, at, 4)
}
