//! What holds of every format.

use super::pixels::Layout;
use super::samples::{
    HEIGHT, WIDTH, exif, gif, jpeg, jpeg_of, png, png_of, rgb, webp, webp_animated, webp_lossless,
    whole, with_chunk,
};
use super::*;
use ::image::ExtendedColorType;
use ::png::{BitDepth, ColorType, Encoder as PngEncoder};

const SIZE: (u32, u32) = (WIDTH as u32, HEIGHT as u32);

fn first_frame(media_type: MediaType, bytes: &[u8]) -> Pixels {
    let wanted = Wanted {
        frames: Frames::First,
        side: MAX_SIDE,
        care: Care::Careful,
    };
    let walked = Walked::over(media_type, bytes, true).unwrap();
    walked.decode(wanted).unwrap().pixels.unwrap()
}

/// The mean difference of two pictures, and 255 where their sizes differ.
fn difference(a: &[u8], b: &[u8]) -> u64 {
    let differences = a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b)));
    let sum: u64 = differences.sum();
    if a.len() == b.len() {
        sum / a.len() as u64
    } else {
        255
    }
}

#[test]
fn a_whole_picture_is_measured_whatever_stands_behind_it() {
    for (media_type, mut bytes) in whole() {
        let facts = check(media_type, &bytes, false).unwrap();
        let shown = if facts.orientation > 4 {
            (SIZE.1, SIZE.0)
        } else {
            SIZE
        };
        assert_eq!((facts.width, facts.height), shown, "{media_type:?}");
        assert!((5..=25).contains(&facts.thumbhash.as_ref().unwrap().len()));
        for behind in [
            vec![0; 1_100],
            b"\xff\xd8GIF89aIEND;".to_vec(),
            vec![0xff; 9],
        ] {
            bytes.extend_from_slice(&behind);
            assert_eq!(check(media_type, &bytes, true).as_ref(), Ok(&facts));
        }
    }
}

#[test]
fn a_picture_that_is_cut_anywhere_is_refused() {
    for (media_type, bytes) in whole() {
        for length in 0..bytes.len() {
            let cut = &bytes[..length];
            // All data of a JPEG is there when no more than its end is cut.
            let is_all_there = media_type == MediaType::Jpeg && length >= bytes.len() - 2;
            let flaw = check(media_type, cut, false);
            assert!(
                flaw.is_err(),
                "{media_type:?} at {length} of {}",
                bytes.len()
            );
            if !is_all_there {
                let flaw = check(media_type, cut, true);
                assert!(
                    flaw.is_err(),
                    "{media_type:?} at {length} of {}",
                    bytes.len()
                );
            }
        }
    }
}

#[test]
fn whatever_is_changed_the_answer_is_a_typed_one() {
    for (media_type, bytes) in whole() {
        for at in 0..bytes.len() {
            for by in [0x01, 0x41, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[at] ^= by;
                // A flaw or facts; a panic fails the test.
                let _ = check(media_type, &changed, true);
                if at % 16 == 0 {
                    let _ = thumbnail(media_type, &changed);
                    let _ = model(media_type, &changed);
                    let _ = without_location(media_type, &changed);
                }
            }
            let _ = check(media_type, &bytes[at..], true);
        }
    }
}

#[test]
fn a_changed_bit_of_what_a_png_is_shown_by_is_found() {
    for (media_type, bytes) in whole() {
        if media_type == MediaType::Png {
            for at in 0..bytes.len() {
                let mut changed = bytes.clone();
                changed[at] ^= 1;
                // What has no known name is passed over, and so is how often an animation plays.
                let names = at.saturating_sub(3)..(at + 4).min(bytes.len());
                let mut names = bytes[names].windows(4);
                let is_name = names.any(|name| matches!(name, b"acTL" | b"fcTL" | b"fdAT"));
                let is_passed_over = is_name || &bytes[37..41] == b"acTL" && (33..53).contains(&at);
                if !is_passed_over {
                    let flaw = check(media_type, &changed, true);
                    assert!(flaw.is_err(), "byte {at} of {}", bytes.len());
                }
            }
        }
    }
}

#[test]
fn a_text_with_a_wrong_checksum_is_no_flaw_of_the_picture() {
    let mut bytes = with_chunk(&png(), *b"tEXt", b"Comment\0words");
    bytes[45] ^= 1;
    assert_eq!(
        check(MediaType::Png, &bytes, true),
        check(MediaType::Png, &png(), true)
    );
}

