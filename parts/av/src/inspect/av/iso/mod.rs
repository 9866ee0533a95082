//! ISO base media (ISO/IEC 14496-12): MP4, M4A, `QuickTime`, and the pictures
//! of HEIF, told apart by what is in them.
//!
//! The outermost boxes are walked to the end of the file, head by head. Only
//! `moov`, `moof` and `meta` are read; where their samples lie is measured
//! against the file.

mod boxes;
mod fragment;
mod heif;
mod movie;
mod samples;
mod top;
mod track;

use super::found;
use crate::attachment::media::MediaType;
use crate::inspect::found::{Flaw, Found};
use crate::inspect::reading::{Reading, Stopped};
use boxes::Name;
use movie::Movie;
use std::io::{Read, Seek};
use top::Layout;

/// Brands of still pictures and their sequences (ISO/IEC 23008-12, AVIF).
const PICTURES: &[Name] = &[
    *b"heic", *b"heix", *b"heim", *b"heis", *b"hevc", *b"hevx", *b"hevm", *b"hevs", *b"mif1",
    *b"mif2", *b"msf1", *b"miaf", *b"avif", *b"avis",
];

/// Brands of what is built of boxes and is neither film nor picture of ours.
const FOREIGN: &[(Name, &str)] = &[
    (*b"crx ", "a raw photo of a camera"),
    (*b"jp2 ", "a JPEG 2000 picture"),
    (*b"jpx ", "a JPEG 2000 picture"),
    (*b"jpm ", "a JPEG 2000 document"),
    (*b"mjp2", "a Motion JPEG 2000 film"),
    (*b"jxl ", "a JPEG XL picture"),
    (*b"avci", "an AVC picture"),
    (*b"j2ki", "a JPEG 2000 picture"),
];

pub(super) fn check<R: Read + Seek>(file: &mut Reading<R>) -> Result<Found, Stopped> {
    let layout = top::walk(file)?;
    let brand = layout.brand;
    if let Some((_, what)) = FOREIGN.iter().find(|(name, _)| brand == Some(*name)) {
        return Err(Flaw::NotListed((*what).to_owned()).into());
    }
    let is_picture = brand.is_some_and(|brand| PICTURES.contains(&brand));
    if let (true, Some(meta)) = (is_picture || layout.movie.is_none(), &layout.pictures) {
        let pixels = heif::check(file, meta)?;
        return Ok(found(MediaType::Heic, None, pixels));
    }
    if is_picture && layout.movie.is_none() {
        return Err(Stopped::corrupt(
            file.len(),
            "there is no index of pictures",
        ));
    }
    let movie = movie(file, &layout)?;
    let media_type = if is_picture {
        MediaType::Heic
    } else {
        kind_of(brand, &movie)?
    };
    Ok(found(media_type, movie.duration(), movie.pixels()))
}

/// Reads the index and measures against the file where it says the samples are.
fn movie<R: Read + Seek>(file: &mut Reading<R>, layout: &Layout) -> Result<Movie, Stopped> {
    let Some(moov) = layout.movie else {
        return Err(Stopped::corrupt(file.len(), "there is no index (moov)"));
    };
    let bytes = file.whole(
        moov.at,
        moov.size,
        top::MOST_INDEX_BYTES,
        "the index (moov)",
    )?;
    let mut movie = movie::read(&bytes, moov.at, &layout.data, file.len())?;
    if movie.tracks.is_empty() {
        return Err(Stopped::corrupt(moov.at, "the index has no tracks"));
    }
    for fragment in &layout.fragments {
        let what = "the index of a fragment";
        let bytes = file.whole(fragment.at, fragment.size, top::MOST_INDEX_BYTES, what)?;
        fragment::read(&bytes, fragment.at, &mut movie)?;
    }
    let is_empty = |movie: &Movie| movie.tracks.iter().all(|track| track.samples == Some(0));
    if layout.fragments.is_empty() && is_empty(&movie) {
        return Err(Stopped::corrupt(moov.at, "no track has any samples"));
    }
    let has_data = layout.data.iter().any(|data| data.size > 0);
    if !has_data && !movie.is_elsewhere {
        let what = "there are no pictures and no sound (mdat)";
        return Err(Stopped::corrupt(file.len(), what));
    }
    // Behind the index of the last fragment there is what it tells of.
    if let (Some(fragment), Some(data)) = (layout.fragments.last(), layout.data.last())
        && data.at < fragment.at
    {
        let what = "the last fragment has no pictures and no sound";
        return Err(Stopped::corrupt(file.len(), what));
    }
    Ok(movie)
}

/// What is in it decides; a brand only tells `QuickTime` from MP4.
fn kind_of(brand: Option<Name>, movie: &Movie) -> Result<MediaType, Flaw> {
    match brand {
        None | Some([b'q', b't', b' ', b' ']) => Ok(MediaType::Mov),
        Some(_) if movie.has_video() => Ok(MediaType::Mp4),
        Some(_) if movie.has_sound() => Ok(MediaType::M4a),
        Some(_) => Err(Flaw::NotListed(
            "a film without pictures and sound".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests;
