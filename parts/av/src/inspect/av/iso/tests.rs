//! Films made box by box.

use super::boxes::{Name, boxed};
use super::*;
use crate::inspect::found::{AvFacts, Facts};
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::time::Duration;

/// A full box: version 0, these flags, and content.
fn full(name: Name, flags: u32, content: &[u8]) -> Vec<u8> {
    boxed(name, &[&flags.to_be_bytes()[..], content].concat())
}

fn numbers(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_be_bytes()).collect()
}

fn container(name: Name, children: &[Vec<u8>]) -> Vec<u8> {
    boxed(name, &children.concat())
}

fn ftyp(brand: Name) -> Vec<u8> {
    boxed(*b"ftyp", &[&brand[..], &[0; 4], b"isommp42"].concat())
}

fn mvhd(timescale: u32, duration: u32) -> Vec<u8> {
    let head = numbers(&[0, 0, timescale, duration]);
    full(*b"mvhd", 0, &[&head[..], &[0; 80]].concat())
}

/// 9 numbers: a b u, c d v, x y w.
const UPRIGHT: [u32; 9] = [1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30];
const ON_ITS_SIDE: [u32; 9] = [0, 1 << 16, 0, u32::MAX << 16, 0, 0, 0, 0, 1 << 30];

struct Spec {
    id: u32,
    handler: Name,
    matrix: [u32; 9],
    chapters: Option<u32>,
    format: Name,
    /// Bytes of each sample, and where the chunk with all of them begins.
    samples: (u32, Vec<u32>),
}

impl Spec {
    fn of(handler: Name) -> Self {
        Self {
            id: 1,
            handler,
            matrix: UPRIGHT,
            chapters: None,
            format: *b"avc1",
            samples: (0, vec![]),
        }
    }

    fn trak(&self) -> Vec<u8> {
        let head = numbers(&[0, 0, self.id, 0, 2000, 0, 0, 0, 0]);
        let size = numbers(&[640 << 16, 360 << 16]);
        let tkhd = [head, numbers(&self.matrix), size].concat();
        let (at, sizes) = &self.samples;
        let count = u32::try_from(sizes.len()).unwrap();
        let entry = [&[0, 0, 0, 16][..], &self.format, &[0; 8]].concat();
        let stbl = [
            full(*b"stsd", 0, &[numbers(&[1]), entry].concat()),
            full(*b"stts", 0, &numbers(&[1, count, 500])),
            full(
                *b"stsz",
                0,
                &[numbers(&[0, count]), numbers(sizes)].concat(),
            ),
            full(*b"stsc", 0, &numbers(&[1, 1, count, 1])),
            full(*b"stco", 0, &numbers(&[1, *at])),
        ];
        let dref = full(*b"url ", 1, &[]);
        let dref = full(*b"dref", 0, &[numbers(&[1]), dref].concat());
        let mdia = [
            full(*b"mdhd", 0, &numbers(&[0, 0, 1000, 2000, 0])),
            full(
                *b"hdlr",
                0,
                &[&[0; 4][..], &self.handler, &[0; 13]].concat(),
            ),
            container(
                *b"minf",
                &[container(*b"dinf", &[dref]), container(*b"stbl", &stbl)],
            ),
        ];
        let chapters = self.chapters.map(|id| boxed(*b"chap", &numbers(&[id])));
        let mut trak = vec![full(*b"tkhd", 7, &tkhd)];
        trak.extend(chapters.map(|chap| container(*b"tref", &[chap])));
        trak.push(container(*b"mdia", &mdia));
        container(*b"trak", &trak)
    }
}

const DATA: u32 = 300;

