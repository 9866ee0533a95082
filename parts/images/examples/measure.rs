//! Checks, previews or strips files, and prints what came of it, for figures and
//! for the corpus.
//!
//! `measure [--part] [--check] [--thumbnail DIR] [--model DIR] [--strip DIR] FILE..`:
//! a line a file, tab-separated: name, OK or REFUSED, facts or flaw, milliseconds.
//! `--part` says that the length does not agree with what was announced.

#![expect(clippy::expect_used, reason = "it is run by hand")]

use images::attachment::media::MediaType;
use images::inspect::image;
use std::path::Path;
use std::time::Instant;

fn main() {
    let mut is_whole = true;
    let (mut thumbnails, mut models, mut strips) = (None, None, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--part" => is_whole = false,
            "--check" => {}
            "--thumbnail" => thumbnails = arguments.next(),
            "--model" => models = arguments.next(),
            "--strip" => strips = arguments.next(),
            file => one(
                file,
                is_whole,
                thumbnails.as_deref(),
                models.as_deref(),
                strips.as_deref(),
            ),
        }
    }
}

fn one(
    file: &str,
    whole: bool,
    thumbnails: Option<&str>,
    models: Option<&str>,
    strips: Option<&str>,
) {
    let bytes = std::fs::read(file).expect("a file that can be read");
    let media_type = match bytes.as_slice() {
        [0x89, b'P', b'N', b'G', ..] => MediaType::Png,
        [0xff, 0xd8, ..] => MediaType::Jpeg,
        [b'G', b'I', b'F', b'8', ..] => MediaType::Gif,
        [b'R', b'I', b'F', b'F', ..] => MediaType::Webp,
        _ => return println!("{file}\tREFUSED\tno picture\t0"),
    };
    let begin = Instant::now();
    let checked = image::check(media_type, &bytes, whole);
    let milliseconds = begin.elapsed().as_millis();
    match checked {
        Ok(facts) => println!("{file}\tOK\t{facts:?}\t{milliseconds}"),
        Err(flaw) => return println!("{file}\tREFUSED\t{flaw}\t{milliseconds}"),
    }
    let name = Path::new(file)
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    if let Some(directory) = thumbnails {
        let begin = Instant::now();
        match image::thumbnail(media_type, &bytes) {
            Ok(made) => {
                let (size, milliseconds) = (made.bytes.len(), begin.elapsed().as_millis());
                println!(
                    "  thumbnail\t{}x{}\t{size} bytes\t{milliseconds}",
                    made.width, made.height
                );
                std::fs::write(format!("{directory}/{name}.webp"), made.bytes).expect("written");
            }
            Err(error) => println!("  thumbnail\t{error}"),
        }
    }
    if let Some(directory) = models {
        match image::model(media_type, &bytes) {
            Ok(Some(made)) => {
                println!(
                    "  model\t{}x{}\t{} bytes",
                    made.width,
                    made.height,
                    made.bytes.len()
                );
                std::fs::write(format!("{directory}/{name}.jpg"), made.bytes).expect("written");
            }
            other => println!("  model\t{other:?}"),
        }
    }
    if let (Some(directory), Some(bytes)) = (strips, image::without_location(media_type, &bytes)) {
        println!("  stripped\t{} bytes", bytes.len());
        std::fs::write(format!("{directory}/{name}"), bytes).expect("written");
    }
}
