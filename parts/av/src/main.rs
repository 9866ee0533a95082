//! Judges files by hand: one line each.
use av::attachment::file_name::FileName;
use av::attachment::language::Language;
use av::attachment::media::{DeclaredType, MediaType};
use av::inspect::judge::{Hints, judge};
#[expect(clippy::unwrap_used)]
fn main() {
    for path in std::env::args().skip(1) {
        let bytes = std::fs::read(&path).unwrap();
        let hints = Hints {
            declared: DeclaredType::Nothing,
            by_name: MediaType::from_file_name(&FileName::new(&path)),
            served: None,
            takes_html: false,
            is_whole_by_length: true,
            language: Language::English,
        };
        let begun = std::time::Instant::now();
        let judged = judge(std::io::Cursor::new(&bytes), bytes.len() as u64, &hints).unwrap();
        println!(
            "{path}\t{}\t{}",
            begun.elapsed().as_micros(),
            serde_json::to_string(&judged).unwrap()
        );
    }
}
