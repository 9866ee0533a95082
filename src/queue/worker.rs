//! Keeps a worker running: restarts it with a backoff when the database takes
//! it down, drains it when the process is to stop.

use super::backend::WorkBackend;
use super::{Job, PausedFor, Queue};
use crate::telemetry::Chain;
use apalis::prelude::{ParallelizeExt as _, WorkerBuilder, WorkerError};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long attempts that were told to give back may take to write it down.
const GIVING_BACK: Duration = Duration::from_secs(4);

impl Queue {
    /// Works the queue until `stop`, then lets running attempts end within
    /// the grace and gives back those that do not. While `paused_for` gives a time,
    /// nothing is claimed.
    pub async fn work<H, F>(&self, handler: H, paused_for: PausedFor, stop: CancellationToken)
    where
        H: Fn(Job) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        tokio::join!(
            self.hear_replicas(&stop),
            self.supervise(handler, paused_for, &stop),
            self.end_grace(&stop)
        );
    }

    async fn supervise<H, F>(&self, handler: H, paused_for: PausedFor, stop: &CancellationToken)
    where
        H: Fn(Job) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let mut incarnation: u64 = 0;
        let mut pause = FIRST_PAUSE;
        while !stop.is_cancelled() {
            incarnation += 1;
            let began = Instant::now();
            let ended = self
                .incarnation(incarnation, handler.clone(), paused_for.clone(), stop)
                .await;
            let Err(error) = ended else {
                return;
            };
            if began.elapsed() > Duration::from_mins(1) {
                pause = FIRST_PAUSE;
            }
            tracing::warn!(worker.incarnation = incarnation, error = %Chain(&error), "the worker ended; restarting");
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// One life of the worker; boxed, for its type is too deep to be inferred
    /// across a spawn.
    fn incarnation<H, F>(
        &self,
        incarnation: u64,
        handler: H,
        paused_for: PausedFor,
        stop: &CancellationToken,
    ) -> BoxFuture<'static, Result<(), WorkerError>>
    where
        H: Fn(Job) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        // A name that no worker had before: not even this process's last one.
        let name = format!("{}-{incarnation}", self.lease.worker);
        let stopped = stop.clone().cancelled_owned().map(Ok::<(), std::io::Error>);
        WorkerBuilder::new(name.as_str())
            .backend(WorkBackend::new(
                self.clone(),
                paused_for,
                stop.child_token(),
            ))
            .parallelize(tokio::spawn)
            .build(handler)
            .run_until(stopped)
            .boxed()
    }

    /// Once the process is to stop, running attempts have the grace to end in;
    /// what still runs then is told to give back, and is waited for: handlers
    /// of an incarnation that the database took down have nobody else.
    async fn end_grace(&self, stop: &CancellationToken) {
        stop.cancelled().await;
        let all_free = || self.slots.all_free();
        if tokio::time::timeout(self.settings.grace, all_free())
            .await
            .is_err()
        {
            self.abandon.cancel();
            let _ = tokio::time::timeout(GIVING_BACK, all_free()).await;
        }
    }
}
