//! The periodic pass over what nobody else will finish.
//!
//! One replica of all makes it, for as long as it holds a lease; the others see
//! at each interval that one does. Every step stands beside another's, so two
//! that sweep for a moment do no harm. State is its only input, so a pass that
//! fails is simply made again.

mod forgetting;
mod pulse;
mod step;
mod turn;

pub use forgetting::Remembered;
pub use pulse::Pulse;

use crate::blob::{BlobError, Bucket};
use crate::clock::Clock;
use crate::db::{Backlog, Db, DbError, Removal};
use crate::failpoint;
use crate::queue::Queue;
use crate::telemetry::Chain;
use forgetting::Looks;
use futures::FutureExt as _;
use metrics::{counter, gauge};
use pulse::Heartbeat;
use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use step::Step;
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, timeout};
use tokio_util::sync::CancellationToken;
use turn::Turn;

/// Rows that one statement of a pass takes on.
const BATCH: u32 = 500;
/// Noted changes that one statement adds up.
const NOTED: u32 = 10_000;
/// A step that finds more than one batch goes on for so long; the next pass has the rest.
const STEP: Duration = Duration::from_secs(5);
/// A pass waits for the store no longer than this.
const STORE_PATIENCE: Duration = Duration::from_secs(10);
/// How often open uploads are listed per `uploads_abandoned_after`.
const LOOKS: u32 = 10;

/// What was parked is looked at again for so long: the time of a row is that of
/// its transaction's beginning, and it shows when that has ended.
const OVERLAP: Duration = Duration::from_mins(1);

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
    /// How long what is over is remembered.
    pub remembered: Remembered,
    /// Age from which an open upload is nobody's any more.
    pub uploads_abandoned_after: Duration,
}

/// What a sweep works on, and how.
pub struct Sweeper {
    db: Db,
    bucket: Bucket,
    queue: Queue,
    clock: Arc<dyn Clock>,
    settings: Settings,
}

/// The sweeper at work: finishes what nobody else will, pass by pass.
pub struct Rounds {
    sweeper: Sweeper,
    /// Whether it is this replica that sweeps.
    turn: Turn,
    /// What has been parked since then is looked at; `None` for all of it.
    parked_since: Option<OffsetDateTime>,
    /// When something is forgotten again.
    looks: Looks,
    /// When lost rows were last searched for, which reads every open one.
    last_search: Instant,
    /// When open uploads are looked for again; never, where the store cannot
    /// list them.
    next_look: Option<Instant>,
    heartbeat: watch::Sender<Heartbeat>,
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
        }
    }

    /// Ready to begin, and how that will go.
    #[must_use]
    pub fn rounds(self) -> (Rounds, Pulse) {
        let now = Instant::now();
        let (heartbeat, beats) = watch::channel(Heartbeat {
            passed: now,
            whole: now,
        });
        let pulse = Pulse {
            heartbeat: beats,
            patience: self.settings.interval + self.settings.hung_after,
        };
        let holder = self.queue.worker().to_owned();
        let rounds = Rounds {
            turn: Turn::new(self.db.clone(), holder, self.settings.interval),
            parked_since: None,
            looks: Looks::at_once(),
            sweeper: self,
            last_search: now,
            next_look: Some(now),
            heartbeat,
        };
        (rounds, pulse)
    }
}

