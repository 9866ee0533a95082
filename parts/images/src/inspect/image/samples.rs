//! Pictures that the tests write themselves.

use crate::attachment::media::MediaType;
use gif::{Encoder as GifEncoder, Frame};
use image::ExtendedColorType;
use image::ImageEncoder as _;
use image::codecs::jpeg::JpegEncoder;
use png::{BitDepth, ColorType, Encoder as PngEncoder};

pub(super) const WIDTH: u16 = 60;
pub(super) const HEIGHT: u16 = 40;

/// Red grows to the right, green downwards; each pixel differs from all others.
pub(super) fn rgb() -> Vec<u8> {
    let rows = (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (x, y)));
    rows.flat_map(|(x, y)| {
        let side = |at: u16, by: u16| u8::try_from(at * by).unwrap();
        [side(x, 4), side(y, 6), 60]
    })
    .collect()
}

pub(super) fn png() -> Vec<u8> {
    png_of(ColorType::Rgb, BitDepth::Eight, &rgb(), 1)
}

/// Of so many frames, all alike.
pub(super) fn png_of(color: ColorType, depth: BitDepth, data: &[u8], frames: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = PngEncoder::new(&mut bytes, WIDTH.into(), HEIGHT.into());
    encoder.set_color(color);
    encoder.set_depth(depth);
    if color == ColorType::Indexed {
        encoder.set_palette([200, 0, 0, 0, 0, 200].as_slice());
        encoder.set_trns([255, 100].as_slice());
    }
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

/// A chunk put in behind the header of a PNG.
pub(super) fn with_chunk(png: &[u8], kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let checked = [kind.as_slice(), data].concat();
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    let checksum = crc32fast::hash(&checked).to_be_bytes();
    [&png[..33], &length, &checked, &checksum, &png[33..]].concat()
}

/// A TIFF of an orientation and of a place: a directory of two entries.
pub(super) fn exif(orientation: u8) -> Vec<u8> {
    let mut tiff = b"II*\0\x08\0\0\0\x02\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    tiff.extend_from_slice(&[orientation, 0, 0, 0]);
    // GPSInfo, and a directory of it with its version.
    tiff.extend_from_slice(b"\x25\x88\x04\0\x01\0\0\0\x26\0\0\0\0\0\0\0");
    tiff.extend_from_slice(b"\x01\0\0\0\x01\0\x04\0\0\0GPS!\0\0\0\0");
    tiff
}

pub(super) fn jpeg() -> Vec<u8> {
    jpeg_of(&rgb(), ExtendedColorType::Rgb8, None)
}

pub(super) fn jpeg_of(data: &[u8], color: ExtendedColorType, exif: Option<Vec<u8>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 92);
    if let Some(exif) = exif {
        encoder.set_exif_metadata(exif).unwrap();
    }
    let (width, height) = (WIDTH.into(), HEIGHT.into());
    encoder.encode(data, width, height, color).unwrap();
    bytes
}

/// Of frames of two colours, the second of which cannot be seen.
pub(super) fn gif(frames: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes, WIDTH, HEIGHT, &[]).unwrap();
    for _ in 0..frames {
        let pixels = usize::from(WIDTH) * usize::from(HEIGHT);
        let frame = Frame {
            width: WIDTH,
            height: HEIGHT,
            palette: Some(vec![10, 20, 30, 200, 100, 0]),
            transparent: Some(1),
            buffer: (0..pixels).map(|at| u8::from(at % 7 == 0)).collect(),
            ..Frame::default()
        };
        encoder.write_frame(&frame).unwrap();
    }
    drop(encoder);
    bytes
}

/// Lossy.
pub(super) fn webp() -> Vec<u8> {
    let rgb = rgb();
    let encoder = webp::Encoder::from_rgb(&rgb, WIDTH.into(), HEIGHT.into());
    encoder.encode(80.0).to_vec()
}

/// Lossless, as another library writes it.
pub(super) fn webp_lossless(exif: Option<Vec<u8>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = image_webp::WebPEncoder::new(&mut bytes);
    if let Some(exif) = exif {
        encoder.set_exif_metadata(exif);
    }
    let (width, height) = (WIDTH.into(), HEIGHT.into());
    let color = image_webp::ColorType::Rgb8;
    encoder.encode(&rgb(), width, height, color).unwrap();
    bytes
}

/// A canvas on which the same picture is shown so often.
pub(super) fn webp_animated(frames: u16) -> Vec<u8> {
    let chunk = |kind: &[u8], data: &[u8]| {
        let length = u32::try_from(data.len()).unwrap().to_le_bytes();
        let padding = vec![0; data.len() % 2];
        [kind, &length, data, &padding].concat()
    };
    let u24 = |value: u16| [value.to_le_bytes().as_slice(), &[0]].concat();
    let size = [u24(WIDTH - 1), u24(HEIGHT - 1)].concat();
    let mut inside = b"WEBP".to_vec();
    inside.extend(chunk(b"VP8X", &[&[2, 0, 0, 0], size.as_slice()].concat()));
    inside.extend(chunk(b"ANIM", &[0; 6]));
    for _ in 0..frames {
        let header = [&[0; 6], size.as_slice(), &[100, 0, 0, 0]].concat();
        // Behind RIFF, its length and WEBP stands the only chunk.
        let frame = [header.as_slice(), &webp()[12..]].concat();
        inside.extend(chunk(b"ANMF", &frame));
    }
    chunk(b"RIFF", &inside)
}

/// One of each kind that differs in its structure.
pub(super) fn whole() -> Vec<(MediaType, Vec<u8>)> {
    let deep = vec![90; usize::from(WIDTH) * usize::from(HEIGHT) * 8];
    vec![
        (MediaType::Png, png()),
        (
            MediaType::Png,
            png_of(ColorType::Rgba, BitDepth::Sixteen, &deep, 1),
        ),
        (
            MediaType::Png,
            png_of(ColorType::Rgb, BitDepth::Eight, &rgb(), 3),
        ),
        (MediaType::Jpeg, jpeg()),
        (
            MediaType::Jpeg,
            jpeg_of(&rgb(), ExtendedColorType::Rgb8, Some(exif(6))),
        ),
        (MediaType::Gif, gif(1)),
        (MediaType::Gif, gif(3)),
        (MediaType::Webp, webp()),
        (MediaType::Webp, webp_lossless(Some(exif(8)))),
        (MediaType::Webp, webp_animated(3)),
    ]
}
