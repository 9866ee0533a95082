//! An outage of our own store, which must not cost a file its attempts: while
//! its circuit is open, attempts are put off and not counted, and no provider is
//! asked for bytes that have nowhere to go.

use super::circuit::Circuit;
use metrics::gauge;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What this process knows of the store.
#[derive(Debug)]
pub(super) struct Outage {
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    circuit: Circuit,
    /// When it last took an object.
    took: Option<Instant>,
}

impl Default for Outage {
    fn default() -> Self {
        Self {
            known: Mutex::new(Known {
                circuit: Circuit::new(LONGEST_PAUSE),
                took: None,
            }),
        }
    }
}

impl Outage {
    /// How long to put an attempt off; `None` lets it through.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        self.known().circuit.wait(now)
    }

    /// For how long an attempt that begins now would only be put off.
    pub(super) fn paused_for(&self, now: Instant) -> Option<Duration> {
        self.known().circuit.paused_for(now)
    }

    /// The store took an object.
    pub(super) fn succeeded(&self, now: Instant) {
        let mut known = self.known();
        known.circuit.succeeded();
        known.took = Some(now);
        gauge!("attachments_storage_outage").set(0.0);
    }

    /// The store refused a put, and a probe that began at `tried`; gives how long
    /// to put the attempt off. `None` where the store took another object
    /// meanwhile: then it refuses this object, or all that are like it.
    pub(super) fn broke(&self, tried: Instant, now: Instant) -> Option<Duration> {
        let mut known = self.known();
        if known.took.is_some_and(|took| took > tried) {
            return None;
        }
        gauge!("attachments_storage_outage").set(1.0);
        Some(known.circuit.broke(now))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
