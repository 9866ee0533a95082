//! The queue: due rows in, settled outcomes out, with apalis driving the workers.
//!
//! Promises: a claim is counted before any work; its lease is renewed while
//! the work runs and the work is cancelled once the lease is lost; an outcome
//! is written under the claim's fence, again and again until the lease ends.
//! What the work is, it does not know: a handler is given to it.

mod backend;
mod claimer;
mod lease;
mod resume;
mod settle;
mod slots;
mod wake_up;
mod worker;
mod worker_name;

pub use lease::{Held, Job};
pub use slots::Slot;

use crate::attachment::status::Attempt;
use crate::attachment::storage_key::StorageKey;
use crate::attachment::work::WorkKind;
use crate::db::{Db, DbError, Lease};
use crate::telemetry::Chain;
use settle::Settler;
use slots::SlotKeeper;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Between two tries to write something down while the database is unavailable.
const PAUSE: Duration = Duration::from_millis(250);

/// How the queue is worked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Attempts that run at the same time in this process.
    pub concurrency: u32,
    /// Attempts of one tenant that run at the same time in this process.
    pub tenant_concurrency: u32,
    /// How long a claim holds without being renewed; renewed at a third of it.
    pub lease: Duration,
    /// How often an idle worker looks for work of other replicas.
    pub poll_interval: Duration,
    /// How long running attempts may go on once the process is to stop.
    pub grace: Duration,
    /// Age from which an object that was announced and not settled is removed;
    /// longer than the longest put.
    pub orphaned_after: Duration,
}

/// Says for how long nothing is to be claimed, because no attempt could do its
/// work; asked before each claim.
pub type PausedFor = Arc<dyn Fn() -> Option<Duration> + Send + Sync>;

/// The queue as one process sees it.
#[derive(Debug, Clone)]
pub struct Queue {
    db: Db,
    settings: Settings,
    lease: Lease,
    slots: SlotKeeper,
    settler: Settler,
    /// Rings for this process's worker.
    bell: Arc<Notify>,
    /// Rings for the workers of other replicas.
    other_bells: Arc<Notify>,
    /// Fires when the grace is over: whatever still runs is given back.
    abandon: CancellationToken,
}

impl Queue {
    /// A queue of one kind of work, under a worker name that no process had
    /// before. Spawns what writes the outcomes, so it wants a runtime.
    #[must_use]
    pub fn new(db: Db, work: WorkKind, settings: Settings) -> Self {
        let lease = Lease {
            work,
            worker: worker_name::of_this_process(),
            length: settings.lease,
        };
        Self {
            slots: SlotKeeper::new(settings.concurrency, settings.tenant_concurrency),
            settler: Settler::new(&db),
            db,
            settings,
            lease,
            bell: Arc::default(),
            other_bells: Arc::default(),
            abandon: CancellationToken::new(),
        }
    }

    /// The name that this process's claims bear, in the journal of attempts too.
    #[must_use]
    pub fn worker(&self) -> &str {
        &self.lease.worker
    }

    /// Whether a lease that was asked for then has had time to be lost.
    #[must_use]
    pub fn is_long_since(&self, claimed: Instant) -> bool {
        claimed.elapsed() > self.lease.length / 3
    }

    /// Announces an object that an attempt is about to put; false when it
    /// lost its lease and must not. While the database is unavailable this is
    /// repeated: [`Queue::hold`] ends it with the lease.
    pub async fn announce(&self, attempt: &Attempt, key: &StorageKey) -> Result<bool, DbError> {
        loop {
            let orphaned_after = self.settings.orphaned_after;
            let announced = self
                .db
                .announce(attempt, self.lease.work, key, orphaned_after);
            match announced.await {
                Err(error) if error.is_unavailable() => {
                    tracing::warn!(error = %Chain(&error), "the object could not be announced yet");
                    tokio::time::sleep(PAUSE).await;
                }
                announced => return announced,
            }
        }
    }
}