impl Rounds {
    /// Sweeps until `stop`, whenever it is this replica's turn.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(self.sweeper.settings.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut has_swept = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = ticks.tick() => {}
            }
            let is_ours = match self.turn.is_ours().await {
                Ok(is_ours) => is_ours,
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "it could not be asked who sweeps");
                    self.heartbeat
                        .send_modify(|last| last.passed = Instant::now());
                    continue;
                }
            };
            if is_ours {
                self.sweep().await;
            } else {
                let now = Instant::now();
                let seen = Heartbeat {
                    passed: now,
                    whole: now,
                };
                self.heartbeat.send_modify(|last| *last = seen);
                // Another shows it now, and two would be summed up.
                if has_swept {
                    show(&Backlog::default());
                }
            }
            has_swept = is_ours;
        }
        self.turn.give_back().await;
    }

    /// One pass, whatever becomes of it.
    async fn sweep(&mut self) {
        let passed = AssertUnwindSafe(self.pass()).catch_unwind().await;
        let now = Instant::now();
        self.heartbeat.send_modify(|last| last.passed = now);
        match passed {
            Ok(Ok(())) => self.heartbeat.send_modify(|last| last.whole = now),
            // Its step has said why.
            Ok(Err(_)) => tracing::warn!("a sweep failed; the next one makes up for it"),
            Err(_) => tracing::error!("a sweep panicked; the next one makes up for it"),
        }
        self.sweeper.show_backlog().await;
    }

    /// One pass: end what is exhausted, put back what lost its work or waits
    /// for a credential that is there, expire what is over, remove the objects
    /// of all of them, abort what was never put whole. A step that fails does
    /// not keep the others from being made; the last error is given.
    async fn pass(&mut self) -> Result<(), DbError> {
        let mut passed = Ok(());
        for step in Step::ALL {
            // A pass over much takes longer than its lease.
            if !self.turn.is_still_ours().await? {
                return passed;
            }
            let what = step.as_str();
            match self.take(step).await {
                Ok(count) => {
                    counter!("attachments_swept_total", "what" => what).increment(count);
                    if count > 0 {
                        tracing::info!(sweep.what = what, sweep.count = count, "swept");
                    }
                }
                Err(error) => {
                    tracing::warn!(sweep.what = what, error = %Chain(&error), "a step of the sweep failed");
                    passed = Err(error);
                }
            }
        }
        passed
    }

    /// Gives how much there was of it.
    async fn take(&mut self, step: Step) -> Result<u64, DbError> {
        let sweeper = &self.sweeper;
        match step {
            Step::Exhausted => drain(|| sweeper.db.end_exhausted(BATCH)).await,
            Step::Requeued => self.requeue_lost().await,
            Step::Resumed => self.resume_late().await,
            Step::Expired => drain(|| sweeper.db.expire(BATCH)).await,
            Step::Tombstoned => sweeper.delete_tombstoned().await,
            Step::Forgotten => sweeper.forget(&mut self.looks).await,
            Step::Counted => drain_by(NOTED, || sweeper.db.fold_usage(NOTED)).await,
            Step::Removed => drain(|| sweeper.remove_objects()).await,
            Step::Uploads => Ok(self.abort_uploads().await),
        }
    }

    /// Puts back what was parked just as its channel's credential became good.
    /// What has been looked at once is not looked at again.
    async fn resume_late(&mut self) -> Result<u64, DbError> {
        let began = Instant::now();
        let mut total = 0;
        loop {
            let late = self
                .sweeper
                .db
                .resume_late(self.parked_since, BATCH)
                .await?;
            total += late.count;
            let is_done = late.count < u64::from(BATCH);
            if is_done {
                self.parked_since = Some(late.looked_at - OVERLAP);
            }
            if is_done || began.elapsed() >= STEP {
                break;
            }
        }
        if total > 0 {
            self.sweeper.queue.ring();
        }
        Ok(total)
    }

    /// Looks for lost rows as often as it takes one to count as lost.
    async fn requeue_lost(&mut self) -> Result<u64, DbError> {
        let lost_after = self.sweeper.settings.lost_after;
        if self.last_search.elapsed() < lost_after {
            return Ok(0);
        }
        let db = &self.sweeper.db;
        let count = drain(|| db.requeue_lost(lost_after, BATCH)).await?;
        self.last_search = Instant::now();
        if count > 0 {
            self.sweeper.queue.ring();
        }
        Ok(count)
    }

    /// Aborts uploads that a dead worker left. Looks for them now and then
    /// only: nobody sees their parts, and a listing is a request. The store
    /// logs its own failure, and the next look makes up for it.
    async fn abort_uploads(&mut self) -> u64 {
        let now = Instant::now();
        if self.next_look.is_none_or(|next| now < next) {
            return 0;
        }
        let abandoned_after = self.sweeper.settings.uploads_abandoned_after;
        let abandoned = self.sweeper.clock.now() - abandoned_after;
        let aborts = self.sweeper.bucket.abort_uploads(abandoned, BATCH);
        // A time that no clock reaches is never.
        let later = now.checked_add(abandoned_after / LOOKS);
        let (aborted, next) = match timeout(STORE_PATIENCE, aborts).await {
            // There may be more, and they need not wait.
            Ok(Ok(aborted)) if aborted >= u64::from(BATCH) => (aborted, Some(now)),
            Err(_) => (0, Some(now)),
            Ok(Ok(aborted)) => (aborted, later),
            Ok(Err(BlobError::Unsupported { .. })) => {
                tracing::warn!(
                    "object storage does not list open uploads, and is not asked again; \
                     a lifecycle rule of the bucket has to abort those that workers leave"
                );
                (0, None)
            }
            Ok(Err(_)) => (0, later),
        };
        self.next_look = next;
        aborted
    }
}

