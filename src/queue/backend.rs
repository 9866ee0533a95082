//! The queue as an apalis [`Backend`]: polling gives claimed work.
//!
//! Acknowledging is not apalis' business here: the handler settles under its
//! fence, and a worker's death is found by its lease.

use super::claimer::{self, Claimer};
use super::{Job, PausedFor, Queue};
use crate::db::DbError;
use apalis::prelude::{Backend, Task, TaskBuilder, WorkerContext};
use std::task::{Context, Poll};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::layer::util::Identity;

/// Claimed rows as apalis tasks.
pub(super) struct WorkBackend {
    queue: Queue,
    jobs: mpsc::Receiver<Result<Job, DbError>>,
    claimer: CancellationToken,
    running: JoinSet<()>,
}

impl WorkBackend {
    /// Begins to claim.
    pub(super) fn new(queue: Queue, paused_for: PausedFor, stop: CancellationToken) -> Self {
        let (sender, jobs) = mpsc::channel(1);
        let mut running = JoinSet::new();
        let claimer = Claimer::new(queue.clone(), paused_for, sender);
        running.spawn(claimer.run(stop.clone()));
        Self {
            queue,
            jobs,
            claimer: stop,
            running,
        }
    }
}

/// The claimer ended; the worker must be started again.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClaimError {
    #[error(transparent)]
    Database(#[from] DbError),
    #[error("the claimer panicked")]
    Panicked,
}

impl Backend for WorkBackend {
    type Task = Task<Job>;
    type Error = ClaimError;

    fn poll_ready(
        &mut self,
        _: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Result<(), ClaimError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        context: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Option<Result<Task<Job>, ClaimError>>> {
        let next = match std::task::ready!(self.jobs.poll_recv(context)) {
            Some(Ok(job)) => Some(Ok(TaskBuilder::new(job).build())),
            Some(Err(error)) => Some(Err(error.into())),
            None if self.claimer.is_cancelled() => None,
            // apalis would wait for ever at the end of a stream.
            None => Some(Err(ClaimError::Panicked)),
        };
        Poll::Ready(next)
    }

    /// Stops claiming and gives back what nobody has begun.
    fn poll_close(
        &mut self,
        context: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Result<(), ClaimError>> {
        self.claimer.cancel();
        self.jobs.close();
        while let Poll::Ready(Some(left)) = self.jobs.poll_recv(context) {
            if let Ok(job) = left {
                let queue = self.queue.clone();
                self.running
                    .spawn(async move { claimer::give_back(&queue, job).await });
            }
        }
        while let Some(_ended) = std::task::ready!(self.running.poll_join_next(context)) {}
        Poll::Ready(Ok(()))
    }
}

impl apalis_core::backend::BackendConfig for WorkBackend {
    type Args = Job;
    type Id = uuid::Uuid;
    type Kind = apalis_core::backend::finalize::Ephemeral;
    type Config = ();
    type Layer = Identity;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Identity {
        Identity::new()
    }
}
