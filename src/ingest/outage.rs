//! An outage of our own store, which must not cost a file its attempts: while
//! its circuit is open they are put off unspent, without asking the provider
//! for bytes that have nowhere to go.

use super::circuit::Circuit;
use metrics::gauge;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What this process knows of the store.
#[derive(Debug)]
pub(super) struct Outage {
    circuit: Mutex<Circuit>,
}

impl Default for Outage {
    fn default() -> Self {
        Self {
            circuit: Mutex::new(Circuit::new(LONGEST_PAUSE)),
        }
    }
}

impl Outage {
    /// How long to put an attempt off; `None` lets it through.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        self.circuit().wait(now)
    }

    /// How long it is of no use to begin an attempt.
    pub(super) fn lasts(&self, now: Instant) -> Option<Duration> {
        self.circuit().barred_for(now)
    }

    /// The store took an object.
    pub(super) fn succeeded(&self) {
        self.circuit().succeeded();
        gauge!("attachments_storage_outage").set(0.0);
    }

    /// The store did not; gives how long to put the attempt off if that is an
    /// outage, and `None` while it may be the file's own bad luck. A store that
    /// does not even answer for its bucket is away, whoever is the first to
    /// meet it.
    pub(super) fn failed(&self, answers: bool, now: Instant) -> Option<Duration> {
        let pause = if answers {
            self.circuit().failed(now)?
        } else {
            self.circuit().broke(now)
        };
        gauge!("attachments_storage_outage").set(1.0);
        Some(pause)
    }

    fn circuit(&self) -> MutexGuard<'_, Circuit> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
