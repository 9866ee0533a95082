//! The index of a film: its length and its tracks.

use super::super::lasting;
use super::boxes::{Boxes, Inner};
use super::top::Extent;
use super::track::{self, Track, timing};
use crate::inspect::found::Flaw;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// What the index tells.
#[derive(Debug, Default)]
pub(super) struct Movie {
    /// Units in a second, and units in all.
    timing: (u64, u64),
    /// The units in all of a film in fragments, where it says so.
    fragments_last: u64,
    pub(super) tracks: Vec<Track>,
    /// The tracks that only tell the chapters of others.
    chapters: HashSet<u64>,
    /// The samples of a track lie in other files.
    pub(super) is_elsewhere: bool,
    /// How long a sample of a track lasts, unless its fragment says otherwise.
    pub(super) sample_lasts: HashMap<u64, u64>,
    /// What the fragments of a track last, in its units.
    pub(super) fragments: HashMap<u64, u64>,
}

/// Reads `moov`, the content of which begins there.
pub(super) fn read(moov: &[u8], at: u64, data: &[Extent], len: u64) -> Result<Movie, Flaw> {
    let mut movie = Movie::default();
    for inner in Boxes::of(moov, at) {
        let inner = inner?;
        match &inner.name {
            b"mvhd" => movie.timing = timing(inner)?,
            b"trak" => {
                let track = track::read(inner, data, len)?;
                movie.chapters.extend(&track.chapters);
                movie.tracks.push(track);
            }
            b"mvex" => fragmented(inner, &mut movie)?,
            b"cmov" => {
                let what = "a film whose index is compressed";
                return Err(Flaw::NotListed(what.to_owned()));
            }
            _ => {}
        }
    }
    movie.is_elsewhere = movie.tracks.iter().any(|track| track.is_elsewhere);
    Ok(movie)
}

/// What its fragments have in common (8.8.1).
fn fragmented(mvex: Inner<'_>, movie: &mut Movie) -> Result<(), Flaw> {
    for inner in mvex.boxes() {
        let inner = inner?;
        match &inner.name {
            b"mehd" => {
                let size = if inner.version()? == 1 { 8 } else { 4 };
                movie.fragments_last = inner.number(4, size)?;
            }
            b"trex" => {
                let (track, lasts) = (inner.number(4, 4)?, inner.number(12, 4)?);
                movie.sample_lasts.insert(track, lasts);
            }
            _ => {}
        }
    }
    Ok(())
}

impl Movie {
    /// Films have a track of moving pictures. What only shows the chapters or
    /// the cover of a recording makes no film of it.
    pub(super) fn has_video(&self) -> bool {
        self.video().is_some()
    }

    pub(super) fn has_sound(&self) -> bool {
        self.tracks.iter().any(|track| track.handler == *b"soun")
    }

    fn video(&self) -> Option<&Track> {
        let has_sound = self.has_sound();
        self.tracks.iter().find(|track| {
            let is_cover = track.is_still && has_sound;
            track.handler == *b"vide" && !self.chapters.contains(&track.id) && !is_cover
        })
    }

    /// Pixels across and down as its video is shown.
    pub(super) fn pixels(&self) -> Option<(u32, u32)> {
        self.video().and_then(|track| track.pixels)
    }

    /// What the index says, of the film or of its longest track; else what its
    /// fragments last.
    pub(super) fn duration(&self) -> Option<Duration> {
        let (timescale, duration) = self.timing;
        let lengths = self.tracks.iter();
        let tracks = lengths.filter_map(|track| lasting(track.duration, track.timescale));
        let fragments = self.tracks.iter().filter_map(|track| {
            let units = self.fragments.get(&track.id).copied().unwrap_or(0);
            lasting(units.saturating_add(track.duration), track.timescale)
        });
        let fragments = fragments.max();
        let is_fragmented = !self.fragments.is_empty();
        lasting(self.fragments_last, timescale)
            .or_else(|| fragments.filter(|_| is_fragmented))
            .or_else(|| lasting(duration, timescale))
            .or_else(|| tracks.max())
    }
}
