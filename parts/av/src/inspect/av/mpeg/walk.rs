//! From the first frame to the last one.

use super::frame::{Frame, HEAD_BYTES};
use super::tags;
use crate::inspect::reading::{Reading, Stopped};
use std::io::{Read, Seek};

/// Where a frame is looked for behind what is none.
const JUNK_BYTES: u64 = 64 * 1024;
/// One head in 2,000 positions of noise looks right, and three in a row in none.
const CHAIN: usize = 3;
/// What is looked at in a step, of bytes that are no frames.
const STEP: usize = 4096;
/// Noise that is passed over before it is weighed against the frames.
const SPARE_NOISE: u64 = 1 << 20;

/// A frame, and where it begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    pub(super) at: u64,
    pub(super) frame: Frame,
}

/// What there was.
#[derive(Debug)]
pub(super) struct Walked {
    /// Whole ones.
    pub(super) frames: u64,
    pub(super) samples: u64,
    pub(super) samples_of_first: u64,
    /// Samples in a second.
    pub(super) rate: u64,
    /// Where the last frame begins, if the file ends within it.
    pub(super) cut_at: Option<u64>,
    /// Where the last frame ends.
    pub(super) end: u64,
}

/// The frame there, or the first one not far behind.
pub(super) fn first_frame<R: Read + Seek>(
    file: &mut Reading<R>,
    begin: u64,
) -> Result<Placed, Stopped> {
    let until = begin.saturating_add(JUNK_BYTES);
    let first = next_frame(file, begin, until, None)?;
    first.ok_or_else(|| Stopped::corrupt(begin, "there are no frames of sound"))
}

pub(super) fn to_the_end<R: Read + Seek>(
    file: &mut Reading<R>,
    first: Placed,
    end: u64,
) -> Result<Walked, Stopped> {
    let mut walked = Walked {
        frames: 0,
        samples: 0,
        samples_of_first: first.frame.samples,
        rate: first.frame.rate,
        cut_at: None,
        end: first.at,
    };
    let (mut at, mut sound, mut noise) = (first.at, 0_u64, 0_u64);
    while at < end {
        match frame_at(file, at)? {
            Some(frame) if frame.goes_with(&first.frame) && frame.bytes > end - at => {
                walked.cut_at = Some(at);
                break;
            }
            Some(frame) if frame.goes_with(&first.frame) => {
                walked.frames += 1;
                walked.samples = walked.samples.saturating_add(frame.samples);
                sound += frame.bytes;
                at += frame.bytes;
                walked.end = at;
            }
            _ => {
                if let Some(behind) = behind_tag_or_zeros(file, at, end)? {
                    at = behind;
                    continue;
                }
                let again = behind_noise(file, at, end, &first.frame)?;
                noise += again - at;
                at = again;
                if noise > sound.saturating_add(SPARE_NOISE) {
                    break;
                }
            }
        }
    }
    if noise > sound {
        let what = "there is more between the frames than in them";
        return Err(Stopped::corrupt(walked.end, what));
    }
    if walked.frames == 0 {
        return Err(Stopped::corrupt(
            first.at,
            "there is no whole frame of sound",
        ));
    }
    Ok(walked)
}

/// Where the tag or the zeros end that stand there.
fn behind_tag_or_zeros<R: Read + Seek>(
    file: &mut Reading<R>,
    at: u64,
    end: u64,
) -> Result<Option<u64>, Stopped> {
    let behind = match tags::between(file.some(at, 32)?) {
        Some(bytes) => at.saturating_add(bytes),
        None => file.behind_zeros(at)?,
    };
    Ok((behind > at).then_some(behind.min(end)))
}

/// Where the next chain of frames begins; where the search was given up, else.
fn behind_noise<R: Read + Seek>(
    file: &mut Reading<R>,
    at: u64,
    end: u64,
    like: &Frame,
) -> Result<u64, Stopped> {
    let until = at.saturating_add(SPARE_NOISE).min(end);
    let next = next_frame(file, at + 1, until, Some(like))?;
    Ok(next.map_or(until, |placed| placed.at))
}

/// The first frame from there on that others follow.
fn next_frame<R: Read + Seek>(
    file: &mut Reading<R>,
    begin: u64,
    until: u64,
    like: Option<&Frame>,
) -> Result<Option<Placed>, Stopped> {
    let mut at = begin;
    while at < until.min(file.len()) {
        let step = usize::try_from(until - at).map_or(STEP, |left| left.min(STEP));
        let piece = file.some(at, step)?;
        let Some(sync) = piece.iter().position(|byte| *byte == 0xff) else {
            at += piece.len() as u64;
            continue;
        };
        at += sync as u64;
        if let Some(frame) = frame_at(file, at)?
            && like.is_none_or(|like| frame.goes_with(like))
            && is_followed(file, at, &frame)?
        {
            return Ok(Some(Placed { at, frame }));
        }
        at += 1;
    }
    Ok(None)
}

/// Whether frames of the same kind follow, or the end of the file or a tag does.
fn is_followed<R: Read + Seek>(
    file: &mut Reading<R>,
    at: u64,
    frame: &Frame,
) -> Result<bool, Stopped> {
    let mut next = at.saturating_add(frame.bytes);
    for _ in 1..CHAIN {
        let len = file.len();
        let bytes = file.some(next, 32)?;
        if next == len || tags::between(bytes).is_some() {
            return Ok(true);
        }
        match Frame::read(bytes).filter(|next| next.goes_with(frame)) {
            Some(following) => next = next.saturating_add(following.bytes),
            None => return Ok(false),
        }
    }
    Ok(true)
}

fn frame_at<R: Read + Seek>(file: &mut Reading<R>, at: u64) -> Result<Option<Frame>, Stopped> {
    Ok(Frame::read(file.some(at, HEAD_BYTES)?))
}
