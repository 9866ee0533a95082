//! Shows what is found.
#![expect(clippy::unwrap_used, reason = "run by hand")]

use compound::attachment::media::MediaType;
use compound::inspect::compound::{check, extract};
fn main() {
    for path in std::env::args().skip(1) {
        let bytes = std::fs::read(&path).unwrap();
        let start = std::time::Instant::now();
        let found = check(&bytes);
        println!(
            "== {path} {} bytes: {found:?} in {:?}",
            bytes.len(),
            start.elapsed()
        );
        let media_type = found.map_or(MediaType::Doc, |found| found.media_type);
        let start = std::time::Instant::now();
        let extracted = extract(media_type, &bytes, 2_000_000);
        println!(
            "{:?} {:?} {:?} stripped {} in {:?}",
            extracted.processed,
            extracted.coverage,
            extracted.hidden,
            extracted.stripped_characters,
            start.elapsed()
        );
        for part in extracted.parts.iter().take(8) {
            let text: String = part.text.chars().take(600).collect();
            println!(
                "-- {:?} {} {:?} {} chars\n{}",
                part.kind,
                part.number,
                part.name,
                part.text.chars().count(),
                text
            );
        }
    }
}
