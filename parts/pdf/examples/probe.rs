//! Reads paths, one a line, and prints of each: path, milliseconds, verdict; and, where a
//! folder is given for the texts, milliseconds, how far the text is there, coverage, what
//! is hidden, method.
#![expect(
    clippy::unwrap_used,
    reason = "a tool for the corpus: it may stop where it likes"
)]

use std::io::{BufRead, Write};
use std::time::Instant;
fn main() {
    let out = std::env::args().nth(1);
    for line in std::io::stdin().lock().lines() {
        let path = line.unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let start = Instant::now();
        let verdict = pdfpart::inspect::pdf::check(&bytes, true);
        let judged = start.elapsed().as_millis();
        print!("{path}\t{judged}\t{verdict:?}");
        if let (Some(out), Ok(_)) = (&out, &verdict) {
            let start = Instant::now();
            let said = pdfpart::inspect::pdf::extract(&bytes, 10 << 20);
            let took = start.elapsed().as_millis();
            print!(
                "\t{took}\t{:?}\t{:?}\t{:?}\t{}",
                said.processed, said.coverage, said.hidden, said.method
            );
            let text: Vec<_> = said.parts.iter().map(|part| part.text.as_str()).collect();
            std::fs::write(
                format!("{out}/{}.txt", path.replace('/', "_")),
                text.join("\n\u{c}\n"),
            )
            .unwrap();
        }
        println!();
        std::io::stdout().flush().unwrap();
    }
}
