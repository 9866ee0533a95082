//! `WebM`: the elements of Matroska (RFC 9559) as far as browsers play them.
//!
//! A browser that records writes no sizes and no length: then clusters and
//! their blocks are walked, head by head, to the end of the file.

use super::ebml::{self, Element};
use super::{found, lasting};
use crate::attachment::media::MediaType;
use crate::inspect::found::{Flaw, Found};
use crate::inspect::reading::{Reading, Stopped};
use std::io::{Read, Seek};
use std::time::Duration;

const HEAD: u32 = 0x1a45_dfa3;
const DOC_TYPE: u32 = 0x4282;
const SEGMENT: u32 = 0x1853_8067;
const INFO: u32 = 0x1549_a966;
const TIMESTAMP_SCALE: u32 = 0x002a_d7b1;
const DURATION: u32 = 0x4489;
const TRACKS: u32 = 0x1654_ae6b;
const TRACK_ENTRY: u32 = 0xae;
const VIDEO: u32 = 0xe0;
const PIXEL_WIDTH: u32 = 0xb0;
const PIXEL_HEIGHT: u32 = 0xba;
const CLUSTER: u32 = 0x1f43_b675;
const TIMESTAMP: u32 = 0xe7;
const SIMPLE_BLOCK: u32 = 0xa3;
const BLOCK_GROUP: u32 = 0xa0;
const BLOCK: u32 = 0xa1;

const MOST_HEAD_BYTES: u64 = 4096;
const MOST_INDEX_BYTES: u64 = 16 << 20;
/// Blocks and clusters of a film of several hours.
const MOST_ELEMENTS: u32 = 2_000_000;

/// What has been read of the segment.
struct Segment {
    nanos_per_unit: u64,
    duration: Option<f64>,
    has_tracks: bool,
    pixels: Option<(u32, u32)>,
    blocks: u64,
    /// Of the cluster being walked, in units.
    cluster_at: u64,
    /// Where the last block of all begins to play, in units.
    last_block: u64,
}

pub(super) fn check<R: Read + Seek>(file: &mut Reading<R>) -> Result<Found, Stopped> {
    let head = there(file, 0)?;
    let size = head.size.filter(|_| head.id == HEAD).unwrap_or(0);
    let bytes = file.whole(head.at, size, MOST_HEAD_BYTES, "its head")?;
    let doc_type = ebml::children(&bytes).find(|(id, _)| *id == DOC_TYPE);
    match doc_type.map(|(_, name)| name.trim_ascii_end()) {
        Some(b"webm" | b"webm\0") => {}
        Some(b"matroska") => return Err(Flaw::NotListed("a Matroska film".to_owned()).into()),
        _ => return Err(Flaw::NotListed("elements (EBML) of another kind".to_owned()).into()),
    }
    let segment = there(file, head.at + size)?;
    if segment.id != SEGMENT {
        return Err(Stopped::corrupt(segment.at, "there is no segment"));
    }
    let end = end_of(file, &segment, "the segment")?;
    let segment = walk(file, segment.at, end.unwrap_or(file.len()), end.is_none())?;
    if !segment.has_tracks {
        return Err(Stopped::corrupt(file.len(), "there are no tracks"));
    }
    if segment.blocks == 0 {
        return Err(Stopped::corrupt(
            file.len(),
            "there are no pictures and no sound",
        ));
    }
    Ok(found(MediaType::Webm, segment.lasts(), segment.pixels))
}

impl Segment {
    fn lasts(&self) -> Option<Duration> {
        let nanos = |units: u64| lasting(units.saturating_mul(self.nanos_per_unit), 1_000_000_000);
        match self.duration {
            Some(units) => {
                let scale = Duration::from_nanos(self.nanos_per_unit).as_secs_f64();
                Duration::try_from_secs_f64(units * scale).ok()
            }
            _ => nanos(self.last_block),
        }
    }
}

/// Walks what is in the segment, from there to that end, which is known or the
/// file's.
fn walk<R: Read + Seek>(
    file: &mut Reading<R>,
    mut at: u64,
    end: u64,
    is_open: bool,
) -> Result<Segment, Stopped> {
    let mut segment = Segment {
        nanos_per_unit: 1_000_000,
        duration: None,
        has_tracks: false,
        pixels: None,
        blocks: 0,
        cluster_at: 0,
        last_block: 0,
    };
    for _ in 0..MOST_ELEMENTS {
        if at >= end {
            return Ok(segment);
        }
        let element = match ebml::read(file, at)? {
            Ok(element) => element,
            // Behind a segment that does not say where it ends there may be anything.
            Err(_) if is_open && segment.blocks > 0 && !is_cut(file, at) => return Ok(segment),
            Err(what) => return Err(Stopped::corrupt(at, what)),
        };
        at = take(file, &mut segment, &element)?;
    }
    Err(Stopped::corrupt(
        at,
        "there are more elements than in any film",
    ))
}

