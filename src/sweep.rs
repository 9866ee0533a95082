//! The periodic pass over what nobody else will finish.
//!
//! Runs in every replica; `skip locked` keeps them out of each other's way.
//! State is its only input, so a pass that fails is simply made again.

use crate::attachment::failure::FailureReason;
use crate::blob::{BlobError, Bucket};
use crate::clock::Clock;
use crate::db::{Db, DbError};
use crate::failpoint::{self, Step};
use crate::queue::Queue;
use futures::FutureExt as _;
use metrics::{counter, gauge};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, timeout};
use tokio_util::sync::CancellationToken;

/// Rows that one statement of a pass takes on.
const BATCH: u32 = 500;
/// A step that finds more than one batch goes on for so long; the next pass has the rest.
const STEP: Duration = Duration::from_secs(5);
/// A pass waits for the store no longer than this.
const STORE_PATIENCE: Duration = Duration::from_secs(10);
/// Looks for open uploads in the time after which one counts as abandoned.
const LOOKS: u32 = 10;

/// How the sweeper works.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Time between two passes.
    pub interval: Duration,
    /// Without the end of a pass for so long, the task counts as hung.
    pub hung_after: Duration,
    /// Age from which an open attachment without work counts as lost.
    pub lost_after: Duration,
    /// Time after which an object that could not be removed is tried again.
    pub remove_again_after: Duration,
    /// Age from which status changes are forgotten.
    pub events_remembered: Duration,
    /// Age from which an open upload is nobody's any more.
    pub uploads_abandoned_after: Duration,
}

/// Finishes what nobody else will.
#[derive(Clone)]
pub struct Sweeper {
    db: Db,
    bucket: Bucket,
    queue: Queue,
    clock: Arc<dyn Clock>,
    settings: Settings,
    started: Instant,
    /// Milliseconds after `started` at which the last whole pass ended.
    last_pass: Arc<AtomicU64>,
    /// The same of the last pass, whole or not.
    last_round: Arc<AtomicU64>,
    /// The same of the last search for lost rows, which reads every open one.
    last_search: Arc<AtomicU64>,
    /// The same of the next look for open uploads.
    next_look: Arc<AtomicU64>,
}

impl Sweeper {
    /// Prepares to sweep.
    #[must_use]
    pub fn new(
        db: Db,
        bucket: Bucket,
        queue: Queue,
        clock: Arc<dyn Clock>,
        settings: Settings,
    ) -> Self {
        Self {
            db,
            bucket,
            queue,
            clock,
            settings,
            started: Instant::now(),
            last_pass: Arc::default(),
            last_round: Arc::default(),
            last_search: Arc::default(),
            next_look: Arc::default(),
        }
    }

