//! What a child may take, and how many there are at a time.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

/// What a child may take, and how many there are at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The program that is run as a child: one whose `main` asks
    /// [`called`](super::called) first. By default this one.
    pub program: PathBuf,
    /// The child's address space. It counts the program itself and the file
    /// too, some 64 MiB more than what is left to take.
    pub memory_bytes: u64,
    /// The child's processor time, counted in whole seconds, at least one.
    pub cpu: Duration,
    /// How long a child may live by the clock. The wait for a slot is not
    /// counted.
    pub wall: Duration,
    /// How many children there are at a time, at least one.
    pub slots: usize,
}

impl Default for Settings {
    /// 512 MiB to take, 3 s of processor, 6 s in all, a child for each core.
    fn default() -> Self {
        Self {
            program: own_program(),
            memory_bytes: 576 * 1024 * 1024,
            cpu: Duration::from_secs(3),
            wall: Duration::from_secs(6),
            slots: thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// By this name the kernel finds the program that runs, though another has
/// taken its place on disk since.
#[cfg(target_os = "linux")]
fn own_program() -> PathBuf {
    PathBuf::from("/proc/self/exe")
}

#[cfg(not(target_os = "linux"))]
fn own_program() -> PathBuf {
    std::env::current_exe().unwrap_or_default()
}
