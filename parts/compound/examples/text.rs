//! Prints the whole text of a file.
#![expect(clippy::unwrap_used, reason = "run by hand")]

use compound::inspect::compound::{check, extract};

fn main() {
    let bytes = std::fs::read(std::env::args().nth(1).unwrap()).unwrap();
    let media_type = check(&bytes).unwrap().media_type;
    for part in extract(media_type, &bytes, 5_000_000).parts {
        println!("{}", part.text);
    }
}
