//! Claims ready rows for the slots that are free, no sooner and no more.
//!
//! A round waits for its commit, and what is registered meanwhile waits for no
//! round: another one goes beside it.

use super::{Job, PausedFor, Queue};
use crate::attachment::journal::{AttemptLog, Ended};
use crate::attachment::status::Attempt;
use crate::db::{DbError, Round};
use crate::failpoint::{self, Step};
use crate::telemetry::Chain;
use std::mem;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Rows claimed by one statement at most.
const BATCH: usize = 16;
/// Rounds that are under way at the same time.
const ROUNDS: usize = 2;
/// Rows that one look makes ready at most; where there are more, the next look
/// is at once.
const LOOK: u32 = 1000;
/// How often it is looked while there is work.
const BUSY_LOOK: Duration = Duration::from_millis(50);
/// A worker that gives no sign of life for so long is gone. One that only lost
/// its connection has another one by then.
const SILENCE: Duration = Duration::from_secs(1);

/// Feeds a worker with claimed attempts.
pub(super) struct Claimer {
    queue: Queue,
    paused_for: PausedFor,
    jobs: mpsc::Sender<Result<Job, DbError>>,
    /// The tenant that was served last.
    after: String,
    rounds_begun: u32,
    /// Slots that rounds are under way for.
    under_way: u32,
    /// There may be something to claim.
    wanted: bool,
    /// Something was ready when it was last looked for: whoever had no room for
    /// it has some once a slot comes free.
    ready: bool,
    last_look: Instant,
    /// Workers that give no sign of life, and since when.
    silent: Vec<(String, Instant)>,
    /// When it is looked for what others brought and what has its time.
    next_look: Instant,
}

/// A round that is over.
struct Over {
    claimed: Result<Vec<Attempt>, DbError>,
    permits: Vec<OwnedSemaphorePermit>,
    /// For how many slots it was.
    count: u32,
    /// When it was sent.
    asked: Instant,
}

impl Claimer {
    pub(super) fn new(
        queue: Queue,
        paused_for: PausedFor,
        jobs: mpsc::Sender<Result<Job, DbError>>,
    ) -> Self {
        Self {
            queue,
            paused_for,
            jobs,
            after: String::new(),
            rounds_begun: 0,
            under_way: 0,
            wanted: true,
            ready: false,
            silent: Vec::new(),
            next_look: Instant::now(),
            last_look: Instant::now(),
        }
    }

