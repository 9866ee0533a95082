//! Pictures that the tests write themselves, whole, cut, changed and too large.

use super::*;
use ::gif::{Encoder as GifEncoder, Frame};
use ::image::codecs::jpeg::JpegEncoder;
use ::image::{ExtendedColorType, ImageEncoder as _};
use ::png::{BitDepth, ColorType, Encoder as PngEncoder};

const WIDTH: u16 = 60;
const HEIGHT: u16 = 40;

/// A picture whose corners differ: red to the right, green downwards.
fn rgb() -> Vec<u8> {
    let pixel = |x: u16, y: u16| [(x * 4) as u8, (y * 6) as u8, 60];
    let rows = (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (x, y)));
    rows.flat_map(|(x, y)| pixel(x, y)).collect()
}

fn png_of(color: ColorType, depth: BitDepth, data: &[u8], frames: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = PngEncoder::new(&mut bytes, WIDTH.into(), HEIGHT.into());
    encoder.set_color(color);
    encoder.set_depth(depth);
    if frames > 1 {
        encoder.set_animated(frames, 0).unwrap();
    }
    let mut writer = encoder.write_header().unwrap();
    for _ in 0..frames {
        writer.write_image_data(data).unwrap();
    }
    writer.finish().unwrap();
    bytes
}

fn png() -> Vec<u8> {
    png_of(ColorType::Rgb, BitDepth::Eight, &rgb(), 1)
}

fn jpeg(orientation: Option<u8>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 90);
    if let Some(orientation) = orientation {
        let mut exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
        exif.extend_from_slice(&[orientation, 0, 0, 0, 0, 0, 0, 0]);
        encoder.set_exif_metadata(exif).unwrap();
    }
    encoder
        .encode(&rgb(), WIDTH.into(), HEIGHT.into(), ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

fn gif(frames: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes, WIDTH, HEIGHT, &[]).unwrap();
    // Of one colour each: a palette of two, and its indices.
    for _ in 0..frames {
        let frame = Frame {
            width: WIDTH,
            height: HEIGHT,
            palette: Some(vec![10, 20, 30, 200, 100, 0]),
            buffer: (0..rgb().len() / 3)
                .map(|at| u8::from(at % 7 == 0))
                .collect(),
            ..Frame::default()
        };
        encoder.write_frame(&frame).unwrap();
    }
    drop(encoder);
    bytes
}

fn webp() -> Vec<u8> {
    let rgb = rgb();
    let encoder = ::webp::Encoder::from_rgb(&rgb, WIDTH.into(), HEIGHT.into());
    encoder.encode(80.0).to_vec()
}

fn whole() -> [(MediaType, Vec<u8>); 4] {
    [
        (MediaType::Png, png()),
        (MediaType::Jpeg, jpeg(None)),
        (MediaType::Gif, gif(1)),
        (MediaType::Webp, webp()),
    ]
}

#[test]
fn a_whole_picture_is_measured_whatever_stands_behind_it() {
    for (media_type, mut bytes) in whole() {
        for _ in 0..2 {
            let facts = check(media_type, &bytes, true).unwrap();
            assert_eq!((facts.width, facts.height), (60, 40), "{media_type}");
            assert_eq!((facts.orientation, facts.frames), (1, 1));
            assert!((5..=25).contains(&facts.thumbhash.unwrap().len()));
            bytes.extend_from_slice(&[0; 3_000]);
        }
    }
}

#[test]
fn a_picture_that_is_cut_anywhere_is_refused() {
    for (media_type, bytes) in whole() {
        for length in (0..bytes.len()).step_by(23).chain([bytes.len() - 1]) {
            let cut = &bytes[..length];
            assert!(
                check(media_type, cut, true).is_err(),
                "{media_type} at {length} of {}",
                bytes.len()
            );
        }
    }
}

#[test]
fn a_changed_byte_never_panics_and_breaks_a_png() {
    for (media_type, bytes) in whole() {
        for at in (0..bytes.len()).step_by(7) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x41;
            let checked = check(media_type, &changed, true);
            let _ = thumbnail(media_type, &changed);
            assert!(
                media_type != MediaType::Png || checked.is_err(),
                "byte {at}"
            );
        }
    }
}

