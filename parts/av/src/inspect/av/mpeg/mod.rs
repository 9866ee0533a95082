//! MPEG audio, frame after frame: MP3 (ISO/IEC 11172-3 and 13818-3, layer III,
//! and the half rates of "2.5"), and AAC as ADTS (ISO/IEC 13818-7, 6.2).
//!
//! A file of frames has no end of its own. What is missing shows in three ways:
//! an MP3 often tells its frames and bytes in its first one; a frame of ADTS
//! tells its length, and no encoder leaves one unfinished; and there have to be
//! frames at all. The last frame of an MP3 that tells nothing may be cut:
//! encoders themselves leave it so.

mod announced;
mod frame;
mod tags;
mod walk;

use super::{AHEAD, found, lasting};
use crate::attachment::media::MediaType;
use crate::inspect::found::{Flaw, Found};
use crate::inspect::reading::{Reading, Stopped};
use announced::Announced;
use frame::Coding;
use std::io::{Cursor, Read, Seek};
use walk::Walked;

pub(super) fn check<R: Read + Seek>(file: &mut Reading<R>) -> Result<Found, Stopped> {
    let begin = tags::leading(file)?;
    if let Some(what) = other_format(file.some(begin, 4)?) {
        return Err(Flaw::NotListed(what.to_owned()).into());
    }
    let first = walk::first_frame(file, begin)?;
    let end = tags::trailing(file, begin)?;
    let walked = walk::to_the_end(file, first, end)?;
    match first.frame.coding {
        Coding::Aac => aac(&walked),
        Coding::Mp3 => {
            let head = file.some(first.at, announced::HEAD_BYTES)?;
            let announced = Announced::read(head, &first.frame);
            mp3(&walked, announced, end - first.at)
        }
    }
}

/// Whether bytes begin with a tag that sound carries in front.
pub(super) fn is_tag(bytes: &[u8]) -> bool {
    tags::id3v2_bytes(bytes.get(..10).unwrap_or_default()).is_some()
}

/// Where the first frame among these bytes begins that others follow.
pub(super) fn first_frame_at(bytes: &[u8]) -> Option<u64> {
    let mut bytes = Reading::new(Cursor::new(bytes), bytes.len() as u64, AHEAD);
    walk::first_frame(&mut bytes, 0).ok().map(|first| first.at)
}

/// What else carries a tag in front.
fn other_format(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        b"fLaC" => Some("FLAC audio"),
        b"OggS" => Some("an Ogg recording behind a tag"),
        b"MAC " => Some("Monkey's Audio"),
        b"TTA1" => Some("True Audio"),
        _ => None,
    }
}

fn aac(walked: &Walked) -> Result<Found, Stopped> {
    if let Some(at) = walked.cut_at {
        return Err(Stopped::corrupt(at, "the file ends within its last frame"));
    }
    let duration = lasting(walked.samples, walked.rate);
    Ok(found(MediaType::Aac, duration, None))
}

fn mp3(walked: &Walked, announced: Option<Announced>, bytes: u64) -> Result<Found, Stopped> {
    let Some(announced) = announced else {
        let duration = lasting(walked.samples, walked.rate);
        return Ok(found(MediaType::Mp3, duration, None));
    };
    // The frame that announces is not counted by all that write it.
    let frames = walked.frames.saturating_sub(1);
    if announced.is_more_than(frames, bytes) {
        let what = "the file ends before the frames that its first one announces";
        return Err(Stopped::corrupt(walked.end, what));
    }
    let samples = walked.samples.saturating_sub(walked.samples_of_first);
    Ok(found(MediaType::Mp3, lasting(samples, walked.rate), None))
}

#[cfg(test)]
mod tests;