    /// Claims until `stop`; ends with the database's error if it refuses. A
    /// claim that was sent is never cancelled: it is made all the same.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut rounds = JoinSet::new();
        let mut refused = None;
        while refused.is_none() && !stop.is_cancelled() {
            let may_begin = self.wanted && rounds.len() < ROUNDS;
            let slots = self.queue.slots.clone();
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                Some(ended) = rounds.join_next() => {
                    refused = self.take_in(ended, &stop).await.err();
                }
                () = self.queue.bell.notified() => self.wanted = true,
                () = slots.freed(), if self.ready => self.wanted = true,
                () = tokio::time::sleep_until(self.next_look) => self.look().await,
                free = slots.acquire(BATCH), if may_begin => self.begin(free, &mut rounds),
            }
        }
        while let Some(ended) = rounds.join_next().await {
            refused = self.take_in(ended, &stop).await.err().or(refused);
        }
        if let Some(error) = refused {
            // A closed channel means that the worker is ending anyway.
            let _ = self.jobs.send(Err(error)).await;
        }
    }

    /// Begins a round for these slots, unless no attempt could do its work.
    fn begin(&mut self, permits: Vec<OwnedSemaphorePermit>, rounds: &mut JoinSet<Over>) {
        self.wanted = false;
        if let Some(pause) = (self.paused_for)() {
            let poll = self.queue.settings.poll_interval;
            self.next_look = Instant::now() + pause.min(poll);
            return;
        }
        self.rounds_begun = self.rounds_begun.wrapping_add(1);
        let count = u32::try_from(permits.len()).unwrap_or(u32::MAX);
        let round = Round {
            count,
            // Half for one tenant: two that are busy share, and one that is
            // alone takes the other half a moment later.
            per_tenant: count.div_ceil(2),
            after: self.after.clone(),
            oldest_first: self.rounds_begun.is_multiple_of(2),
            lot: i64::from(self.rounds_begun),
            room: self.queue.slots.room(self.under_way),
            orphaned_after: self.queue.settings.orphaned_after,
        };
        self.under_way += count;
        let queue = self.queue.clone();
        rounds.spawn(async move {
            let asked = Instant::now();
            let claimed = queue.db.claim(&queue.lease, &round).await;
            Over {
                claimed,
                permits,
                count,
                asked,
            }
        });
    }

    /// Hands over what a round brought; an error ends the worker.
    async fn take_in(
        &mut self,
        ended: Result<Over, JoinError>,
        stop: &CancellationToken,
    ) -> Result<(), DbError> {
        // A round that panicked takes the worker with it.
        let over = ended.unwrap_or_else(|panicked| resume_unwind(panicked.into_panic()));
        self.under_way -= over.count;
        // What falls due meanwhile does not wait until all else is done.
        self.next_look = self.next_look.min(self.last_look + BUSY_LOOK);
        let attempts = match over.claimed {
            Ok(attempts) => attempts,
            Err(error @ DbError::Contended(_)) => {
                tracing::warn!(error = %Chain(&error), "nothing could be claimed; the next try is soon");
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let Some(last) = attempts.last() else {
            return Ok(());
        };
        failpoint::reach(Step::Leased).await;
        last.attachment.tenant.as_str().clone_into(&mut self.after);
        if attempts.len() == over.permits.len() {
            self.wanted = true;
        } else {
            self.next_look = Instant::now();
        }
        let slots = self.queue.slots.clone();
        for (attempt, permit) in attempts.into_iter().zip(over.permits) {
            let job = Job {
                slot: slots.hold(&attempt, permit),
                attempt,
                claimed: over.asked,
            };
            // A worker that stops takes no job any more, and may be long in
            // ending those it has.
            match stop.run_until_cancelled(self.jobs.reserve()).await {
                Some(Ok(place)) => place.send(Ok(job)),
                Some(Err(_)) | None => give_back(&self.queue, job).await,
            }
        }
        Ok(())
    }

    /// Makes ready what has its time, and looks for what others brought.
    async fn look(&mut self) {
        self.last_look = Instant::now();
        let poll = self.queue.settings.poll_interval;
        let due = self.queue.db.make_ready(&self.queue.lease, LOOK).await;
        let pause = match due {
            Ok(due) => {
                self.ready = due.ready;
                self.wanted |= due.ready | self.free_leases(due.silent).await;
                // The database's clock told the time; a little more makes sure
                // that it has come.
                due.next_in
                    .map_or(poll, |next| (next + Duration::from_millis(2)).min(poll))
            }
            // The claims will tell.
            Err(error) => {
                tracing::debug!(error = %Chain(&error), "what is due could not be looked for");
                self.wanted = true;
                poll
            }
        };
        self.next_look = Instant::now() + pause;
    }
}

impl Claimer {
    /// Frees what workers had leased that are gone; says whether there was any.
    async fn free_leases(&mut self, silent: Vec<String>) -> bool {
        let now = Instant::now();
        let known = mem::take(&mut self.silent);
        let since = |worker: &String| {
            let known = known.iter().find(|(name, _)| name == worker);
            known.map_or(now, |(_, since)| *since)
        };
        self.silent = silent
            .into_iter()
            .map(|worker| {
                let since = since(&worker);
                (worker, since)
            })
            .collect();
        let mut freed_any = false;
        let gone = |(_, since): &&(String, Instant)| now - *since >= SILENCE;
        for (worker, _) in self.silent.iter().filter(gone) {
            match self.queue.db.free_leases_of(worker).await {
                Ok(freed) => {
                    tracing::info!(
                        worker.gone = worker,
                        freed,
                        "a worker is gone; what it had leased is free"
                    );
                    freed_any |= freed > 0;
                }
                // Its leases end by themselves.
                Err(error) => {
                    tracing::warn!(worker.gone = worker, error = %Chain(&error), "what a worker that is gone had leased could not be freed");
                }
            }
        }
        freed_any
    }
}

/// Gives back what was claimed and not begun; the attempt is not counted.
pub(super) async fn give_back(queue: &Queue, job: Job) {
    let log = AttemptLog {
        detail: "given back before it was begun".to_owned(),
        ..AttemptLog::default()
    };
    let id = job.attempt.attachment.id;
    let settlement = job.attempt.give_back(queue.lease.work);
    let ended = Arc::new(Ended { settlement, log });
    if let Err(error) = queue.db.settle_retries(&[ended]).await {
        tracing::warn!(attachment.id = %id, error = %Chain(&error), "a claim could not be given back");
    }
}