/// Brand, data of 300 bytes, then the index, with the samples of the first
/// track in that data.
fn film(brand: Name, mut tracks: Vec<Spec>) -> Vec<u8> {
    let head = ftyp(brand);
    let at = u32::try_from(head.len()).unwrap() + 8;
    if let Some(first) = tracks.first_mut() {
        first.samples = (at, vec![100, 150, 50]);
    }
    let mut index = vec![mvhd(1000, 2500)];
    index.extend(tracks.iter().map(Spec::trak));
    [
        head,
        boxed(*b"mdat", &[0x21; DATA as usize]),
        container(*b"moov", &index),
    ]
    .concat()
}

fn check(bytes: &[u8]) -> Result<Found, Flaw> {
    let file = Cursor::new(bytes);
    match super::check(&mut Reading::new(file, bytes.len() as u64, 0)) {
        Ok(found) => Ok(found),
        Err(Stopped::Flaw(flaw)) => Err(flaw),
        Err(Stopped::Unread(error)) => panic!("{error}"),
    }
}

fn type_of(bytes: &[u8]) -> MediaType {
    check(bytes).unwrap().media_type
}

fn told(bytes: &[u8]) -> String {
    check(bytes).unwrap_err().to_string()
}

fn facts(bytes: &[u8]) -> AvFacts {
    match check(bytes).unwrap().facts {
        Facts::Av(facts) => facts,
        other => panic!("{other:?}"),
    }
}

#[test]
fn tracks_decide_and_no_brand_does() {
    for brand in [*b"isom", *b"M4A ", *b"3gp4", *b"iso8", *b"mp42", *b"zzzz"] {
        let sound = film(brand, vec![Spec::of(*b"soun")]);
        assert_eq!(type_of(&sound), MediaType::M4a, "{brand:?}");
        let both = film(brand, vec![Spec::of(*b"soun"), Spec::of(*b"vide")]);
        assert_eq!(type_of(&both), MediaType::Mp4, "{brand:?}");
    }
    let quick = film(*b"qt  ", vec![Spec::of(*b"soun")]);
    assert_eq!(type_of(&quick), MediaType::Mov);
    let of_old = &film(*b"isom", vec![]);
    assert!(check(of_old).is_err());
    let subtitles = film(*b"isom", vec![Spec::of(*b"sbtl")]);
    assert_eq!(told(&subtitles), "a film without pictures and sound");
}

#[test]
fn a_film_of_quicktime_of_old_has_no_brand() {
    let mut film = film(*b"isom", vec![Spec::of(*b"vide")]);
    // `wide` in the place of `ftyp`, so that the samples stay where they are.
    film[4..8].copy_from_slice(b"wide");
    assert_eq!(type_of(&film), MediaType::Mov);
}

#[test]
fn chapters_and_covers_make_no_film_of_a_recording() {
    let mut book = Spec::of(*b"soun");
    book.chapters = Some(2);
    let mut pictures = Spec::of(*b"vide");
    pictures.id = 2;
    assert_eq!(
        type_of(&film(*b"M4A ", vec![book, pictures])),
        MediaType::M4a
    );
    let mut cover = Spec::of(*b"vide");
    cover.format = *b"jpeg";
    let song = film(*b"M4A ", vec![Spec::of(*b"soun"), cover]);
    assert_eq!(type_of(&song), MediaType::M4a);
}

#[test]
fn length_and_pixels_are_as_it_is_shown() {
    let upright = facts(&film(*b"isom", vec![Spec::of(*b"vide")]));
    assert_eq!(upright.duration, Some(Duration::from_millis(2500)));
    assert_eq!(upright.pixels, Some((640, 360)));
    let mut spec = Spec::of(*b"vide");
    spec.matrix = ON_ITS_SIDE;
    assert_eq!(facts(&film(*b"isom", vec![spec])).pixels, Some((360, 640)));
    let mut film = film(*b"isom", vec![Spec::of(*b"soun")]);
    let at = find(&film, *b"mvhd") + 16;
    film[at..at + 8].fill(0);
    assert_eq!(facts(&film).duration, Some(Duration::from_secs(2)));
    assert_eq!(facts(&film).pixels, None);
}

