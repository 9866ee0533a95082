//! An outage of our own store, which must not cost a file its attempts.
//!
//! After a few failures in a row the circuit opens: attempts are put off
//! unspent, without asking the provider for bytes that have nowhere to go.
//! Every now and then one is let through to see whether the store is back.

use metrics::gauge;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Failures in a row that make an outage; fewer may be one file's own.
const THRESHOLD: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What this process knows of the store.
#[derive(Debug, Default)]
pub(super) struct Outage {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// Until when nobody is let through.
    closed_until: Option<Instant>,
    /// Whether somebody was let through to look and has not come back.
    looking: bool,
}

impl Outage {
    /// How long to put an attempt off; `None` lets it through.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let until = state.closed_until?;
        if now < until {
            return Some(until - now);
        }
        // This one goes to look; the others wait for what it finds.
        state.closed_until = Some(now + pause(state.failures));
        state.looking = true;
        None
    }

    /// The store took an object.
    pub(super) fn succeeded(&self) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State::default();
        gauge!("attachments_storage_outage").set(0.0);
    }

    /// The store did not; gives how long to put the attempt off if that is an
    /// outage, and `None` while it may be the file's own bad luck.
    pub(super) fn failed(&self, now: Instant) -> Option<Duration> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = state.closed_until.filter(|until| *until > now)
            && state.failures >= THRESHOLD
            && !state.looking
        {
            // It was on its way when the circuit opened and tells nothing new.
            return Some(until - now);
        }
        state.looking = false;
        state.failures = state.failures.saturating_add(1);
        if state.failures < THRESHOLD {
            return None;
        }
        let pause = pause(state.failures);
        state.closed_until = Some(now + pause);
        gauge!("attachments_storage_outage").set(1.0);
        Some(pause)
    }
}

fn pause(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(THRESHOLD).min(10);
    FIRST_PAUSE
        .saturating_mul(1 << doublings)
        .min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_circuit_opens_after_a_few_failures_and_lets_one_look() {
        let (outage, now) = (Outage::default(), Instant::now());
        assert_eq!(outage.failed(now), None);
        assert_eq!(outage.failed(now), None);
        assert_eq!(outage.wait(now), None);
        assert_eq!(outage.failed(now), Some(FIRST_PAUSE));
        assert_eq!(outage.wait(now), Some(FIRST_PAUSE));
        assert_eq!(
            outage.failed(now),
            Some(FIRST_PAUSE),
            "a straggler changes nothing"
        );
        let later = now + FIRST_PAUSE;
        assert_eq!(outage.wait(later), None, "one goes to look");
        assert!(outage.wait(later).is_some(), "and only one");
        assert_eq!(outage.failed(later), Some(FIRST_PAUSE * 2));
        outage.succeeded();
        assert_eq!(outage.wait(later), None);
        assert_eq!(outage.failed(later), None);
    }

    #[test]
    fn the_pause_grows_and_has_an_end() {
        assert_eq!(pause(THRESHOLD), FIRST_PAUSE);
        assert_eq!(pause(THRESHOLD + 1), FIRST_PAUSE * 2);
        assert_eq!(pause(u32::MAX), LONGEST_PAUSE);
    }
}
