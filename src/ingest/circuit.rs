//! A circuit: after a few failures in a row it opens, and nobody gets through
//! but for one in a while, who probes whether it works again.
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
    state: State,
}

/// The pauses between two probes double while the probes fail.
#[derive(Debug, Clone, Copy)]
enum State {
    /// Every attempt gets through; so many have failed in a row.
    Closed { failures: u32 },
    /// No attempt gets through until then; the first one after that probes.
    Open { until: Instant, pause: Duration },
    /// One attempt got through to probe, and the others wait for its result. If
    /// it has none by then, another attempt probes.
    HalfOpen { until: Instant, pause: Duration },
}

impl Circuit {
    /// Closed. Once it is open, the pauses between two probes double up to
    /// `longest_pause`.
    pub(super) fn new(longest_pause: Duration) -> Self {
        Self {
            longest_pause,
            state: State::Closed { failures: 0 },
        }
    }

    /// How long nobody is let through; `None` lets this one through.
    pub(super) fn wait(&mut self, now: Instant) -> Option<Duration> {
        let wait = self.paused_for(now);
        if let (None, State::Open { pause, .. } | State::HalfOpen { pause, .. }) =
            (wait, self.state)
        {
            let until = now + pause;
            self.state = State::HalfOpen { until, pause };
        }
        wait
    }

    /// How long nobody will be let through; unlike [`Self::wait`] this lets nobody.
    pub(super) fn paused_for(&self, now: Instant) -> Option<Duration> {
        match self.state {
            State::Closed { .. } => None,
            State::Open { until, .. } | State::HalfOpen { until, .. } => {
                (now < until).then(|| until - now)
            }
        }
    }

    /// It worked: the circuit closes.
    pub(super) fn succeeded(&mut self) {
        self.state = State::Closed { failures: 0 };
    }

    /// It did not; gives how long nobody is let through now, and `None` while
    /// the circuit stays closed.
    pub(super) fn failed(&mut self, now: Instant) -> Option<Duration> {
        match self.state {
            State::Closed { failures } if failures + 1 < THRESHOLD => {
                let failures = failures + 1;
                self.state = State::Closed { failures };
                None
            }
            State::Closed { .. } => Some(self.open(FIRST_PAUSE, now)),
            // It was on its way when the circuit opened and tells nothing new.
            State::Open { until, .. } if now < until => Some(until - now),
            State::Open { pause, .. } | State::HalfOpen { pause, .. } => {
                Some(self.open(pause.saturating_mul(2), now))
            }
        }
    }

    /// It certainly does not work; gives how long nobody is let through now.
    pub(super) fn broke(&mut self, now: Instant) -> Duration {
        match self.failed(now) {
            Some(wait) => wait,
            None => self.open(FIRST_PAUSE, now),
        }
    }

    /// Whether it lets only probes through.
    pub(super) fn is_open(&self) -> bool {
        !matches!(self.state, State::Closed { .. })
    }

    fn open(&mut self, pause: Duration, now: Instant) -> Duration {
        let pause = pause.min(self.longest_pause);
        let until = now + pause;
        self.state = State::Open { until, pause };
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST_PAUSE: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn it_opens_after_a_few_failures_and_lets_one_probe() {
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
        assert_eq!(circuit.wait(later), None, "one probes");
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
                assert_eq!(circuit.wait(now), None, "a probe");
            }
        }
        assert_eq!(last, LONGEST_PAUSE);
    }
}
