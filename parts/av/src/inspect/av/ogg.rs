//! Ogg (RFC 3533): pages, each with its checksum, to the last one of every
//! stream. Opus (RFC 7845) is told from Vorbis and the rest by its first packet.

use super::{found, lasting};
use crate::attachment::media::MediaType;
use crate::inspect::found::{Flaw, Found};
use crate::inspect::reading::{Reading, Stopped, little_endian};
use std::collections::HashMap;
use std::io::{Read, Seek};
use std::time::Duration;

const HEAD_BYTES: usize = 27;
/// A page with all its segments full.
const MOST_PAGE_BYTES: usize = HEAD_BYTES + 255 + 255 * 255;
/// Chained radio has many streams, and a recording has one.
const MOST_STREAMS: usize = 10_000;
const CONTINUED_OR_MORE: u8 = 0b111;
const FIRST: u8 = 0b010;
const LAST: u8 = 0b100;
/// A page on which no packet ends has no position.
const NO_POSITION: u64 = u64::MAX;

/// One logical stream.
#[derive(Debug)]
struct Stream {
    sound: Option<Sound>,
    position: u64,
    has_ended: bool,
}

/// What its first packet says.
#[derive(Debug, Clone, Copy)]
struct Sound {
    is_opus: bool,
    /// Positions in a second.
    rate: u64,
    /// Samples before the sound begins.
    skip: u64,
}

pub(super) fn check<R: Read + Seek>(file: &mut Reading<R>) -> Result<Found, Stopped> {
    let mut streams: HashMap<u64, Stream> = HashMap::new();
    let mut played = Duration::ZERO;
    let mut kind = None;
    let mut at = 0;
    while at < file.len() {
        let page = match page(file, at)? {
            Ok(page) => page,
            // Behind the last page of all there may be anything.
            Err(_) if !streams.is_empty() && streams.values().all(|s| s.has_ended) => break,
            Err(what) => return Err(Stopped::corrupt(at, what)),
        };
        if page.flags & FIRST != 0 {
            if streams.len() >= MOST_STREAMS {
                let what = "there are more streams than in any recording";
                return Err(Stopped::corrupt(at, what));
            }
            let sound = sound(&page.content)?;
            kind = kind.or(sound.map(|sound| sound.is_opus));
            let stream = Stream {
                sound,
                position: 0,
                has_ended: false,
            };
            streams.insert(page.serial, stream);
        }
        let Some(stream) = streams.get_mut(&page.serial) else {
            return Err(Stopped::corrupt(at, "a page belongs to no stream"));
        };
        if page.position != NO_POSITION {
            stream.position = page.position;
        }
        if page.flags & LAST != 0 && !stream.has_ended {
            stream.has_ended = true;
            played = played.saturating_add(stream.lasts());
        }
        at += page.bytes;
    }
    if streams.values().any(|stream| !stream.has_ended) || streams.is_empty() {
        let what = "the last page of a stream is missing";
        return Err(Stopped::corrupt(file.len(), what));
    }
    let media_type = match kind {
        Some(true) => MediaType::Opus,
        Some(false) => MediaType::Ogg,
        None => return Err(Flaw::NotListed("an Ogg file without sound".to_owned()).into()),
    };
    Ok(found(
        media_type,
        Some(played).filter(|played| !played.is_zero()),
        None,
    ))
}

impl Stream {
    fn lasts(&self) -> Duration {
        let sound = self
            .sound
            .and_then(|sound| lasting(self.position.saturating_sub(sound.skip), sound.rate));
        sound.unwrap_or_default()
    }
}

struct Page {
    flags: u8,
    position: u64,
    serial: u64,
    content: Vec<u8>,
    bytes: u64,
}

/// Reads a page and proves its checksum; says what is wrong, else.
fn page<R: Read + Seek>(
    file: &mut Reading<R>,
    at: u64,
) -> Result<Result<Page, &'static str>, Stopped> {
    let bytes = file.some(at, MOST_PAGE_BYTES)?;
    let Some(head) = bytes.first_chunk::<HEAD_BYTES>() else {
        return Ok(Err("the file ends within the head of a page"));
    };
    if !head.starts_with(b"OggS\0") || head[5] & !CONTINUED_OR_MORE != 0 {
        return Ok(Err("there is no page where one should begin"));
    }
    let segments = usize::from(head[26]);
    let content_at = HEAD_BYTES + segments;
    let sizes = bytes.get(HEAD_BYTES..content_at);
    let content: Option<usize> = sizes.map(|sizes| sizes.iter().map(|s| usize::from(*s)).sum());
    let Some((whole, content)) = content.and_then(|size| {
        let whole = bytes.get(..content_at.checked_add(size)?)?;
        Some((whole, whole.get(content_at..)?))
    }) else {
        return Ok(Err("the file ends within a page"));
    };
    if little_endian(head, 22, 4) != Some(u64::from(checksum(whole))) {
        return Ok(Err("the checksum of a page is wrong"));
    }
    let number = |at, size| little_endian(head, at, size).unwrap_or(0);
    // Only what a stream begins with is looked at.
    let is_first = head[5] & FIRST != 0;
    Ok(Ok(Page {
        flags: head[5],
        position: number(6, 8),
        serial: number(14, 4),
        content: if is_first {
            content.to_vec()
        } else {
            Vec::new()
        },
        bytes: whole.len() as u64,
    }))
}