/// Takes an element of the segment; gives where the next one begins.
fn take<R: Read + Seek>(
    file: &mut Reading<R>,
    segment: &mut Segment,
    element: &Element,
) -> Result<u64, Stopped> {
    let what = match element.id {
        CLUSTER => "a cluster",
        SIMPLE_BLOCK | BLOCK_GROUP | BLOCK => "a block",
        _ => "an element",
    };
    let Some(end) = end_of(file, element, what)? else {
        if element.id == CLUSTER {
            return Ok(element.at);
        }
        return Err(Stopped::corrupt(
            element.at,
            "an element does not say how long it is",
        ));
    };
    let size = end - element.at;
    match element.id {
        CLUSTER => {
            // Its blocks are walked where they are looked for: always in the
            // first one, in all where nobody says how long the film is.
            let is_walked = segment.blocks == 0 || segment.duration.is_none();
            return Ok(if is_walked { element.at } else { end });
        }
        INFO => info(
            &file.whole(element.at, size, MOST_INDEX_BYTES, what)?,
            segment,
        ),
        TRACKS => {
            segment.has_tracks = true;
            segment.pixels = pixels(&file.whole(element.at, size, MOST_INDEX_BYTES, what)?);
        }
        TIMESTAMP if size <= 8 => {
            let bytes = file.whole(element.at, size, 8, what)?;
            segment.cluster_at = ebml::unsigned(&bytes).unwrap_or(0);
            segment.last_block = segment.last_block.max(segment.cluster_at);
        }
        BLOCK_GROUP => return Ok(element.at),
        SIMPLE_BLOCK | BLOCK => {
            segment.blocks += 1;
            let head = file.some(element.at, 12)?;
            // The number of the track, then the time since the cluster's.
            let after_track = head
                .first()
                .map_or(1, |first| first.leading_zeros() as usize + 1);
            let offset = head.get(after_track..after_track + 2);
            let offset = offset.map_or(0, |it| i16::from_be_bytes([it[0], it[1]]));
            let plays_at = segment.cluster_at.saturating_add_signed(i64::from(offset));
            segment.last_block = segment.last_block.max(plays_at);
        }
        _ => {}
    }
    Ok(end)
}

fn info(bytes: &[u8], segment: &mut Segment) {
    for (id, content) in ebml::children(bytes) {
        match id {
            TIMESTAMP_SCALE => {
                let scale = ebml::unsigned(content).filter(|scale| *scale > 0);
                segment.nanos_per_unit = scale.unwrap_or(segment.nanos_per_unit);
            }
            DURATION => segment.duration = ebml::float(content).filter(|units| *units >= 1.0),
            _ => {}
        }
    }
}

/// Pixels across and down of the first video.
fn pixels(tracks: &[u8]) -> Option<(u32, u32)> {
    let entries = ebml::children(tracks).filter(|(id, _)| *id == TRACK_ENTRY);
    let mut videos = entries.flat_map(|(_, entry)| ebml::children(entry));
    let (_, video) = videos.find(|(id, _)| *id == VIDEO)?;
    let side = |wanted| {
        let (_, content) = ebml::children(video).find(|(id, _)| *id == wanted)?;
        u32::try_from(ebml::unsigned(content)?).ok()
    };
    Some((side(PIXEL_WIDTH)?, side(PIXEL_HEIGHT)?))
}

fn there<R: Read + Seek>(file: &mut Reading<R>, at: u64) -> Result<Element, Stopped> {
    ebml::read(file, at)?.map_err(|what| Stopped::corrupt(at, what))
}

/// Where an element ends, which has to be within the file.
fn end_of<R: Read + Seek>(
    file: &Reading<R>,
    element: &Element,
    what: &str,
) -> Result<Option<u64>, Stopped> {
    let end = element.size.map(|size| element.at.saturating_add(size));
    match end {
        Some(end) if end > file.len() => {
            let what = format!("the file ends within {what}");
            Err(Stopped::corrupt(file.len(), &what))
        }
        end => Ok(end),
    }
}

fn is_cut<R: Read + Seek>(file: &Reading<R>, at: u64) -> bool {
    file.len() - at < 12
}

#[cfg(test)]
mod tests {
    use super::super::{Container, check};
    use super::*;
    use crate::inspect::found::{AvFacts, Facts};
    use std::io::Cursor;

    fn id(id: u32) -> Vec<u8> {
        let bytes = id.to_be_bytes();
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        bytes[zeros..].to_vec()
    }

