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

/// How much longer than promised it may take in the short form, whose machine
/// has other things to do as well.
const BUSY: u32 = 3;

/// Holds a time to what is promised.
pub fn promised(took: Duration, most: Duration) {
    let most = if is_long() { most } else { most * BUSY };
    assert!(took <= most, "{took:?} where {most:?} is promised");
}

/// Says that a test cannot run for want of what the machine does not have or
/// does not allow. Where `ATTACHMENTS_TESTS_INSIST` is set, as in CI, that
/// fails the test: what is skipped there is never run at all.
pub fn skip(without: &str) {
    let insists = std::env::var_os("ATTACHMENTS_TESTS_INSIST").is_some();
    assert!(!insists, "ATTACHMENTS_TESTS_INSIST is set, and {without}");
    println!("skipped: {without}");
}
