//! Group commit: callers queue, flushers write what has gathered.
//!
//! There is no timer. A flusher that is free takes whatever waits, one row or
//! hundreds, so a lone caller waits for nothing and a crowd shares one commit.

use super::RegisterError;
use crate::attachment::{Registered, Registration};
use crate::db::{Db, DbError};
use crate::failpoint::{self, Step};
use crate::telemetry::Chain;
use futures::FutureExt as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// How registrations are gathered.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Statements that run at the same time.
    pub flushers: usize,
    /// Rows of one statement at most.
    pub batch: usize,
    /// Callers that may wait; further ones are refused.
    pub queue: usize,
    /// A failed batch is written again within this time.
    pub patience: Duration,
}

type Reply = oneshot::Sender<Result<Registered, RegisterError>>;

#[derive(Debug, Clone)]
pub(super) struct Recorder {
    shards: Arc<[mpsc::Sender<(Registration, Reply)>]>,
}

/// An answer on its way.
pub(super) struct Answer(oneshot::Receiver<Result<Registered, RegisterError>>);

impl Recorder {
    pub(super) fn new(db: &Db, settings: &Settings) -> Self {
        let shards = (0..settings.flushers.max(1))
            .map(|_| {
                let (sender, waiting) = mpsc::channel(settings.queue);
                tokio::spawn(flush(db.clone(), waiting, settings.clone()));
                sender
            })
            .collect();
        Self { shards }
    }

    /// Queues a registration.
    pub(super) fn record(&self, registration: Registration) -> Result<Answer, RegisterError> {
        let (reply, answer) = oneshot::channel();
        self.shard_of(&registration)
            .try_send((registration, reply))
            .map_err(|_| RegisterError::Overloaded)?;
        Ok(Answer(answer))
    }

    /// Files of one message go one way, so that the cap on their number is
    /// counted by one statement after the other.
    fn shard_of(&self, registration: &Registration) -> &mpsc::Sender<(Registration, Reply)> {
        let mut hasher = DefaultHasher::new();
        registration.tenant.hash(&mut hasher);
        registration.new.message_id.hash(&mut hasher);
        let shards = self.shards.len() as u64;
        &self.shards[usize::try_from(hasher.finish() % shards).unwrap_or_default()]
    }
}

impl Answer {
    pub(super) async fn wait(self) -> Result<Registered, RegisterError> {
        // The flusher panicked or the process is ending; either way a repeat is safe.
        self.0.await.unwrap_or(Err(RegisterError::Overloaded))
    }
}

async fn flush(db: Db, mut waiting: mpsc::Receiver<(Registration, Reply)>, settings: Settings) {
    let mut gathered = Vec::with_capacity(settings.batch);
    while waiting.recv_many(&mut gathered, settings.batch).await > 0 {
        let batch = flush_batch(&db, gathered.drain(..).unzip(), settings.patience);
        // Its callers are told to repeat; were this flusher gone, every caller
        // of its shard would be, for ever.
        if AssertUnwindSafe(batch).catch_unwind().await.is_err() {
            tracing::error!("a batch of registrations panicked");
        }
    }
}

async fn flush_batch(
    db: &Db,
    (registrations, replies): (Vec<Registration>, Vec<Reply>),
    patience: Duration,
) {
    match write(db, &registrations, patience).await {
        Ok(answers) => {
            failpoint::reach(Step::Registered).await;
            for (answer, reply) in answers.into_iter().zip(replies) {
                // A caller that hung up will ask again and find its record.
                let _ = reply.send(Ok(answer));
            }
        }
        Err(error) if registrations.len() > 1 && !error.is_unavailable() => {
            // One bad row must not cost the others.
            for (registration, reply) in registrations.into_iter().zip(replies) {
                let _ = reply.send(record_one(db, registration, patience).await);
            }
        }
        Err(error) => {
            tracing::error!(error = %Chain(&error), rows = registrations.len(), "registrations failed");
            let error = RegisterError::Database(Arc::new(error));
            for reply in replies {
                let _ = reply.send(Err(error.clone()));
            }
        }
    }
}

/// Writes a batch, again where the database may take it a moment later: a
/// connection that died in the pool, a deadlock, a fail-over. Repeating is
/// safe, and a database that is slow to say no is not asked again.
async fn write(
    db: &Db,
    registrations: &[Registration],
    patience: Duration,
) -> Result<Vec<Registered>, DbError> {
    let began = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        match db.register(registrations).await {
            Err(error) if error.is_unavailable() && began.elapsed() + pause < patience => {
                tracing::warn!(error = %Chain(&error), "a batch of registrations is written again");
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            written => return written,
        }
    }
}

async fn record_one(
    db: &Db,
    registration: Registration,
    patience: Duration,
) -> Result<Registered, RegisterError> {
    match write(db, std::slice::from_ref(&registration), patience).await {
        Ok(mut answers) => answers.pop().ok_or(RegisterError::Overloaded),
        Err(error) => {
            tracing::error!(error = %Chain(&error), tenant.id = %registration.tenant, "a registration failed");
            Err(RegisterError::Database(Arc::new(error)))
        }
    }
}
