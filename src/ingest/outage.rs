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

    /// The store takes nothing; gives how long to put an attempt off.
    pub(super) fn broke(&self, now: Instant) -> Duration {
        gauge!("attachments_storage_outage").set(1.0);
        self.circuit().broke(now)
    }

    fn circuit(&self) -> MutexGuard<'_, Circuit> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
