//! The limits of one child, on their way to it.
//!
//! They go as arguments: a child has to have them before it may read, and
//! numbers are all there is to see.

use super::settings::Settings;
use std::ffi::{OsStr, OsString};

/// The argument that makes a child of this program.
pub(super) const WORD: &str = "inspect";

/// What one child may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// Its address space.
    pub(super) memory_bytes: u64,
    /// Its processor time, after which it is told to end; a second later it
    /// is ended.
    pub(super) cpu_seconds: u64,
}

impl Limits {
    pub(super) fn of(settings: &Settings) -> Self {
        Self {
            memory_bytes: settings.memory_bytes,
            cpu_seconds: settings.cpu.as_secs().max(1),
        }
    }

    /// The arguments of a child of the process with the id `parent`.
    pub(super) fn arguments(self, parent: u32) -> [OsString; 4] {
        [
            WORD.into(),
            parent.to_string().into(),
            self.memory_bytes.to_string().into(),
            self.cpu_seconds.to_string().into(),
        ]
    }

    /// The parent's id and the limits, from what stands behind the word.
    pub(super) fn parse(arguments: &[OsString]) -> Option<(u32, Self)> {
        let [parent, memory_bytes, cpu_seconds] = arguments else {
            return None;
        };
        let number = |argument: &OsStr| argument.to_str()?.parse().ok();
        let limits = Self {
            memory_bytes: number(memory_bytes)?,
            cpu_seconds: number(cpu_seconds)?,
        };
        Some((u32::try_from(number(parent)?).ok()?, limits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_understood() {
        let limits = Limits {
            memory_bytes: 576 << 20,
            cpu_seconds: 3,
        };
        let told = limits.arguments(4_194_304);
        assert_eq!(told[0], WORD);
        assert_eq!(Limits::parse(&told[1..]), Some((4_194_304, limits)));
    }

    #[test]
    fn anything_else_is_not() {
        for words in [
            &[][..],
            &["1", "2"],
            &["1", "2", "3", "4"],
            &["1", "2", "-3"],
            &["1", "", "3"],
            &["4294967296", "2", "3"],
        ] {
            let arguments: Vec<OsString> = words.iter().map(OsString::from).collect();
            assert_eq!(Limits::parse(&arguments), None, "{words:?}");
        }
    }
}
