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

/// How the sound is coded.
#[derive(Clone, Copy)]
struct Format {
    /// Each sample stands for itself.
    is_plain: bool,
    samples_per_second: u64,
    bytes_per_second: u64,
}

/// What has been met.
#[derive(Default)]
struct Chunks {
    format: Option<Format>,
    /// Samples of each channel, which what is compressed has to say.
    samples: Option<u64>,
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
        let (Some(name), Some(size)) = (head.first_chunk(), little_endian(head, 4, 4)) else {
            if chunks.data_bytes.is_some() && is_open(form_bytes) {
                break;
            }
            let what = "the file ends within the head of a chunk";
            return Err(Stopped::corrupt(file.len(), what));
        };
        let name = *name;
        at = chunk(file, &mut chunks, name, at + HEAD_BYTES, size)?;
    }
    let missing = |what| Stopped::corrupt(file.len(), what);
    let data_bytes = chunks
        .data_bytes
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| missing("there is no sound (data)"))?;
    let format = chunks.format;
    let format = format.ok_or_else(|| missing("the sound is not described (fmt)"))?;
    let most_bytes = file.len() - HEAD_BYTES + MISCOUNTED_BYTES;
    if !is_open(form_bytes) && form_bytes > most_bytes {
        return Err(missing("the file ends before its chunks do"));
    }
    let duration = match chunks.samples {
        Some(samples) if !format.is_plain => lasting(samples, format.samples_per_second),
        _ => lasting(data_bytes, format.bytes_per_second),
    };
    Ok(found(MediaType::Wav, duration, None))
}

fn is_open(form_bytes: u64) -> bool {
    form_bytes == 0 || form_bytes == OPEN
}

/// Behind the form there may be anything.
fn is_behind(at: u64, form_bytes: u64) -> bool {
    !is_open(form_bytes) && at >= form_bytes + HEAD_BYTES
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
            let number = |at, size| little_endian(&format, at, size).unwrap_or(0);
            chunks.format = Some(Format {
                is_plain: matches!(number(0, 2), 1 | 3 | 0xfffe),
                samples_per_second: number(4, 4),
                bytes_per_second: number(8, 4),
            });
        }
        b"fact" => {
            chunks.samples = little_endian(file.some(at, 4)?, 0, 4);
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

#[cfg(test)]
mod tests {
    use super::super::{Container, check};
    use super::*;
    use crate::inspect::found::Facts;
    use std::io::Cursor;
    use std::time::Duration;

    fn chunk(name: &[u8], size: u32, content: &[u8]) -> Vec<u8> {
        [name, &size.to_le_bytes(), content].concat()
    }

    fn whole(name: &[u8], content: &[u8]) -> Vec<u8> {
        chunk(name, u32::try_from(content.len()).unwrap(), content)
    }

    /// 8,000 bytes a second.
    fn format() -> Vec<u8> {
        let numbers = [8000_u32.to_le_bytes(), 8000_u32.to_le_bytes()].concat();
        whole(
            b"fmt ",
            &[&[1, 0, 1, 0][..], &numbers, &[1, 0, 8, 0]].concat(),
        )
    }

    fn form(chunks: &[Vec<u8>]) -> Vec<u8> {
        let chunks = chunks.concat();
        whole(b"RIFF", &[b"WAVE", &chunks[..]].concat())
    }

    fn lasts(bytes: &[u8]) -> Option<Duration> {
        match check(Container::Wav, Cursor::new(bytes), bytes.len() as u64) {
            Ok(Found {
                media_type: MediaType::Wav,
                facts: Facts::Av(facts),
            }) => facts.duration,
            Ok(other) => panic!("{other:?}"),
            Err(_) => None,
        }
    }

    const HALF: Option<Duration> = Some(Duration::from_millis(500));

    #[test]
    fn a_recording_has_a_format_and_data_and_is_refused_when_cut() {
        let recording = form(&[
            format(),
            whole(b"data", &[7; 4000]),
            whole(b"LIST", b"INFO"),
        ]);
        assert_eq!(lasts(&recording), HALF);
        for cut in 0..recording.len() {
            assert_eq!(lasts(&recording[..cut]), None, "{cut}");
        }
        assert_eq!(lasts(&[&recording[..], &[9; 500]].concat()), HALF);
        assert_eq!(lasts(&form(&[format()])), None);
        assert_eq!(lasts(&form(&[format(), whole(b"data", &[])])), None);
        assert_eq!(lasts(&form(&[whole(b"data", &[7; 4000])])), None);
    }

    #[test]
    fn sizes_that_were_never_filled_in_go_on_to_the_end() {
        for size in [0, u32::MAX] {
            let data = chunk(b"data", size, &[7; 4000]);
            let content = [&b"WAVE"[..], &format(), &data].concat();
            assert_eq!(lasts(&chunk(b"RIFF", size, &content)), HALF, "{size}");
        }
        let miscounted = [&b"WAVE"[..], &format(), &whole(b"data", &[7; 4000])].concat();
        let size = u32::try_from(miscounted.len() + 8).unwrap();
        assert_eq!(lasts(&chunk(b"RIFF", size, &miscounted)), HALF);
        let long = [&[0; 8][..], &4000_u64.to_le_bytes(), &[0; 12]].concat();
        let data = chunk(b"data", u32::MAX, &[7; 4000]);
        let content = [&b"WAVE"[..], &whole(b"ds64", &long), &format(), &data].concat();
        let long = chunk(b"RF64", u32::MAX, &content);
        assert_eq!(lasts(&long), HALF);
        assert_eq!(lasts(&long[..long.len() - 1]), None);
    }

    #[test]
    fn compressed_sound_says_its_samples() {
        let mut format = format();
        format[8] = 2;
        let fact = whole(b"fact", &4000_u32.to_le_bytes());
        let recording = form(&[format, fact, whole(b"data", &[7; 100])]);
        assert_eq!(lasts(&recording), HALF);
    }

    #[test]
    fn no_flip_makes_it_panic() {
        let recording = form(&[format(), whole(b"data", &[7; 40]), whole(b"LIST", b"INFO")]);
        for at in 0..recording.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut flipped = recording.clone();
                flipped[at] = value;
                lasts(&flipped);
            }
        }
    }
}