#[test]
fn frames_are_counted() {
    let animated = png_of(ColorType::Rgb, BitDepth::Eight, &rgb(), 3);
    for (media_type, bytes, frames) in [
        (MediaType::Png, animated, 3),
        (MediaType::Gif, gif(4), 4),
        (MediaType::Webp, webp_animated(5), 5),
        (MediaType::Jpeg, jpeg(), 1),
    ] {
        let facts = check(media_type, &bytes, true).unwrap();
        assert_eq!(facts.frames, frames);
        assert_eq!(facts.all_frames_read, media_type != MediaType::Png);
    }
}

#[test]
fn frames_beyond_the_cap_are_counted_and_not_decoded() {
    let frames = u16::try_from(MAX_FRAMES).unwrap() + 5;
    for (media_type, bytes) in [
        (MediaType::Gif, gif(frames)),
        (MediaType::Webp, webp_animated(frames)),
    ] {
        let facts = check(media_type, &bytes, true).unwrap();
        assert_eq!(
            (facts.frames, facts.all_frames_read),
            (u32::from(frames), false)
        );
        // What is not decoded has to be there all the same.
        assert!(check(media_type, &bytes[..bytes.len() - 300], true).is_err());
    }
}

#[test]
fn pixels_beyond_the_cap_of_an_animation_are_not_decoded() {
    // A canvas of 7,000 by 5,000 holds the frame in a corner of it; the cap is less than two.
    let mut bytes = webp_animated(2);
    bytes[24..30].copy_from_slice(&[0x57, 0x1b, 0, 0x87, 0x13, 0]);
    let facts = check(MediaType::Webp, &bytes, true).unwrap();
    assert_eq!((facts.width, facts.height), (7_000, 5_000));
    assert_eq!((facts.frames, facts.all_frames_read), (2, false));
}

#[test]
fn every_depth_and_colour_of_a_png_is_read() {
    let pixels = usize::from(WIDTH) * usize::from(HEIGHT);
    for (color, depth, bits, layout) in [
        (ColorType::Grayscale, BitDepth::One, 1, Layout::Gray),
        (ColorType::Grayscale, BitDepth::Sixteen, 16, Layout::Gray),
        (
            ColorType::GrayscaleAlpha,
            BitDepth::Eight,
            16,
            Layout::GrayAlpha,
        ),
        (ColorType::Rgb, BitDepth::Sixteen, 48, Layout::Rgb),
        (ColorType::Rgba, BitDepth::Sixteen, 64, Layout::Rgba),
        (ColorType::Indexed, BitDepth::Eight, 8, Layout::Rgba),
    ] {
        // Rows of less than a byte would begin at whole ones.
        let length = if bits == 1 {
            8 * usize::from(HEIGHT)
        } else {
            pixels * bits / 8
        };
        let bytes = png_of(color, depth, &vec![1; length], 1);
        assert_eq!(first_frame(MediaType::Png, &bytes).layout(), layout);
        check(MediaType::Png, &bytes, true).unwrap();
        thumbnail(MediaType::Png, &bytes).unwrap();
    }
}

#[test]
fn a_picture_beyond_the_limits_is_refused_by_its_header() {
    let huge = |media_type, at: usize, width: &[u8], height: &[u8]| {
        let mut bytes = whole()
            .into_iter()
            .find(|(of, _)| *of == media_type)
            .unwrap()
            .1;
        bytes[at..at + width.len()].copy_from_slice(width);
        bytes[at + width.len()..at + width.len() + height.len()].copy_from_slice(height);
        if media_type == MediaType::Png {
            let checksum = crc32fast::hash(&bytes[12..29]);
            bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
        }
        bytes
    };
    let frame = jpeg()
        .windows(2)
        .position(|two| two == [0xff, 0xc0])
        .unwrap()
        + 5;
    for (width, height) in [
        (16_385_u16, 1_u16),
        (1, 16_385),
        (7_072, 7_072),
        (65_500, 65_500),
    ] {
        let wide = [u32::from(width), u32::from(height)].map(u32::to_be_bytes);
        let (low, high) = (
            [width, height].map(u16::to_le_bytes),
            [height, width].map(u16::to_be_bytes),
        );
        for (media_type, bytes) in [
            (MediaType::Png, huge(MediaType::Png, 16, &wide[0], &wide[1])),
            (
                MediaType::Jpeg,
                huge(MediaType::Jpeg, frame, &high[0], &high[1]),
            ),
            (MediaType::Gif, huge(MediaType::Gif, 6, &low[0], &low[1])),
        ] {
            let (width, height) = (width.into(), height.into());
            let refused = Err(Flaw::TooManyPixels { width, height });
            assert_eq!(check(media_type, &bytes, true), refused, "{media_type:?}");
        }
    }
    let webp = huge(
        MediaType::Webp,
        26,
        &16_383_u16.to_le_bytes(),
        &16_383_u16.to_le_bytes(),
    );
    let (width, height) = (16_383, 16_383);
    assert_eq!(
        check(MediaType::Webp, &webp, true),
        Err(Flaw::TooManyPixels { width, height })
    );
}

