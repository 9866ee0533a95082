//! A floor under the speed of a download: a byte now and then keeps every
//! time-out from firing and a slot from coming free.

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

/// How fast one download is.
#[derive(Debug)]
pub(super) struct Pace {
    floor: Floor,
    window_began: Instant,
    received_then: u64,
}

impl Pace {
    pub(super) fn new(floor: Floor, now: Instant) -> Self {
        Self {
            floor,
            window_began: now,
            received_then: 0,
        }
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

    #[tokio::test]
    async fn each_window_is_judged_on_its_own() {
        let began = Instant::now();
        let window = Duration::from_secs(10);
        let mut pace = Pace::new(
            Floor {
                bytes_per_second: 100,
                window,
            },
            began,
        );
        assert!(pace.keeps_up(1, began + window / 2), "too early to tell");
        assert!(pace.keeps_up(1_000, began + window));
        assert!(
            !pace.keeps_up(1_999, began + window * 2),
            "999 in the second window"
        );
    }
}