#[test]
fn frames_are_counted_and_depths_and_channels_are_read() {
    let animated = png_of(ColorType::Rgb, BitDepth::Eight, &rgb(), 3);
    assert_eq!(check(MediaType::Png, &animated, true).unwrap().frames, 3);
    assert_eq!(check(MediaType::Gif, &gif(4), true).unwrap().frames, 4);
    let pixels = usize::from(WIDTH) * usize::from(HEIGHT);
    for (color, depth, channels) in [
        (ColorType::Grayscale, BitDepth::Sixteen, 2),
        (ColorType::GrayscaleAlpha, BitDepth::Eight, 2),
        (ColorType::Rgba, BitDepth::Sixteen, 8),
    ] {
        let png = png_of(color, depth, &vec![90; pixels * channels], 1);
        check(MediaType::Png, &png, true).unwrap();
        thumbnail(MediaType::Png, &png).unwrap();
    }
}

#[test]
fn each_orientation_is_shown_upright() {
    for orientation in 1..=8 {
        let jpeg = jpeg(Some(orientation));
        let facts = check(MediaType::Jpeg, &jpeg, true).unwrap();
        assert_eq!(facts.orientation, orientation);
        let is_on_its_side = orientation > 4;
        let shown = if is_on_its_side { (40, 60) } else { (60, 40) };
        assert_eq!((facts.width, facts.height), shown);
        let picture = thumbnail(MediaType::Jpeg, &jpeg).unwrap();
        assert_eq!((picture.width, picture.height), shown);
        // Where the corner that was the first one has gone. [Exif, 4.6.4 A]
        let small = first_frame(MediaType::Webp, &picture.bytes).unwrap();
        let rgba = small.pixels.unwrap().rgba();
        let (width, height) = (shown.0 as usize, shown.1 as usize);
        let at = |x: usize, y: usize| {
            let pixel = &rgba[(y * width + x) * 4..][..4];
            u32::from(pixel[0]) + u32::from(pixel[1])
        };
        let corners = [
            at(1, 1),
            at(width - 2, 1),
            at(width - 2, height - 2),
            at(1, height - 2),
        ];
        let darkest = (0..4).min_by_key(|corner| corners[*corner]).unwrap();
        let expected = [0, 1, 2, 3, 0, 1, 2, 3][usize::from(orientation) - 1];
        assert_eq!(darkest, expected, "{orientation}: {corners:?}");
    }
}

#[test]
fn a_picture_beyond_the_limits_is_refused_by_its_header() {
    let mut huge = png();
    huge[16..20].copy_from_slice(&20_000_u32.to_be_bytes());
    let checksum = crc32fast::hash(&huge[12..29]);
    huge[29..33].copy_from_slice(&checksum.to_be_bytes());
    assert_eq!(
        check(MediaType::Png, &huge, true),
        Err(Flaw::TooManyPixels {
            width: 20_000,
            height: 40
        })
    );
}

#[test]
fn a_jpeg_without_its_end_is_whole_only_where_all_its_data_is_there() {
    let mut open = jpeg(None);
    open.truncate(open.len() - 2);
    open.extend_from_slice(&[0; 500]);
    assert!(check(MediaType::Jpeg, &open, true).is_ok());
    assert!(check(MediaType::Jpeg, &open, false).is_err());
}

#[test]
fn a_model_is_given_a_smaller_picture_only_where_it_needs_one() {
    assert_eq!(model(MediaType::Png, &png()), Ok(None));
    let mut wide = Vec::new();
    let mut encoder = PngEncoder::new(&mut wide, 9_000, 20);
    encoder.set_color(ColorType::Rgba);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&vec![0; 9_000 * 20 * 4]).unwrap();
    writer.finish().unwrap();
    let smaller = model(MediaType::Png, &wide).unwrap().unwrap();
    assert!(smaller.width <= 8_000 && smaller.bytes.starts_with(&[0xff, 0xd8]));
}
