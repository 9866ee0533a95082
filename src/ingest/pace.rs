//! How fast a body must come: a byte now and then keeps every time-out from
//! firing and a slot from coming free. A floor is under its speed, and the
//! whole of it has the time that its size needs.

use std::num::NonZeroU64;
use std::time::Duration;
use tokio::time::Instant;

/// How slow a provider may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Floor {
    /// Bytes a second, at least.
    pub bytes_per_second: u64,
    /// The time it is averaged over.
    pub window: Duration,
}

/// How long a whole body may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Whatever its size.
    pub any_size: Duration,
    /// And as long as it needs at this speed.
    pub bytes_per_second: NonZeroU64,
}

impl Allowance {
    fn of(self, size_bytes: u64) -> Duration {
        let by_size = Duration::from_secs(size_bytes / self.bytes_per_second);
        self.any_size.saturating_add(by_size)
    }
}

/// How fast one download is.
#[derive(Debug)]
pub(super) struct Pace {
    floor: Floor,
    allowance: Allowance,
    began: Instant,
    window_began: Instant,
    received_then: u64,
}

impl Pace {
    pub(super) fn new(floor: Floor, allowance: Allowance, now: Instant) -> Self {
        Self {
            floor,
            allowance,
            began: now,
            window_began: now,
            received_then: 0,
        }
    }

    /// How long it may go on if it has `at_most` so many bytes in all.
    pub(super) fn left(&self, at_most: u64, now: Instant) -> Duration {
        self.allowance.of(at_most).saturating_sub(now - self.began)
    }

    /// Whether it is fast enough, with this many bytes in all by now.
    pub(super) fn keeps_up(&mut self, received: u64, now: Instant) -> bool {
        let took = now - self.window_began;
        if took < self.floor.window {
            return true;
        }
        let came = received - self.received_then;
        let wanted = u128::from(self.floor.bytes_per_second) * took.as_millis() / 1000;
        self.window_began = now;
        self.received_then = received;
        u128::from(came) >= wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(10);

    fn pace(began: Instant) -> Pace {
        let floor = Floor {
            bytes_per_second: 100,
            window: WINDOW,
        };
        let allowance = Allowance {
            any_size: Duration::from_mins(1),
            bytes_per_second: NonZeroU64::new(1_000).unwrap(),
        };
        Pace::new(floor, allowance, began)
    }

    #[tokio::test]
    async fn each_window_is_judged_on_its_own() {
        let began = Instant::now();
        let mut pace = pace(began);
        assert!(pace.keeps_up(1, began + WINDOW / 2), "too early to tell");
        assert!(pace.keeps_up(1_000, began + WINDOW));
        assert!(
            !pace.keeps_up(1_999, began + WINDOW * 2),
            "999 in the second window"
        );
    }

    #[tokio::test]
    async fn a_large_file_has_longer_than_a_small_one() {
        let began = Instant::now();
        let pace = pace(began);
        let seconds = Duration::from_secs;
        assert_eq!(pace.left(500, began), seconds(60));
        assert_eq!(pace.left(300_000, began), seconds(360));
        assert_eq!(pace.left(300_000, began + seconds(350)), seconds(10));
        assert_eq!(pace.left(500, began + seconds(61)), Duration::ZERO);
        assert!(pace.left(u64::MAX, began) > seconds(1 << 40), "no overflow");
    }
}
