//! The time, as a parameter.
//!
//! Token checks and link signing ask a [`Clock`], so that a test can stand at
//! the second before an expiry. Leases, due times and retention do not: they
//! use the database's clock, which all replicas share.

use std::sync::atomic::{AtomicI64, Ordering};
use time::{Duration, OffsetDateTime};

/// Tells the time in UTC.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> OffsetDateTime;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}

/// A clock that runs with the machine's, set off by what a test asks for.
#[derive(Debug, Default)]
pub struct ShiftedClock {
    shift_seconds: AtomicI64,
}

impl ShiftedClock {
    /// Moves the clock forward, or back when `by` is negative. Whole seconds.
    pub fn shift(&self, by: Duration) {
        self.shift_seconds
            .fetch_add(by.whole_seconds(), Ordering::Relaxed);
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> OffsetDateTime {
        SystemClock.now() + Duration::seconds(self.shift_seconds.load(Ordering::Relaxed))
    }
}
