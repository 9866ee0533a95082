//! How much is done, and the line that says what came out.

use std::fmt::Display;
use std::time::Duration;

/// Whether `ATTACHMENTS_FAULTS=long` asks for what a release must pass.
pub fn is_long() -> bool {
    std::env::var("ATTACHMENTS_FAULTS").is_ok_and(|form| form == "long")
}

/// How often to do something: this often in CI, that often before a release.
pub fn times(short: usize, long: usize) -> usize {
    if is_long() { long } else { short }
}

/// One line: what was tried, how often, and what came out.
pub fn figure(name: &str, counted: impl Display, result: impl Display) {
    println!("figure | {name} | {counted} | {result}");
}

/// Holds a time to what is promised, in the long form: the machine of the
/// short one may be as busy as it likes.
pub fn promised(took: Duration, most: Duration) {
    if is_long() {
        assert!(took <= most, "{took:?} where {most:?} is promised");
    }
}