fn find(bytes: &[u8], name: Name) -> usize {
    bytes.windows(4).position(|it| *it == name).unwrap()
}

#[test]
fn a_cut_film_is_refused_wherever_it_is_cut() {
    let whole = film(*b"isom", vec![Spec::of(*b"vide")]);
    for cut in 0..whole.len() {
        assert!(check(&whole[..cut]).is_err(), "{cut}");
    }
    // With the index in front, and data that goes on to the end.
    let [head, data, index] = parts(&whole);
    let mut first = [head, index, &[0; 4], &data[4..]].concat();
    let at = find(&first, *b"stco") + 12;
    let begins = u32::try_from(head.len() + index.len() + 8).unwrap();
    first[at..at + 4].copy_from_slice(&begins.to_be_bytes());
    assert_eq!(type_of(&first), MediaType::Mp4);
    for cut in 0..first.len() {
        assert!(check(&first[..cut]).is_err(), "{cut}");
    }
}

fn parts(film: &[u8]) -> [&[u8]; 3] {
    let (data, index) = (find(film, *b"mdat") - 4, find(film, *b"moov") - 4);
    [&film[..data], &film[data..index], &film[index..]]
}

#[test]
fn what_is_appended_does_not_matter() {
    let film = film(*b"isom", vec![Spec::of(*b"vide")]);
    let free = boxed(*b"free", &[1; 40]);
    for appended in [
        &[0; 9000][..],
        &[0; 5],
        b"\r\n",
        &[0xff; 100],
        &[0, 0, 0, 3, b'j', b'u', b'n', b'k'],
        b"<trailer>of a camera</trailer>",
        &free,
        &free[..20],
    ] {
        let film = [&film, appended].concat();
        assert_eq!(type_of(&film), MediaType::Mp4, "{appended:?}");
    }
    let cut = [&film[..], &boxed(*b"udta", &[1; 40])[..20]].concat();
    assert!(told(&cut).starts_with("the file ends within the box udta"));
}

#[test]
fn long_and_open_sizes_and_gaps_are_read() {
    let whole = film(*b"isom", vec![Spec::of(*b"vide")]);
    let [head, data, index] = parts(&whole);
    let long = [
        &[0, 0, 0, 1][..],
        b"moov",
        &(index.len() as u64 + 8).to_be_bytes(),
        &index[8..],
    ];
    let long = [head, data, &long.concat()].concat();
    assert_eq!(type_of(&long), MediaType::Mp4);
    let open = [head, data, &[0; 4], &index[4..]].concat();
    assert_eq!(type_of(&open), MediaType::Mp4);
    let gap = [head, data, &[0; 30], index].concat();
    assert_eq!(type_of(&gap), MediaType::Mp4);
    let skipped = [
        head,
        data,
        &boxed(*b"skip", &[9; 9]),
        &boxed(*b"uuid", &[7; 16]),
        index,
    ];
    assert_eq!(type_of(&skipped.concat()), MediaType::Mp4);
}

#[test]
fn an_index_without_what_it_tells_of_is_no_film() {
    let whole = film(*b"isom", vec![Spec::of(*b"vide")]);
    let [head, data, index] = parts(&whole);
    assert!(told(&[head, index].concat()).starts_with("samples are said to lie at byte"));
    assert!(told(&[head, data].concat()).starts_with("there is no index (moov)"));
    let empty = [head, &boxed(*b"moov", &[]), &boxed(*b"mdat", &[])].concat();
    assert!(told(&empty).starts_with("the index has no tracks"));
    let mut unfilled = whole.clone();
    for (name, from) in [(*b"stsz", 8), (*b"stco", 4), (*b"stsc", 4)] {
        let at = find(&unfilled, name) + 4 + from;
        unfilled[at..at + 4].fill(0);
    }
    assert!(told(&unfilled).starts_with("no track has any samples"));
    let mut beyond = whole.clone();
    let at = find(&beyond, *b"stsz") + 16;
    beyond[at + 1] = 0xff;
    assert!(told(&beyond).starts_with("the file ends within the samples"));
    let mut fewer = whole.clone();
    let at = find(&fewer, *b"stco") + 8;
    fewer[at..at + 4].fill(0);
    assert!(told(&fewer).starts_with("samples are counted that lie nowhere"));
}

