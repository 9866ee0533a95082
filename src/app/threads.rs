//! Threads: those that run tasks, and those for what blocks, which are files
//! of the spool and look-ups of names.
//!
//! Promises: a machine that gives no more of them delays work and fails none.
//! tokio makes a thread for what blocks when it is needed, lets it go when it
//! is idle, and panics where it has none and can make none. So some are made
//! at the start, and all are kept.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// For what blocks, at least. What finds them busy waits.
const KEPT: usize = 4;
/// Longer than any process lives.
const FOR_GOOD: Duration = Duration::from_hours(24 * 365);

/// What a process runs on.
pub fn runtime() -> io::Result<Runtime> {
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .thread_keep_alive(FOR_GOOD)
        .build()?;
    // None ends before all are asked for, so each has a thread of its own, or
    // waits for that of another.
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock();
    for _ in 0..KEPT {
        let gate = gate.clone();
        runtime.spawn_blocking(move || drop(gate.lock()));
    }
    drop(closed);
    Ok(runtime)
}
