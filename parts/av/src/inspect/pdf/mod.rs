//! PDF (ISO 32000-2): whether a file is a whole one, and what it says.
//!
//! The verdict is of our own making, for readers of PDF mend what they are given
//! and would take half a file for a whole one; the text comes by `hayro`, which
//! is good at mending.

mod document;
mod filter;
mod object;
mod pages;
mod scan;
mod verdict;
#[cfg(test)]
mod written;
mod xref;

pub use verdict::check;

use crate::inspect::found::Flaw;

/// What structure may unpack to in all, in bytes.
const MAX_UNPACKED: usize = 100 << 20;

/// A flaw at this place.
fn corrupt(at: usize, what: &str) -> Flaw {
    Flaw::corrupt(u64::try_from(at).unwrap_or(u64::MAX), what)
}