#[test]
fn samples_in_another_file_are_not_missed() {
    let whole = film(*b"qt  ", vec![Spec::of(*b"vide")]);
    let [head, _, index] = parts(&whole);
    let mut refers = [head, index].concat();
    let at = find(&refers, *b"url ") + 7;
    refers[at] = 0;
    assert_eq!(type_of(&refers), MediaType::Mov);
}

/// As Android and others write it: a handler, and no tables at all.
#[test]
fn a_track_without_tables_is_one_where_there_is_data() {
    let bare = |handler: Name, data: &[u8]| {
        let hdlr = full(*b"hdlr", 0, &[&[0; 4][..], &handler, &[0; 13]].concat());
        let trak = container(*b"trak", &[container(*b"mdia", &[hdlr])]);
        let moov = container(*b"moov", &[mvhd(0, 0), trak]);
        [ftyp(*b"isom"), boxed(*b"mdat", data), moov].concat()
    };
    assert_eq!(type_of(&bare(*b"soun", &[1; 400])), MediaType::M4a);
    assert_eq!(type_of(&bare(*b"vide", &[1; 400])), MediaType::Mp4);
    assert_eq!(facts(&bare(*b"vide", &[1; 400])), AvFacts::default());
    assert!(told(&bare(*b"vide", &[])).starts_with("there are no pictures"));
}

fn fragmented(fragments: u32) -> Vec<u8> {
    let mut track = Spec::of(*b"soun");
    track.samples = (0, vec![]);
    let trex = full(*b"trex", 0, &numbers(&[1, 1, 250, 0, 0]));
    let mut boxes = track.trak();
    let at = find(&boxes, *b"mdhd") + 20;
    boxes[at..at + 4].fill(0);
    let moov = [mvhd(1000, 0), boxes, container(*b"mvex", &[trex])];
    let mut film = [ftyp(*b"iso5"), container(*b"moov", &moov)].concat();
    for _ in 0..fragments {
        let tfhd = full(*b"tfhd", 0x0002_0000, &numbers(&[1]));
        let timed = full(*b"trun", 0x0301, &numbers(&[2, 0, 300, 50, 400, 50]));
        let even = full(*b"trun", 0x0200, &numbers(&[2, 50, 50]));
        film.extend(container(
            *b"moof",
            &[container(*b"traf", &[tfhd, timed, even])],
        ));
        film.extend(boxed(*b"mdat", &[1; 200]));
    }
    film
}

#[test]
fn fragments_are_a_film_and_last_as_long_as_their_samples() {
    let film = fragmented(3);
    assert_eq!(type_of(&film), MediaType::M4a);
    // 300 and 400 as the run says, and twice 250 as all of them do.
    assert_eq!(facts(&film).duration, Some(Duration::from_millis(3600)));
    let ends: Vec<usize> = (0..=3).map(|n| fragmented(n).len()).collect();
    for cut in 0..film.len() {
        let is_between = ends.contains(&cut) && cut > ends[0];
        assert_eq!(check(&film[..cut]).is_ok(), is_between, "{cut}");
    }
    let mut lying = film.clone();
    let at = find(&lying, *b"trun") + 8;
    lying[at..at + 4].fill(0xff);
    assert!(told(&lying).starts_with("the box trun has fewer entries than it says"));
}