/// One that stores pixels exactly, so that what is shown can be compared.
#[test]
fn each_orientation_is_read_of_each_format_and_shown_upright() {
    let lies = Pixels::new(SIZE.0, SIZE.1, Layout::Rgb, rgb()).unwrap();
    for number in 1..=8 {
        let exif = exif(number);
        let orientation = Orientation::of_exif(number.into());
        let shown = orientation.apply(lies.clone());
        let size = (shown.width(), shown.height());
        for (media_type, bytes) in [
            (MediaType::Png, with_chunk(&png(), *b"eXIf", &exif)),
            (MediaType::Webp, webp_lossless(Some(exif.clone()))),
            (
                MediaType::Jpeg,
                jpeg_of(&rgb(), ExtendedColorType::Rgb8, Some(exif.clone())),
            ),
        ] {
            let facts = check(media_type, &bytes, true).unwrap();
            assert_eq!(facts.orientation, number, "{media_type:?}");
            assert_eq!((facts.width, facts.height), size);
            // Before it is written it is exact.
            let decoded = orientation.apply(first_frame(media_type, &bytes));
            if media_type == MediaType::Jpeg {
                assert!(difference(decoded.bytes(), shown.bytes()) <= 2);
            } else {
                assert_eq!(decoded.bytes(), shown.bytes(), "{media_type:?} {number}");
            }
            let made = thumbnail(media_type, &bytes).unwrap();
            assert_eq!((made.width, made.height), size);
            let seen = first_frame(MediaType::Webp, &made.bytes);
            assert!(
                difference(seen.bytes(), shown.bytes()) <= 4,
                "{media_type:?} {number}"
            );
        }
    }
}

#[test]
fn a_jpeg_without_its_end_is_whole_where_its_last_block_is_and_its_length_agrees() {
    for bytes in [
        jpeg(),
        jpeg_of(&rgb()[..2_400], ExtendedColorType::L8, None),
    ] {
        let mut open = bytes[..bytes.len() - 2].to_vec();
        assert!(check(MediaType::Jpeg, &open, true).is_ok());
        open.extend_from_slice(&[0; 4_000]);
        assert!(check(MediaType::Jpeg, &open, true).is_ok());
        assert!(check(MediaType::Jpeg, &open, false).is_err());
        // What broke off and was filled up is not whole, though zeros can be read as blocks.
        for length in 4..bytes.len() - 4 {
            let mut filled = bytes[..length].to_vec();
            filled.resize(length + 4_000, 0);
            let flaw = check(MediaType::Jpeg, &filled, true);
            assert!(flaw.is_err(), "{length} of {}", bytes.len());
        }
    }
}

#[test]
fn a_picture_without_image_data_is_none() {
    let png = png();
    let empty = [&png[..33], b"\0\0\0\0IEND\xae\x42\x60\x82"].concat();
    assert!(check(MediaType::Png, &empty, true).is_err());
    assert!(check(MediaType::Jpeg, b"\xff\xd8\xff\xd9", true).is_err());
    let jpeg = jpeg();
    let scan = jpeg.windows(2).position(|two| two == [0xff, 0xda]).unwrap();
    let empty = [&jpeg[..scan + 14], b"\xff\xd9"].concat();
    assert!(check(MediaType::Jpeg, &empty, true).is_err());
    assert!(check(MediaType::Gif, b"GIF89a\x01\0\x01\0\0\0\0;", true).is_err());
    assert!(check(MediaType::Webp, b"RIFF\x04\0\0\0WEBP", true).is_err());
    assert!(check(MediaType::Pdf, b"%PDF", true).is_err());
}

#[test]
fn a_frame_of_another_size_is_refused_before_memory_is_taken_for_it() {
    let mut animated = webp_animated(1);
    let lossy = animated
        .windows(3)
        .position(|three| three == [0x9d, 1, 0x2a])
        .unwrap();
    animated[lossy + 3..lossy + 7].copy_from_slice(&[0xff, 0x3f, 0xff, 0x3f]);
    let refused = check(MediaType::Webp, &animated, true);
    assert!(matches!(refused, Err(Flaw::Corrupt { what, .. }) if what.contains("two sizes")));
}

