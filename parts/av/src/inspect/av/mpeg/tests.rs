//! Recordings made frame by frame.

use super::*;
use crate::inspect::found::Facts;
use std::time::Duration;

const MP3: [u8; 4] = [0xff, 0xfb, 0x90, 0x64];
const MP3_BYTES: usize = 417;
const ADTS_BYTES: usize = 200;

fn mp3_frame(head: [u8; 4]) -> Vec<u8> {
    let bytes = usize::try_from(frame::Frame::read(&head).unwrap().bytes).unwrap();
    let mut frame = head.to_vec();
    frame.resize(bytes, 0x55);
    frame
}

fn mp3_of(frames: usize) -> Vec<u8> {
    mp3_frame(MP3).repeat(frames)
}

fn aac_of(frames: usize) -> Vec<u8> {
    let mut frame = vec![0xff, 0xf1, 0x50, 0x80, 0x19, 0x1f, 0xfc];
    frame.resize(ADTS_BYTES, 0x21);
    frame.repeat(frames)
}

/// A first frame that announces so many frames and bytes.
fn announcing(frames: u32, bytes: u32) -> Vec<u8> {
    let mut first = mp3_frame(MP3);
    first[36..40].copy_from_slice(b"Info");
    first[40..44].copy_from_slice(&3_u32.to_be_bytes());
    first[44..48].copy_from_slice(&frames.to_be_bytes());
    first[48..52].copy_from_slice(&bytes.to_be_bytes());
    first
}

fn announced(frames: usize) -> Vec<u8> {
    let bytes = (frames + 1) * MP3_BYTES;
    let first = announcing(frames.try_into().unwrap(), bytes.try_into().unwrap());
    [first, mp3_of(frames)].concat()
}

fn check(bytes: &[u8]) -> Result<(MediaType, Duration), Flaw> {
    match super::super::check(
        super::super::Container::MpegAudio,
        Cursor::new(bytes),
        bytes.len() as u64,
    ) {
        Ok(Found {
            media_type,
            facts: Facts::Av(facts),
        }) => Ok((media_type, facts.duration.unwrap_or_default())),
        Ok(other) => panic!("{other:?}"),
        Err(Stopped::Flaw(flaw)) => Err(flaw),
        Err(Stopped::Unread(error)) => panic!("{error}"),
    }
}

fn is(bytes: &[u8]) -> Option<MediaType> {
    check(bytes).ok().map(|(media_type, _)| media_type)
}

const ID3: &[u8] = b"ID3\x03\0\0\0\0\0\x05title";

#[test]
fn frames_make_a_recording_that_lasts_as_long_as_they_do() {
    let (media_type, lasts) = check(&mp3_of(1225)).unwrap();
    assert_eq!(
        (media_type, lasts),
        (MediaType::Mp3, Duration::from_secs(32))
    );
    let (media_type, lasts) = check(&aac_of(441)).unwrap();
    assert_eq!(media_type, MediaType::Aac);
    assert_eq!(lasts.as_millis(), 10_240);
    assert_eq!(check(&announced(1225)).unwrap().1, Duration::from_secs(32));
    for head in [
        [0xff, 0xfa, 0x90, 0x64],
        [0xff, 0xf3, 0x80, 0xc4],
        [0xff, 0xe3, 0x40, 0xc4],
    ] {
        assert_eq!(
            is(&mp3_frame(head).repeat(4)),
            Some(MediaType::Mp3),
            "{head:?}"
        );
    }
}

#[test]
fn tags_zeros_and_what_stands_in_front_are_passed_over() {
    let (mp3, aac) = (mp3_of(5), aac_of(5));
    let footed = b"ID3\x04\0\x10\0\0\0\x02ab3DI\x04\0\x10\0\0\0\x02";
    let v1 = [&b"TAG"[..], &[b'a'; 125]].concat();
    let ape = [
        b"APETAGEX\xd0\x07\0\0\x25\0\0\0\x01\0\0\0\0\0\0\0",
        &[0; 8][..],
        b"title",
    ];
    for front in [
        &[0; 5000][..],
        ID3,
        &[ID3, ID3].concat(),
        footed,
        &[&footed[..], &[0; 99], ID3].concat(),
    ] {
        assert_eq!(
            is(&[front, &mp3[..]].concat()),
            Some(MediaType::Mp3),
            "{front:?}"
        );
        assert_eq!(
            is(&[front, &aac[..]].concat()),
            Some(MediaType::Aac),
            "{front:?}"
        );
    }
    for behind in [&v1[..], &ape.concat(), &[0; 9000], ID3, b"junk"] {
        assert_eq!(
            is(&[&mp3, behind].concat()),
            Some(MediaType::Mp3),
            "{behind:?}"
        );
    }
    // A stream that was joined late.
    assert_eq!(is(&mp3[100..]), Some(MediaType::Mp3));
    // Two that were put together.
    assert_eq!(is(&[&mp3[..], ID3, &mp3].concat()), Some(MediaType::Mp3));
}

