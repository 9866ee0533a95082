//! How a child ends that did not answer to the end, and whose fault it is.
//!
//! The line is drawn by whether the child had said that it is confined.
//! Before that it has not read a byte, so nothing can be the file's. After
//! that everything is, for a file that can make its child die can make it look
//! like anything; but for a signal that a confined child cannot send.

use super::frame::Garbled;
use rustix::io::Errno;
use rustix::process::Signal;
use std::fmt;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

/// An answer that did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The child crashed.
    #[error("the child {how}{}", quoted(said))]
    Crashed {
        /// How it ended.
        how: Ended,
        /// What it said on stderr, cut, in printable ASCII.
        said: String,
    },
    /// The child wanted more memory than a child has.
    #[error("the child ran out of memory{}", quoted(said))]
    OutOfMemory {
        /// What it said on stderr, cut, in printable ASCII.
        said: String,
    },
    /// The child wanted more time than a child has.
    #[error("the child ran out of {0}")]
    OutOfTime(Budget),
    /// The child said something that is no answer.
    #[error("the child's answer is none")]
    Garbled(#[from] Garbled),
    /// There was no child that could inspect it.
    #[error("no child could be had")]
    Lacking(#[from] Lack),
}

/// The time that ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// That of the processor.
    Processor,
    /// That of the clock.
    Wall,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By a signal.
    Signal(i32),
    /// With an exit code.
    Code(i32),
}

/// What we lack, whatever the file is.
#[derive(Debug, thiserror::Error)]
pub enum Lack {
    /// Of this process, or of the machine.
    #[error("no descriptor is left")]
    Descriptors(#[source] io::Error),
    /// For the bytes, or for a process.
    #[error("no memory is left")]
    Memory(#[source] io::Error),
    /// The program is not there, nor is `/proc`, or there are too many
    /// processes.
    #[error("no process can be started")]
    Process(#[source] io::Error),
    /// The child ended before it had read a byte: where seccomp is not to be
    /// had, for one.
    #[error("the child could not be confined: it {how}{}", quoted(said))]
    Confinement {
        /// How it ended.
        how: Ended,
        /// What it said on stderr, cut, in printable ASCII.
        said: String,
    },
    /// What came before the child had read a byte is not what a child says.
    #[error("the program is none that can be a child")]
    Stranger(#[source] Garbled),
    /// Somebody told the child to end, as all processes of a service are told
    /// when it stops. It cannot do that itself.
    #[error("the child was told to end by signal {0}")]
    Told(i32),
    /// The child had not begun when its time was over: the machine has too
    /// much to do.
    #[error("the child did not begin in time")]
    Time,
    /// This process is about to end.
    #[error("the process is ending")]
    Ending,
}

impl Failure {
    /// Whether this is the file's: it counts against it. Else it is ours, and
    /// it says nothing about the file.
    #[must_use]
    pub const fn is_of_the_file(&self) -> bool {
        !matches!(self, Self::Lacking(_))
    }

    /// How a child died that had begun, by what it left behind.
    pub(super) fn died(how: Ended, said: String) -> Self {
        match how {
            Ended::Signal(SIGXCPU) => Self::OutOfTime(Budget::Processor),
            Ended::Signal(signal @ (SIGHUP | SIGINT | SIGQUIT | SIGTERM)) => {
                Self::Lacking(Lack::Told(signal))
            }
            // The allocator says so and aborts; nothing else tells it from a crash.
            Ended::Signal(SIGABRT) if said.contains("memory allocation of ") => {
                Self::OutOfMemory { said }
            }
            Ended::Code(0) => Self::Garbled(Garbled::Unfinished),
            _ => Self::Crashed { how, said },
        }
    }
}

const SIGABRT: i32 = Signal::ABORT.as_raw();
const SIGHUP: i32 = Signal::HUP.as_raw();
const SIGINT: i32 = Signal::INT.as_raw();
const SIGQUIT: i32 = Signal::QUIT.as_raw();
const SIGTERM: i32 = Signal::TERM.as_raw();
const SIGXCPU: i32 = Signal::XCPU.as_raw();

impl From<io::Error> for Lack {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::MFILE | Errno::NFILE) => Self::Descriptors(error),
            Some(Errno::NOMEM | Errno::NOSPC) => Self::Memory(error),
            _ => Self::Process(error),
        }
    }
}

impl From<ExitStatus> for Ended {
    fn from(status: ExitStatus) -> Self {
        match status.signal() {
            Some(signal) => Self::Signal(signal),
            None => Self::Code(status.code().unwrap_or(-1)),
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(signal) => write!(f, "was ended by signal {signal}"),
            Self::Code(code) => write!(f, "ended with code {code}"),
        }
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Processor => "processor time",
            Self::Wall => "time",
        })
    }
}

fn quoted(said: &str) -> String {
    if said.is_empty() {
        String::new()
    } else {
        format!(", saying: {said}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_child_leaves_behind_tells_how_it_died() {
        let died = |how, said: &str| Failure::died(how, said.to_owned());
        let no_memory = "memory allocation of 149817600 bytes failed";
        assert!(matches!(
            died(Ended::Signal(6), no_memory),
            Failure::OutOfMemory { .. }
        ));
        assert!(matches!(
            died(Ended::Signal(6), "has overflowed its stack"),
            Failure::Crashed { .. }
        ));
        assert!(matches!(
            died(Ended::Signal(24), ""),
            Failure::OutOfTime(Budget::Processor)
        ));
        assert!(matches!(
            died(Ended::Code(0), ""),
            Failure::Garbled(Garbled::Unfinished)
        ));
        assert!(!died(Ended::Signal(15), "").is_of_the_file());
        let killed = died(Ended::Signal(9), "");
        assert_eq!(killed.to_string(), "the child was ended by signal 9");
        assert!(killed.is_of_the_file());
    }

    #[test]
    fn what_we_lack_is_told_apart_and_is_no_fault_of_the_file() {
        let lack = |errno: Errno| Lack::from(io::Error::from(errno));
        assert!(matches!(lack(Errno::MFILE), Lack::Descriptors(_)));
        assert!(matches!(lack(Errno::NFILE), Lack::Descriptors(_)));
        assert!(matches!(lack(Errno::NOMEM), Lack::Memory(_)));
        assert!(matches!(lack(Errno::AGAIN), Lack::Process(_)));
        assert!(matches!(lack(Errno::NOENT), Lack::Process(_)));
        assert!(!Failure::from(Lack::Time).is_of_the_file());
    }
}
