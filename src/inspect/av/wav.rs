//! WAV: chunks in a `RIFF` form, and its 64-bit kin `RF64` and `BW64`
//! (EBU Tech 3306).

use super::{found, lasting};
use crate::attachment::media::MediaType;
use crate::inspect::found::Found;
use crate::inspect::reading::{Reading, Stopped, little_endian};
use std::io::{Read, Seek};

const HEAD_BYTES: u64 = 8;
/// The chunks of a recording are few.
const MOST_CHUNKS: u32 = 100_000;
/// A size that was never filled in: the data goes on to the end.
const OPEN: u64 = u32::MAX as u64;
/// Some writers count the form's own head, too.
const MISCOUNTED_BYTES: u64 = 8;

/// What has been met.
#[derive(Default)]
struct Chunks {
    bytes_per_second: Option<u64>,
    data_bytes: Option<u64>,
    /// Of RF64, where it is too large for 32 bits.
    long_data_bytes: Option<u64>,
}

pub(super) fn check<R: Read + Seek>(file: &mut Reading<R>) -> Result<Found, Stopped> {
    let form: [u8; 12] = file.exactly(0, "its head")?;
    let form_bytes = little_endian(&form, 4, 4).unwrap_or(0);
    let mut chunks = Chunks::default();
    let mut at = 12;
    for _ in 0..MOST_CHUNKS {
        if at >= file.len() || is_behind(at, form_bytes) && chunks.data_bytes.is_some() {
            break;
        }
        let head = file.some(at, 8)?;
        let (Some(name), Some(size)) = (head.get(..4), little_endian(head, 4, 4)) else {
            if chunks.data_bytes.is_some() {
                break;
            }
            let what = "the file ends within the head of a chunk";
            return Err(Stopped::corrupt(file.len(), what));
        };
        let name = [name[0], name[1], name[2], name[3]];
        at = chunk(file, &mut chunks, name, at + HEAD_BYTES, size)?;
    }
    let missing = |what| Stopped::corrupt(file.len(), what);
    let data_bytes = chunks
        .data_bytes
        .ok_or_else(|| missing("there is no sound (data)"))?;
    let rate = chunks.bytes_per_second;
    let rate = rate.ok_or_else(|| missing("the sound is not described (fmt)"))?;
    let is_open = form_bytes == 0 || form_bytes == OPEN;
    if !is_open && form_bytes > file.len().saturating_add(MISCOUNTED_BYTES) - HEAD_BYTES {
        return Err(missing("the file ends before its chunks do"));
    }
    Ok(found(MediaType::Wav, lasting(data_bytes, rate), None))
}

/// Behind the form there may be anything.
fn is_behind(at: u64, form_bytes: u64) -> bool {
    form_bytes > 0 && form_bytes < OPEN && at >= form_bytes + HEAD_BYTES
}

/// Notes a chunk, the content of which begins there; gives where the next one does.
fn chunk<R: Read + Seek>(
    file: &mut Reading<R>,
    chunks: &mut Chunks,
    name: [u8; 4],
    at: u64,
    size: u64,
) -> Result<u64, Stopped> {
    let left = file.len().saturating_sub(at);
    let size = match (&name, chunks.long_data_bytes) {
        (b"data", Some(long)) if size == OPEN => long,
        (b"data", None) if size == OPEN => left,
        // A recorder that was never stopped leaves nothing.
        (b"data", None) if size == 0 => left,
        _ => size,
    };
    if size > left {
        let what = format!("the file ends within the chunk {}", name.escape_ascii());
        return Err(Stopped::corrupt(file.len(), &what));
    }
    match &name {
        b"fmt " => {
            let format: [u8; 16] = file.exactly(at, "the chunk fmt")?;
            chunks.bytes_per_second = little_endian(&format, 8, 4);
        }
        b"ds64" => {
            let long: [u8; 16] = file.exactly(at, "the chunk ds64")?;
            chunks.long_data_bytes = little_endian(&long, 8, 8);
        }
        b"data" if chunks.data_bytes.is_none() => chunks.data_bytes = Some(size),
        _ => {}
    }
    Ok(at.saturating_add(size).saturating_add(size & 1))
}