#[test]
fn a_thumbnail_is_small_keeps_what_is_transparent_and_is_never_larger_than_its_picture() {
    let (width, height) = (1_500_u32, 700_u32);
    let mut bytes = Vec::new();
    let mut encoder = PngEncoder::new(&mut bytes, width, height);
    encoder.set_color(ColorType::Rgba);
    let mut writer = encoder.write_header().unwrap();
    // Noise, which no quality makes small, on the right; nothing to be seen on the left.
    let mut state = 1_u32;
    let noise = (0..width * height).flat_map(|at| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [red, green, blue, _] = state.to_be_bytes();
        [
            red,
            green,
            blue,
            if at % width < width / 2 { 0 } else { 255 },
        ]
    });
    writer.write_image_data(&noise.collect::<Vec<_>>()).unwrap();
    writer.finish().unwrap();
    let made = thumbnail(MediaType::Png, &bytes).unwrap();
    assert_eq!((made.width, made.height), (512, 239));
    assert!(made.bytes.len() <= 40_000, "{} bytes", made.bytes.len());
    let seen = first_frame(MediaType::Webp, &made.bytes);
    assert_eq!(
        (seen.width(), seen.height(), seen.layout()),
        (512, 239, Layout::Rgba)
    );
    let alpha = |x: usize| seen.rgba()[(100 * 512 + x) * 4 + 3];
    assert_eq!((alpha(100), alpha(400)), (0, 255));
    assert!(!made.bytes.windows(4).any(|four| four == b"EXIF"));
    let small = thumbnail(MediaType::Webp, &webp()).unwrap();
    assert_eq!((small.width, small.height), SIZE);
}

#[test]
fn a_model_is_given_a_smaller_picture_only_where_it_needs_one() {
    assert_eq!(model(MediaType::Png, &png()), Ok(None));
    let mut wide = Vec::new();
    let mut encoder = PngEncoder::new(&mut wide, 8_001, 40);
    encoder.set_color(ColorType::Rgba);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&vec![0; 8_001 * 40 * 4]).unwrap();
    writer.finish().unwrap();
    let wide = with_chunk(&wide, *b"eXIf", &exif(6));
    let made = model(MediaType::Png, &wide).unwrap().unwrap();
    assert_eq!((made.width, made.height), (13, 2_576));
    // Nothing is to be seen but white.
    let seen = first_frame(MediaType::Jpeg, &made.bytes);
    assert_eq!((seen.width(), seen.height()), (13, 2_576));
    assert!(seen.bytes().iter().all(|byte| *byte > 250));
    // As large in bytes, and small in pixels.
    let mut long = png();
    long.resize(3_750_001, 0);
    let made = model(MediaType::Png, &long).unwrap().unwrap();
    assert_eq!((made.width, made.height), SIZE);
}

#[test]
fn what_is_stripped_shows_the_same_pixels_turned_the_same_way_and_tells_no_place() {
    let exif = exif(6);
    let mut jpeg = jpeg_of(&rgb(), ExtendedColorType::Rgb8, Some(exif.clone()));
    let comment = b"\xff\xfe\0\x07GPS!?\xff\xe1\0\x0ahttp:GPS!\xff\xed\0\x08GPS!//";
    jpeg.splice(2..2, comment.iter().copied());
    let png = with_chunk(&png(), *b"eXIf", &exif);
    let png = with_chunk(&png, *b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0GPS!");
    for (media_type, mut bytes) in [
        (MediaType::Jpeg, jpeg),
        (MediaType::Png, png),
        (MediaType::Webp, webp_lossless(Some(exif.clone()))),
    ] {
        bytes.extend_from_slice(b"a film that was made at GPS!");
        assert!(bytes.windows(4).any(|four| four == b"GPS!"));
        let stripped = without_location(media_type, &bytes).unwrap();
        assert!(
            !stripped.windows(3).any(|three| three == b"GPS"),
            "{media_type:?}"
        );
        assert_eq!(
            check(media_type, &stripped, true),
            check(media_type, &bytes, true)
        );
        assert_eq!(
            first_frame(media_type, &stripped),
            first_frame(media_type, &bytes)
        );
        let again = without_location(media_type, &stripped);
        assert_eq!(again.as_ref(), Some(&stripped), "{media_type:?}");
    }
    assert_eq!(without_location(MediaType::Gif, &gif(1)), None);
    assert_eq!(without_location(MediaType::Png, b"rubbish"), None);
}
