//! What stands before the first frame and behind the last one.

use crate::inspect::reading::{Reading, Stopped, little_endian};
use std::io::{Read, Seek};

const ID3V2_HEAD: u64 = 10;
const ID3V1_BYTES: u64 = 128;
const APE_HEAD: u64 = 32;
/// Editors append one tag of a kind, and seldom two.
const MOST_TAGS: usize = 16;

/// Where the first frame may begin: behind all `ID3v2` tags and zeros.
pub(super) fn leading<R: Read + Seek>(file: &mut Reading<R>) -> Result<u64, Stopped> {
    let mut at = file.behind_zeros(0)?;
    while let Some(bytes) = id3v2_bytes(file.some(at, 10)?) {
        if bytes > file.len() - at {
            let what = "the file ends within its tag (ID3)";
            return Err(Stopped::corrupt(file.len(), what));
        }
        at = file.behind_zeros(at + bytes)?;
    }
    if at >= file.len() {
        return Err(Stopped::corrupt(at, "there is no sound behind the tag"));
    }
    Ok(at)
}

/// How long the tag is that begins here, with its head and foot (ID3v2.4, 3.1).
pub(super) fn id3v2_bytes(head: &[u8]) -> Option<u64> {
    let &[b'I', b'D', b'3', version, _, flags, a, b, c, d] = head else {
        return None;
    };
    let size = [a, b, c, d];
    if !(2..=4).contains(&version) || flags & 0x0f != 0 || size.iter().any(|byte| *byte > 0x7f) {
        return None;
    }
    let content = size.iter().fold(0, |n, byte| n << 7 | u64::from(*byte));
    let foot = if flags & 0x10 != 0 { ID3V2_HEAD } else { 0 };
    Some(ID3V2_HEAD + content + foot)
}

/// Where the last frame has to have ended: before the tags and zeros at the end.
pub(super) fn trailing<R: Read + Seek>(file: &mut Reading<R>, begin: u64) -> Result<u64, Stopped> {
    let mut end = file.len();
    for _ in 0..MOST_TAGS {
        let before = end;
        let Some(v1) = end.checked_sub(ID3V1_BYTES) else {
            return Ok(end);
        };
        if file.some(v1, 3)? == b"TAG" {
            end = v1;
        }
        end = before_ape(file, end)?;
        end = before_lyrics(file, end)?;
        if end == before || end < begin {
            break;
        }
    }
    Ok(end.max(begin))
}

fn before_ape<R: Read + Seek>(file: &mut Reading<R>, end: u64) -> Result<u64, Stopped> {
    let Some(foot_at) = end.checked_sub(APE_HEAD) else {
        return Ok(end);
    };
    let foot = file.some(foot_at, 32)?;
    if !foot.starts_with(b"APETAGEX") {
        return Ok(end);
    }
    let size = little_endian(foot, 12, 4).unwrap_or(0);
    let has_head = little_endian(foot, 20, 4).is_some_and(|flags| flags >> 31 == 1);
    let size = size.saturating_add(if has_head { APE_HEAD } else { 0 });
    Ok(end.saturating_sub(size))
}

/// Lyrics3 v2 ends in six digits, its size, and a word.
fn before_lyrics<R: Read + Seek>(file: &mut Reading<R>, end: u64) -> Result<u64, Stopped> {
    let Some(foot_at) = end.checked_sub(15) else {
        return Ok(end);
    };
    let foot = file.some(foot_at, 15)?;
    let digits = foot.get(..6).and_then(|digits| str::from_utf8(digits).ok());
    let size = digits.and_then(|digits| digits.parse::<u64>().ok());
    match (foot.get(6..), size) {
        (Some(b"LYRICS200"), Some(size)) => Ok(end.saturating_sub(size.saturating_add(15))),
        _ => Ok(end),
    }
}

/// How long what is no frame is, where its beginning says so.
pub(super) fn between(bytes: &[u8]) -> Option<u64> {
    if bytes.starts_with(b"APETAGEX") {
        let size = little_endian(bytes, 12, 4)?;
        return Some(APE_HEAD + size);
    }
    if bytes.starts_with(b"TAG") {
        return Some(ID3V1_BYTES);
    }
    id3v2_bytes(bytes.get(..10)?)
}
