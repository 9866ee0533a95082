//! Claims due rows for the slots that are free, no sooner and no more.

use super::{Job, PausedFor, Queue};
use crate::attachment::journal::AttemptLog;
use crate::db::{DbError, Turn};
use crate::failpoint::{self, Step};
use crate::telemetry::Chain;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Rows claimed by one statement at most.
const BATCH: usize = 32;
/// Polls after which it is asked again when a row falls due, though none was
/// near: what comes meanwhile rings, or is found by the poll.
const POLLS_UNASKED: u32 = 8;

/// Feeds `jobs` until `stop`; ends with the database's error if it refuses.
pub(super) async fn run(
    queue: Queue,
    paused_for: PausedFor,
    slots: Arc<Semaphore>,
    jobs: mpsc::Sender<Result<Job, DbError>>,
    stop: CancellationToken,
) {
    let mut turn = Turn {
        count: 0,
        per_tenant: 0,
        tenant_cap: queue.settings.tenant_concurrency,
        after: String::new(),
        oldest_first: false,
    };
    let mut idle = Idle::default();
    loop {
        let Some(free) = free_slots(&slots, &stop).await else {
            return;
        };
        if let Some(pause) = paused_for() {
            drop(free);
            let pause = tokio::time::sleep(pause.min(queue.settings.poll_interval));
            if stop.run_until_cancelled(pause).await.is_none() {
                return;
            }
            continue;
        }
        turn.count = u32::try_from(free.len()).unwrap_or(u32::MAX);
        // Half for one tenant: two that are busy share, and one that is alone
        // takes the other half a moment later.
        turn.per_tenant = turn.count.div_ceil(2);
        turn.oldest_first = !turn.oldest_first;
        // This call is never cancelled: a claim that is cut short is made all the same.
        match queue.db.claim(&queue.lease, &turn).await {
            Ok(attempts) if attempts.is_empty() => {
                drop(free);
                if !idle.wait(&queue, &stop).await {
                    return;
                }
            }
            Ok(attempts) => {
                idle = Idle::default();
                failpoint::reach(Step::Leased).await;
                if let Some(last) = attempts.last() {
                    last.attachment.tenant.as_str().clone_into(&mut turn.after);
                }
                for (attempt, slot) in attempts.into_iter().zip(free) {
                    let job = Job { attempt, slot };
                    // A worker that stops takes no job any more, and may be
                    // long in ending those it has.
                    match stop.run_until_cancelled(jobs.reserve()).await {
                        Some(Ok(place)) => place.send(Ok(job)),
                        Some(Err(_)) | None => give_back(&queue, job).await,
                    }
                }
            }
            Err(error @ DbError::Contended(_)) => {
                drop(free);
                tracing::warn!(error = %Chain(&error), "nothing could be claimed; the next try is soon");
                if !idle.wait(&queue, &stop).await {
                    return;
                }
            }
            Err(error) => {
                // A closed channel means that the worker is ending anyway.
                let _ = jobs.send(Err(error)).await;
                return;
            }
        }
    }
}

/// Waits for a free slot and takes what others are free with it.
async fn free_slots(
    slots: &Arc<Semaphore>,
    stop: &CancellationToken,
) -> Option<Vec<OwnedSemaphorePermit>> {
    let first = tokio::select! {
        biased;
        () = stop.cancelled() => return None,
        slot = slots.clone().acquire_owned() => slot.ok()?,
    };
    let mut free = vec![first];
    while free.len() < BATCH
        && let Ok(slot) = slots.clone().try_acquire_owned()
    {
        free.push(slot);
    }
    Some(free)
}

/// What a claimer knows while there is nothing to claim.
#[derive(Default)]
struct Idle {
    /// Until then no row falls due that was there when it was asked.
    quiet_until: Option<Instant>,
}

impl Idle {
    /// Waits for a ring, for the next row to fall due, or for the poll that
    /// finds other replicas' work; false when it is time to stop.
    async fn wait(&mut self, queue: &Queue, stop: &CancellationToken) -> bool {
        let pause = self.pause(queue).await;
        tokio::select! {
            biased;
            () = stop.cancelled() => false,
            () = queue.bell.notified() => true,
            () = tokio::time::sleep(pause) => true,
        }
    }

    async fn pause(&mut self, queue: &Queue) -> Duration {
        let poll = queue.settings.poll_interval;
        let next_poll = Instant::now() + poll;
        if self.quiet_until.is_some_and(|quiet| next_poll <= quiet) {
            return poll;
        }
        let Ok(due) = queue.db.next_due_in(queue.lease.work).await else {
            return poll;
        };
        let longest = poll * POLLS_UNASKED;
        let due = due.map_or(longest, |due| due.min(longest));
        self.quiet_until = Some(Instant::now() + due);
        // The database's clock told the time; a little more makes sure it has come.
        (due + Duration::from_millis(2)).min(poll)
    }
}

/// Gives back what was claimed and not begun; the attempt is not counted.
pub(super) async fn give_back(queue: &Queue, job: Job) {
    let log = AttemptLog {
        detail: "given back before it was begun".to_owned(),
        ..AttemptLog::default()
    };
    let id = job.attempt.attachment.id;
    let given_back = job.attempt.give_back(queue.lease.work);
    if let Err(error) = queue.db.settle(&given_back, &log).await {
        tracing::warn!(attachment.id = %id, error = %Chain(&error), "a claim could not be given back");
    }
}
