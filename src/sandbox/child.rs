//! A child's life: it is confined, it says so, and only then it reads.
//!
//! It begins before anything else of the program does: no configuration, no
//! logging, no thread and no runtime, none of which a parser needs.

use super::confine::confine;
use super::frames::{Frames, Unsaid};
use super::limits::{Limits, WORD};
use super::source::Source;
use rustix::io::{Errno, read};
use rustix::stdio::stdout;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write as _};
use std::panic;
use std::process::ExitCode;

/// What is asked of a file names it and its expectations; no more than this.
const MAX_REQUEST_BYTES: usize = 1024 * 1024;

/// `EX_USAGE`, `EX_DATAERR` and `EX_OSERR` of sysexits.h.
const EXIT_USAGE: u8 = 64;
const EXIT_DATA: u8 = 65;
const EXIT_SYSTEM: u8 = 71;

/// The program was started as a child.
#[derive(Debug)]
pub struct Call {
    /// The process that it is to end with, and its limits.
    told: Option<(u32, Limits)>,
}

/// Whether the program was started as a child, by its arguments, its own name
/// included. `main` asks this before all else.
#[must_use]
pub fn called(arguments: impl IntoIterator<Item = OsString>) -> Option<Call> {
    let mut arguments = arguments.into_iter().skip(1);
    if arguments.next()? != WORD {
        return None;
    }
    let told: Vec<_> = arguments.collect();
    Some(Call {
        told: Limits::parse(&told),
    })
}

impl Call {
    /// Lives the child's life, of which `inspect` is the middle: it is given
    /// what is asked, the file and a voice. Where it fails to say something
    /// and can do without, it goes on; an error that it returns, like a
    /// panic, makes an answer that has no end.
    ///
    /// A panic says on stderr where it was, and not why, which may quote the file.
    pub fn answer<F>(self, inspect: F) -> ExitCode
    where
        F: FnOnce(&[u8], Source, &mut Frames) -> Result<(), Unsaid>,
    {
        let Some((parent, limits)) = self.told else {
            complain(&"the service itself starts this, one for a file");
            return ExitCode::from(EXIT_USAGE);
        };
        panic::set_hook(Box::new(|panic| {
            if let Some(place) = panic.location() {
                complain(&format_args!("panicked at {place}"));
            }
        }));
        let mut frames = Frames::default();
        let source = match begin(parent, limits, &mut frames) {
            Ok(source) => source,
            Err(error) => {
                complain(&error);
                return ExitCode::from(EXIT_SYSTEM);
            }
        };
        let answered = match asked() {
            Ok(request) if request.is_empty() => Ok(()),
            Ok(request) => inspect(&request, source, &mut frames),
            Err(error) => {
                complain(&error);
                return ExitCode::from(EXIT_DATA);
            }
        };
        match answered.and_then(|()| frames.end()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(unsaid) => {
                complain(&unsaid);
                ExitCode::FAILURE
            }
        }
    }
}

/// Confines the process and says so.
fn begin(parent: u32, limits: Limits, frames: &mut Frames) -> io::Result<Source> {
    let source = Source::open()?;
    let layers = confine(parent, limits)?;
    frames.begin(&layers).map_err(io::Error::other)?;
    Ok(source)
}

/// What is asked: all that comes by the socket until its other end says that
/// this is all. Nothing, where only the layers are asked for.
fn asked() -> io::Result<Vec<u8>> {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    loop {
        match read(stdout(), &mut piece) {
            Ok(0) => return Ok(request),
            Ok(length) => request.extend(piece.iter().take(length)),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        if request.len() > MAX_REQUEST_BYTES {
            return Err(io::Error::other("too much is asked"));
        }
    }
}

fn complain(what: &dyn fmt::Display) {
    // Nobody may listen.
    let _ = writeln!(io::stderr(), "{WORD}: {what}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called_with(words: &[&str]) -> Option<Call> {
        called(words.iter().map(OsString::from))
    }

    #[test]
    fn only_the_word_makes_a_child() {
        assert!(called_with(&[]).is_none());
        assert!(called_with(&["attachments"]).is_none());
        assert!(called_with(&["attachments", "serve", WORD]).is_none());
        let by_hand = called_with(&["attachments", WORD]).unwrap();
        assert!(by_hand.told.is_none());
        let called = called_with(&["attachments", WORD, "1", "2", "3"]).unwrap();
        assert!(called.told.is_some());
    }
}