impl Sweeper {
    /// What waits to be done, for alarms.
    async fn show_backlog(&self) {
        match self.db.backlog().await {
            Ok(backlog) => show(&backlog),
            // The sweep's age tells of a database that is unavailable.
            Err(error) => tracing::debug!(error = %Chain(&error), "the backlog could not be read"),
        }
    }

    /// Deletes what was registered while its deletion came, and did not see it.
    async fn delete_tombstoned(&self) -> Result<u64, DbError> {
        let missed = self.db.missed_by_tombstones(BATCH).await?;
        for late in &missed {
            self.db.delete(&late.tenant, late.id, late.cause).await?;
        }
        Ok(missed.len() as u64)
    }

    async fn remove_objects(&self) -> Result<u64, DbError> {
        let due = self
            .db
            .take_due_removals(self.settings.remove_again_after, BATCH)
            .await?;
        if due.is_empty() {
            return Ok(0);
        }
        failpoint::reach(failpoint::Step::Swept).await;
        // The store logs its own failure; what is not gone comes back later.
        let keys: Vec<_> = due.iter().map(|removal| removal.key.clone()).collect();
        let gone = self.bucket.delete(&keys, STORE_PATIENCE).await;
        let gone: HashSet<_> = gone.into_iter().collect();
        failpoint::reach(failpoint::Step::Removing).await;
        let is_gone = |removal: &Removal| gone.contains(&removal.key);
        let gone: Vec<_> = due.into_iter().filter(is_gone).collect();
        self.db.forget_removals(&gone).await?;
        Ok(gone.len() as u64)
    }
}

/// One replica's figures stand for all: the others show none.
fn show(backlog: &Backlog) {
    gauge!("attachments_due_work").set(backlog.due_work);
    gauge!("attachments_oldest_due_seconds").set(backlog.oldest_due_seconds);
    gauge!("attachments_running_attempts").set(backlog.running_attempts);
    gauge!("attachments_due_removals").set(backlog.due_removals);
    gauge!("attachments_oldest_removal_seconds").set(backlog.oldest_removal_seconds);
    gauge!("attachments_failing_removals").set(backlog.failing_removals);
}

/// Repeats a step while it has a whole batch to do, for a while.
async fn drain<F>(step: impl Fn() -> F) -> Result<u64, DbError>
where
    F: Future<Output = Result<u64, DbError>>,
{
    drain_by(BATCH, step).await
}

/// The same, of a step whose batch is `batch`.
async fn drain_by<F>(batch: u32, step: impl Fn() -> F) -> Result<u64, DbError>
where
    F: Future<Output = Result<u64, DbError>>,
{
    let began = Instant::now();
    let mut total = 0;
    loop {
        let count = step().await?;
        total += count;
        if count < u64::from(batch) || began.elapsed() >= STEP {
            return Ok(total);
        }
    }
}