fn photo(brand: Name, rotated: u8) -> Vec<u8> {
    let head = ftyp(brand);
    let meta = |at: u32| {
        let ispe = |w, h| full(*b"ispe", 0, &numbers(&[w, h]));
        let irot = boxed(*b"irot", &[rotated]);
        let ipco = container(*b"ipco", &[ispe(512, 512), ispe(4032, 3024), irot]);
        let mut iloc = vec![0x44, 0x40, 0, 2];
        for (id, at) in [(1_u16, at), (2, at + 60)] {
            iloc.extend(id.to_be_bytes());
            iloc.extend([0, 0, 0, 0, 0, 0, 0, 1]);
            iloc.extend(numbers(&[at, 60]));
        }
        let boxes = [
            full(*b"hdlr", 0, &[&[0; 4][..], b"pict", &[0; 13]].concat()),
            full(*b"pitm", 0, &[0, 1]),
            full(*b"iinf", 0, &[0, 2]),
            container(*b"iprp", &[ipco]),
            full(*b"iloc", 0, &iloc),
        ];
        full(*b"meta", 0, &boxes.concat())
    };
    let at = u32::try_from(head.len() + meta(0).len() + 8).unwrap();
    [head, meta(at), boxed(*b"mdat", &[5; 120])].concat()
}

#[test]
fn a_photo_is_known_by_its_brand_and_whole_by_its_items() {
    for brand in [*b"heic", *b"heix", *b"hevc", *b"mif1", *b"msf1", *b"avif"] {
        assert_eq!(type_of(&photo(brand, 0)), MediaType::Heic, "{brand:?}");
    }
    assert_eq!(facts(&photo(*b"heic", 0)).pixels, Some((4032, 3024)));
    assert_eq!(facts(&photo(*b"heic", 1)).pixels, Some((3024, 4032)));
    let whole = photo(*b"heic", 0);
    for cut in 0..whole.len() {
        assert!(check(&whole[..cut]).is_err(), "{cut}");
    }
    let mut beyond = whole.clone();
    let at = find(&beyond, *b"iloc") + 24;
    beyond[at] = 1;
    assert!(told(&beyond).starts_with("the file ends within a picture"));
    let mut open = whole.clone();
    let at = find(&open, *b"mdat") - 4;
    open[at..at + 4].fill(0);
    assert!(check(&open).is_ok());
    assert!(check(&open[..open.len() - 1]).is_err());
}

#[test]
fn what_is_built_of_boxes_and_not_ours_has_a_name() {
    let raw = film(*b"crx ", vec![Spec::of(*b"vide")]);
    assert_eq!(told(&raw), "a raw photo of a camera");
}

/// Hands out bytes, and never one of what it may not.
struct Untouched {
    bytes: Cursor<Vec<u8>>,
    from: u64,
    to: u64,
}

impl Read for Untouched {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let at = self.bytes.position();
        let read = self.bytes.read(into)?;
        let end = at + read as u64;
        assert!(end <= self.from || at >= self.to, "{at} to {end} is data");
        Ok(read)
    }
}

impl Seek for Untouched {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(to)
    }
}

#[test]
fn not_a_byte_of_the_data_is_read() {
    for film in [film(*b"isom", vec![Spec::of(*b"vide")]), photo(*b"heic", 0)] {
        let from = find(&film, *b"mdat") as u64 + 4;
        let to = from
            + if film[8] == b'i' {
                u64::from(DATA)
            } else {
                120
            };
        let len = film.len() as u64;
        let bytes = Cursor::new(film);
        let mut file = Reading::new(Untouched { bytes, from, to }, len, 0);
        assert!(super::check(&mut file).is_ok());
    }
}

#[test]
fn no_flip_and_no_cut_makes_it_panic() {
    for film in [
        film(*b"isom", vec![Spec::of(*b"soun"), Spec::of(*b"vide")]),
        fragmented(2),
        photo(*b"heic", 1),
    ] {
        for at in 0..film.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut flipped = film.clone();
                flipped[at] = value;
                let _ = check(&flipped);
                let _ = check(&flipped[..at]);
            }
        }
    }
}