#[test]
fn a_recording_that_announces_more_than_there_is_was_cut() {
    let whole = announced(20);
    for cut in 0..whole.len() {
        assert_eq!(is(&whole[..cut]), None, "{cut}");
    }
    let tagged = [&whole[..], b"TAG", &[0; 125]].concat();
    assert_eq!(is(&tagged), Some(MediaType::Mp3));
    let more = [&whole[..], &mp3_of(3)].concat();
    assert_eq!(is(&more), Some(MediaType::Mp3));
    // What could not go back left zeros; what counts itself, one too many.
    for (frames, bytes) in [(0, 0), (21, 21 * 417), (20, 22 * 417), (0, 21 * 417)] {
        let sloppy = [announcing(frames, bytes), mp3_of(20)].concat();
        assert_eq!(is(&sloppy), Some(MediaType::Mp3), "{frames} {bytes}");
    }
    let mut vbri = whole.clone();
    vbri[36..54].copy_from_slice(b"VBRI\0\x01\0\0\0\0\0\0\x22\x35\0\0\0\x14");
    assert_eq!(is(&vbri), Some(MediaType::Mp3));
    assert_eq!(is(&vbri[..vbri.len() - 1]), None);
}

#[test]
fn the_last_frame_may_be_cut_only_where_no_frame_tells_its_length() {
    let mp3 = mp3_of(5);
    assert_eq!(is(&mp3[..mp3.len() - 1]), Some(MediaType::Mp3));
    let aac = aac_of(5);
    assert_eq!(is(&aac[..aac.len() - 1]), None);
    assert_eq!(
        is(&[&aac[..], b"TAG", &[0; 125]].concat()),
        Some(MediaType::Aac)
    );
}

#[test]
fn without_frames_there_is_no_sound() {
    let noise: Vec<u8> = (0..50_000_u32)
        .map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[1])
        .collect();
    for nothing in [
        &b"ID3\x03\0\0\0\0\0\0"[..],
        ID3,
        &[0; 5000],
        &noise,
        b"",
        &mp3_of(1)[..400],
    ] {
        assert_eq!(is(nothing), None);
        assert_eq!(is(&[ID3, nothing].concat()), None);
    }
    assert_eq!(is(&mp3_of(1)), Some(MediaType::Mp3));
    let cut = b"ID3\x03\0\0\0\x01\0\0title";
    let told = check(cut).unwrap_err().to_string();
    assert_eq!(told, "the file ends within its tag (ID3), at byte 15");
    let lossless = check(&[ID3, b"fLaC\0\0\0\x22"].concat()).unwrap_err();
    assert_eq!(lossless.to_string(), "FLAC audio");
}

#[test]
fn more_noise_than_sound_is_no_recording() {
    let noise = [0x55; 9000];
    let little = [&mp3_of(30)[..], &noise, &mp3_of(30)].concat();
    assert_eq!(is(&little), Some(MediaType::Mp3));
    let much = [&mp3_of(10)[..], &noise, &mp3_of(10)].concat();
    assert_eq!(is(&much), None);
    let endless = [&mp3_of(10)[..], &vec![0xff; 4 << 20]].concat();
    assert_eq!(is(&endless), None);
}

#[test]
fn no_flip_and_no_cut_makes_it_panic() {
    for recording in [announced(4), [ID3, &aac_of(4)].concat()] {
        for at in 0..recording.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut flipped = recording.clone();
                flipped[at] = value;
                let _ = check(&flipped);
                let _ = check(&flipped[..at]);
            }
        }
    }
}