    /// Sweeps until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(self.settings.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let passed = AssertUnwindSafe(self.pass()).catch_unwind().await;
            let now = self.uptime();
            self.last_round.store(now, Ordering::Relaxed);
            match passed {
                Ok(Ok(())) => self.last_pass.store(now, Ordering::Relaxed),
                // Its step has said why.
                Ok(Err(_)) => tracing::warn!("a sweep failed; the next one makes up for it"),
                Err(_) => tracing::error!("a sweep panicked; the next one makes up for it"),
            }
            self.show_backlog().await;
        }
    }

    /// One pass: end what is exhausted, put back what lost its work or waits
    /// for a credential that is there, expire what is over, remove the objects
    /// of all of them, abort what was never put whole. A step that fails does
    /// not keep the others from being made; the last error is given.
    pub async fn pass(&self) -> Result<(), DbError> {
        let mut passed = Ok(());
        for (what, swept) in [
            ("exhausted", drain(|| self.db.end_exhausted(BATCH)).await),
            ("requeued", self.requeue_lost().await),
            ("resumed", self.resume_late().await),
            ("expired", drain(|| self.db.expire(BATCH)).await),
            ("buried", self.bury_the_haunted().await),
            ("forgotten", self.forget().await),
            ("removed", drain(|| self.remove_objects()).await),
            ("uploads", Ok(self.abort_uploads().await)),
        ] {
            match swept {
                Ok(count) => {
                    counter!("attachments_swept_total", "what" => what).increment(count);
                    if count > 0 {
                        tracing::info!(sweep.what = what, sweep.count = count, "swept");
                    }
                }
                Err(error) => {
                    tracing::warn!(sweep.what = what, %error, "a step of the sweep failed");
                    passed = Err(error);
                }
            }
        }
        passed
    }

    /// What waits to be done, for alarms. Every replica shows the same.
    async fn show_backlog(&self) {
        match self.db.backlog().await {
            Ok(backlog) => {
                gauge!("attachments_due_work").set(backlog.due_work);
                gauge!("attachments_oldest_due_seconds").set(backlog.oldest_due_seconds);
                gauge!("attachments_running_attempts").set(backlog.running_attempts);
                gauge!("attachments_due_removals").set(backlog.due_removals);
                gauge!("attachments_oldest_removal_seconds").set(backlog.oldest_removal_seconds);
                gauge!("attachments_failing_removals").set(backlog.failing_removals);
            }
            // The sweep's age tells of a database that is away.
            Err(error) => tracing::debug!(%error, "the backlog could not be read"),
        }
    }

    /// Shows how long ago the last whole pass ended; the age of the process
    /// before the first. For whoever reads the metrics to call: a sweeper that
    /// hangs would show nothing.
    pub fn show_age(&self) {
        let last = Duration::from_millis(self.last_pass.load(Ordering::Relaxed));
        let age = self.started.elapsed().saturating_sub(last);
        gauge!("attachments_sweep_age_seconds").set(age.as_secs_f64());
    }

    /// Whether the task still makes its rounds. A database that is away fails
    /// passes but does not end them; only a restart mends a task that hangs.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let rounds = self.last_round.load(Ordering::Relaxed);
        let since = self
            .started
            .elapsed()
            .saturating_sub(Duration::from_millis(rounds));
        since < self.settings.interval + self.settings.hung_after
    }

    /// Deletes what was registered at the very instant its deletion came.
    async fn bury_the_haunted(&self) -> Result<u64, DbError> {
        let haunted = self.db.haunted(BATCH).await?;
        for (tenant, id) in &haunted {
            self.db
                .delete(tenant, *id, FailureReason::DeleteRequested)
                .await?;
        }
        Ok(haunted.len() as u64)
    }

    /// Forgets tombstones and status changes that nobody can ask for any more.
    async fn forget(&self) -> Result<u64, DbError> {
        let remembered = self.settings.events_remembered;
        let events = self.db.forget_events(remembered, BATCH * 20).await?;
        Ok(events + self.db.forget_tombstones(BATCH).await?)
    }

    /// Looks for lost rows as often as it takes one to count as lost.
    async fn requeue_lost(&self) -> Result<u64, DbError> {
        let lost_after = self.settings.lost_after;
        let last = Duration::from_millis(self.last_search.load(Ordering::Relaxed));
        if self.started.elapsed().saturating_sub(last) < lost_after {
            return Ok(0);
        }
        let count = drain(|| self.db.requeue_lost(lost_after, BATCH)).await?;
        self.last_search.store(self.uptime(), Ordering::Relaxed);
        if count > 0 {
            self.queue.ring();
        }
        Ok(count)
    }

    /// Puts back what was parked just as its channel's credential became good.
    async fn resume_late(&self) -> Result<u64, DbError> {
        let count = drain(|| self.db.resume_late(BATCH)).await?;
        if count > 0 {
            self.queue.ring();
        }
        Ok(count)
    }

    /// Milliseconds since `started`.
    fn uptime(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    async fn remove_objects(&self) -> Result<u64, DbError> {
        let doomed = self
            .db
            .take_doomed(self.settings.remove_again_after, BATCH)
            .await?;
        if doomed.is_empty() {
            return Ok(0);
        }
        failpoint::reach(Step::Swept).await;
        // The store logs its own failure; what is not gone comes back later.
        let deleted = timeout(STORE_PATIENCE, self.bucket.delete(&doomed)).await;
        let gone = deleted.map_or_else(|_| Vec::new(), Result::unwrap_or_default);
        failpoint::reach(Step::Removing).await;
        self.db.forget_doomed(&gone).await?;
        Ok(gone.len() as u64)
    }

    /// Aborts uploads that a dead worker left. Looks for them now and then
    /// only: nobody sees their parts, and a listing is a request. The store
    /// logs its own failure, and the next look makes up for it.
    async fn abort_uploads(&self) -> u64 {
        let now = self.uptime();
        if now < self.next_look.load(Ordering::Relaxed) {
            return 0;
        }
        let abandoned_after = self.settings.uploads_abandoned_after;
        let pause = u64::try_from((abandoned_after / LOOKS).as_millis()).unwrap_or(u64::MAX);
        let abandoned = self.clock.now() - abandoned_after;
        let aborts = self.bucket.abort_uploads(abandoned, BATCH);
        let (aborted, next) = match timeout(STORE_PATIENCE, aborts).await {
            // There may be more, and they need not wait.
            Ok(Ok(aborted)) if aborted >= u64::from(BATCH) => (aborted, now),
            Err(_) => (0, now),
            Ok(Ok(aborted)) => (aborted, now.saturating_add(pause)),
            Ok(Err(BlobError::Unsupported { .. })) => {
                tracing::warn!(
                    "object storage does not list open uploads, and is not asked again; \
                     a lifecycle rule of the bucket has to abort those that workers leave"
                );
                (0, u64::MAX)
            }
            Ok(Err(_)) => (0, now.saturating_add(pause)),
        };
        self.next_look.store(next, Ordering::Relaxed);
        aborted
    }
}

/// Repeats a step while it has a whole batch to do, for a while.
async fn drain<F>(step: impl Fn() -> F) -> Result<u64, DbError>
where
    F: Future<Output = Result<u64, DbError>>,
{
    let began = Instant::now();
    let mut total = 0;
    loop {
        let count = step().await?;
        total += count;
        if count < u64::from(BATCH) || began.elapsed() >= STEP {
            return Ok(total);
        }
    }
}
