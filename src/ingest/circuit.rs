//! A circuit: after a few failures in a row it opens, and nobody gets through
//! but for one in a while, who looks whether it works again.
//!
//! Pure: time is a parameter. Whoever shares a circuit locks it.

use std::time::Duration;
use tokio::time::Instant;

/// Failures in a row that open it; fewer may be one file's own bad luck.
const THRESHOLD: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Circuit {
    longest_pause: Duration,
    failures: u32,
    /// Until when nobody is let through.
    open_until: Option<Instant>,
    /// Whether somebody was let through to look and has not come back.
    looking: bool,
}

impl Circuit {
    /// Closed. Once it is open, the pauses between two looks double up to
    /// `longest_pause`.
    pub(super) fn new(longest_pause: Duration) -> Self {
        Self {
            longest_pause,
            failures: 0,
            open_until: None,
            looking: false,
        }
    }

    /// How long nobody is let through; `None` lets this one through.
    pub(super) fn wait(&mut self, now: Instant) -> Option<Duration> {
        let until = self.open_until?;
        if now < until {
            return Some(until - now);
        }
        // This one goes to look; the others wait for what it finds.
        self.open_until = Some(now + self.pause());
        self.looking = true;
        None
    }

    /// How long nobody will be let through; unlike [`Self::wait`] this lets nobody.
    pub(super) fn barred_for(&self, now: Instant) -> Option<Duration> {
        self.open_until
            .filter(|until| *until > now)
            .map(|until| until - now)
    }

    /// It worked: the circuit closes.
    pub(super) fn succeeded(&mut self) {
        *self = Self::new(self.longest_pause);
    }

    /// It did not; gives how long nobody is let through now, and `None` while
    /// the circuit stays closed.
    pub(super) fn failed(&mut self, now: Instant) -> Option<Duration> {
        if let Some(until) = self.open_until.filter(|until| *until > now)
            && !self.looking
        {
            // It was on its way when the circuit opened and tells nothing new.
            return Some(until - now);
        }
        self.looking = false;
        self.failures = self.failures.saturating_add(1);
        if self.failures < THRESHOLD {
            return None;
        }
        let pause = self.pause();
        self.open_until = Some(now + pause);
        Some(pause)
    }

    /// It certainly does not work; gives how long nobody is let through now.
    pub(super) fn broke(&mut self, now: Instant) -> Duration {
        self.failures = self.failures.max(THRESHOLD - 1);
        self.failed(now).unwrap_or_else(|| self.pause())
    }

    /// Whether it lets only lookers through.
    pub(super) fn is_open(&self) -> bool {
        self.open_until.is_some()
    }

    fn pause(&self) -> Duration {
        let doublings = self.failures.saturating_sub(THRESHOLD).min(10);
        FIRST_PAUSE
            .saturating_mul(1 << doublings)
            .min(self.longest_pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST_PAUSE: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn it_opens_after_a_few_failures_and_lets_one_look() {
        let (mut circuit, now) = (Circuit::new(LONGEST_PAUSE), Instant::now());
        assert_eq!(circuit.failed(now), None);
        assert_eq!(circuit.failed(now), None);
        assert_eq!(circuit.wait(now), None);
        assert_eq!(circuit.failed(now), Some(FIRST_PAUSE));
        assert_eq!(circuit.wait(now), Some(FIRST_PAUSE));
        assert_eq!(
            circuit.failed(now),
            Some(FIRST_PAUSE),
            "a straggler changes nothing"
        );
        let later = now + FIRST_PAUSE;
        assert_eq!(circuit.wait(later), None, "one goes to look");
        assert!(circuit.wait(later).is_some(), "and only one");
        assert_eq!(circuit.failed(later), Some(FIRST_PAUSE * 2));
        circuit.succeeded();
        assert_eq!(circuit.wait(later), None);
        assert_eq!(circuit.failed(later), None);
    }

    #[tokio::test]
    async fn the_pause_grows_and_has_an_end() {
        let (mut circuit, mut now) = (Circuit::new(LONGEST_PAUSE), Instant::now());
        let mut last = Duration::ZERO;
        for _ in 0..50 {
            if let Some(pause) = circuit.failed(now) {
                assert!(pause >= last && pause <= LONGEST_PAUSE);
                last = pause;
                now += pause;
                assert_eq!(circuit.wait(now), None, "a look");
            }
        }
        assert_eq!(last, LONGEST_PAUSE);
    }
}