    fn element(name: u32, content: &[u8]) -> Vec<u8> {
        let size = u32::try_from(content.len()).unwrap() | 0x1000_0000;
        [id(name), size.to_be_bytes().to_vec(), content.to_vec()].concat()
    }

    /// Without a size.
    fn open(name: u32, content: &[u8]) -> Vec<u8> {
        let size = [1, 255, 255, 255, 255, 255, 255, 255];
        [&id(name)[..], &size, content].concat()
    }

    fn head(doc_type: &[u8]) -> Vec<u8> {
        element(HEAD, &element(DOC_TYPE, doc_type))
    }

    fn tracks() -> Vec<u8> {
        let sides = [
            element(PIXEL_WIDTH, &[2, 128]),
            element(PIXEL_HEIGHT, &[1, 104]),
        ];
        let video = element(VIDEO, &sides.concat());
        element(TRACKS, &element(TRACK_ENTRY, &video))
    }

    fn info(units: f64) -> Vec<u8> {
        let scale = element(TIMESTAMP_SCALE, &1_000_000_u32.to_be_bytes());
        let duration = element(DURATION, &units.to_be_bytes());
        element(INFO, &[scale, duration].concat())
    }

    /// Two blocks: as it begins, and 300 ms later.
    fn cluster(at: u16) -> Vec<u8> {
        let simple = element(SIMPLE_BLOCK, &[&[0x81, 0, 0, 0x80][..], &[1; 40]].concat());
        let block = element(BLOCK, &[&[0x81, 1, 44, 0][..], &[2; 40]].concat());
        let time = element(TIMESTAMP, &at.to_be_bytes());
        [time, simple, element(BLOCK_GROUP, &block)].concat()
    }

    fn film() -> Vec<u8> {
        let clusters = [
            element(CLUSTER, &cluster(0)),
            element(CLUSTER, &cluster(1000)),
        ];
        let segment = [info(2500.0), tracks(), clusters.concat()].concat();
        [head(b"webm"), element(SEGMENT, &segment)].concat()
    }

    /// As a browser writes what it records.
    fn live() -> Vec<u8> {
        let clusters = [open(CLUSTER, &cluster(0)), open(CLUSTER, &cluster(1000))];
        let segment = [tracks(), clusters.concat()].concat();
        [head(b"webm"), open(SEGMENT, &segment)].concat()
    }

    fn judged(bytes: &[u8]) -> Result<AvFacts, String> {
        match check(Container::Ebml, Cursor::new(bytes), bytes.len() as u64) {
            Ok(Found {
                media_type: MediaType::Webm,
                facts: Facts::Av(facts),
            }) => Ok(facts),
            Ok(other) => panic!("{other:?}"),
            Err(stopped) => Err(stopped.to_string()),
        }
    }

    #[test]
    fn a_film_tells_its_length_and_a_live_one_has_the_time_of_its_last_block() {
        let facts = judged(&film()).unwrap();
        assert_eq!(facts.duration, Some(Duration::from_millis(2500)));
        assert_eq!(facts.pixels, Some((640, 360)));
        let facts = judged(&live()).unwrap();
        assert_eq!(facts.duration, Some(Duration::from_millis(1300)));
    }

    #[test]
    fn a_cut_is_told_wherever_a_size_is_known() {
        let film = film();
        for cut in 0..film.len() {
            assert!(judged(&film[..cut]).is_err(), "{cut}");
        }
        let live = live();
        let within_last_block = live.len() - 46..live.len();
        for cut in within_last_block {
            assert!(judged(&live[..cut]).is_err(), "{cut}");
        }
        assert!(judged(&[&film[..], b"anything"].concat()).is_ok());
        assert!(judged(&[&live[..], &[0; 100]].concat()).is_ok());
    }

    #[test]
    fn only_webm_with_tracks_and_blocks_is_taken() {
        let told = |bytes: &[u8]| judged(bytes).unwrap_err();
        assert_eq!(told(&head(b"matroska")), "a Matroska film");
        assert_eq!(told(&head(b"other")), "elements (EBML) of another kind");
        let of = |segment: &[u8]| told(&[head(b"webm"), element(SEGMENT, segment)].concat());
        assert!(of(&tracks()).starts_with("there are no pictures"));
        assert!(of(&element(CLUSTER, &cluster(0))).starts_with("there are no tracks"));
        assert!(told(&head(b"webm")).starts_with("the file ends within the head"));
    }

    #[test]
    fn no_flip_and_no_cut_makes_it_panic() {
        for film in [film(), live()] {
            for at in 0..film.len() {
                for value in [0, 1, 0x7f, 0x80, 0xff] {
                    let mut flipped = film.clone();
                    flipped[at] = value;
                    let _ = judged(&flipped);
                    let _ = judged(&flipped[..at]);
                }
            }
        }
    }
}