/// Reads the first packet of a stream. Nothing where it is of no sound, such
/// as the index that is called a skeleton.
fn sound(packet: &[u8]) -> Result<Option<Sound>, Flaw> {
    let of = |is_opus, rate: Option<u64>, skip: Option<u64>| {
        let (rate, skip) = (rate.unwrap_or(0), skip.unwrap_or(0));
        Ok(Some(Sound {
            is_opus,
            rate,
            skip,
        }))
    };
    match packet {
        [b'O', b'p', b'u', b's', b'H', b'e', b'a', b'd', ..] => {
            of(true, Some(48_000), little_endian(packet, 10, 2))
        }
        [1, b'v', b'o', b'r', b'b', b'i', b's', ..] => {
            of(false, little_endian(packet, 12, 4), None)
        }
        [b'S', b'p', b'e', b'e', b'x', b' ', b' ', b' ', ..] => {
            of(false, little_endian(packet, 36, 4), None)
        }
        // The rate is in the upper 20 bits of what stands there.
        [0x7f, b'F', b'L', b'A', b'C', ..] => {
            let rate = crate::inspect::reading::big_endian(packet, 27, 3);
            of(false, rate.map(|rate| rate >> 4), None)
        }
        [0x80, b't', b'h', b'e', b'o', b'r', b'a', ..] => {
            Err(Flaw::NotListed("an Ogg film".to_owned()))
        }
        _ => Ok(None),
    }
}

/// CRC-32 by the polynomial 04c11db7, neither reflected nor inverted, over the
/// page with its checksum left out.
fn checksum(page: &[u8]) -> u32 {
    let mut crc = 0;
    for (at, byte) in page.iter().enumerate() {
        let byte = if (22..26).contains(&at) { 0 } else { *byte };
        let index = usize::from((crc >> 24) as u8 ^ byte);
        crc = crc << 8 ^ CRC_TABLE[index];
    }
    crc
}

const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut n = 0;
    let mut first = 0_u32;
    while n < 256 {
        let mut crc = first << 24;
        let mut bit = 0;
        while bit < 8 {
            crc = crc << 1 ^ if crc >> 31 == 1 { 0x04c1_1db7 } else { 0 };
            bit += 1;
        }
        table[n] = crc;
        n += 1;
        first += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::super::{Container, check};
    use super::*;
    use crate::inspect::found::Facts;
    use std::io::Cursor;

    fn page(flags: u8, position: u64, serial: u8, content: &[u8]) -> Vec<u8> {
        let mut page = b"OggS\0".to_vec();
        page.push(flags);
        page.extend(position.to_le_bytes());
        page.extend([serial, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
        let full = content.len() / 255;
        page.push(u8::try_from(full + 1).unwrap());
        page.extend(vec![255; full]);
        page.push(u8::try_from(content.len() % 255).unwrap());
        page.extend(content);
        let crc = checksum(&page).to_le_bytes();
        page[22..26].copy_from_slice(&crc);
        page
    }

    fn opus_head() -> Vec<u8> {
        let mut head = b"OpusHead\x01\x01".to_vec();
        head.extend(312_u16.to_le_bytes());
        head.extend([0x80, 0xbb, 0, 0, 0, 0, 0]);
        head
    }

    fn stream(serial: u8, head: &[u8], last: u64) -> Vec<u8> {
        [
            page(FIRST, 0, serial, head),
            page(0, last / 2, serial, &[1; 700]),
            page(LAST, last, serial, &[2; 300]),
        ]
        .concat()
    }

    fn judged(bytes: &[u8]) -> Result<(MediaType, Duration), String> {
        match check(Container::Ogg, Cursor::new(bytes), bytes.len() as u64) {
            Ok(Found {
                media_type,
                facts: Facts::Av(facts),
            }) => Ok((media_type, facts.duration.unwrap_or_default())),
            Ok(other) => panic!("{other:?}"),
            Err(stopped) => Err(stopped.to_string()),
        }
    }

    #[test]
    fn the_checksum_is_that_of_the_format() {
        let mut bytes = b"123456789".to_vec();
        bytes.resize(9, 0);
        assert_eq!(checksum(&bytes), 0x89a1_897f);
    }

    #[test]
    fn opus_and_others_last_to_their_last_position() {
        let opus = stream(1, &opus_head(), 48_312);
        let second = Duration::from_secs(1);
        assert_eq!(judged(&opus), Ok((MediaType::Opus, second)));
        let mut vorbis = b"\x01vorbis\0\0\0\0\x01".to_vec();
        vorbis.extend(44_100_u32.to_le_bytes());
        vorbis.extend([0; 14]);
        let vorbis = stream(1, &vorbis, 44_100);
        assert_eq!(judged(&vorbis), Ok((MediaType::Ogg, second)));
        let chained = [opus.clone(), stream(2, &opus_head(), 48_312)].concat();
        assert_eq!(judged(&chained), Ok((MediaType::Opus, second * 2)));
        let appended = [&opus[..], b"anything"].concat();
        assert_eq!(judged(&appended), Ok((MediaType::Opus, second)));
    }

    #[test]
    fn every_cut_and_every_flip_is_told() {
        let opus = stream(1, &opus_head(), 48_312);
        for at in 0..opus.len() {
            assert!(judged(&opus[..at]).is_err(), "{at}");
            for value in [0x01, 0x80, 0xff] {
                let mut flipped = opus.clone();
                flipped[at] ^= value;
                assert!(judged(&flipped).is_err(), "{at} {value}");
            }
        }
    }

    #[test]
    fn a_film_is_not_listed_and_a_page_of_nobody_is_broken() {
        let film = stream(1, b"\x80theora", 100);
        assert_eq!(judged(&film), Err("an Ogg film".to_owned()));
        let silent = stream(1, b"fishead\0", 100);
        assert_eq!(judged(&silent), Err("an Ogg file without sound".to_owned()));
        let orphan = [page(FIRST, 0, 1, &opus_head()), page(LAST, 9, 2, b"x")].concat();
        assert!(
            judged(&orphan)
                .unwrap_err()
                .starts_with("a page belongs to no")
        );
    }
}
