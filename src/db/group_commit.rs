//! Group commit: callers queue, flushers write what has gathered.
//!
//! There is no timer. A flusher that is free takes whatever waits, one row or
//! hundreds, so a lone caller waits for nothing and a crowd shares one commit.

use super::DbError;
use crate::telemetry::Chain;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Writes rows by one statement and gives an answer for each, in their order.
pub type Write<T, A> =
    Arc<dyn for<'a> Fn(&'a [T]) -> BoxFuture<'a, Result<Vec<A>, DbError>> + Send + Sync>;

/// How rows are gathered into statements.
#[derive(Debug, Clone)]
pub struct Gathering {
    /// Statements that run at the same time.
    pub flushers: usize,
    /// Rows of one statement at most.
    pub batch: usize,
    /// Rows that may wait; further ones are refused.
    pub queue: usize,
}

/// Rows on their way into the database.
#[derive(Debug)]
pub struct GroupCommit<T, A> {
    shards: Arc<[Shard<T, A>]>,
}

/// Rows that wait for one flusher, with whom to answer.
type Shard<T, A> = mpsc::Sender<(T, Reply<A>)>;
type Reply<A> = oneshot::Sender<Result<A, GroupError>>;

/// An answer on its way.
#[derive(Debug)]
pub struct Answer<A>(oneshot::Receiver<Result<A, GroupError>>);

/// A row that was not written, or of which that is not known. Writing it again
/// must be safe.
#[derive(Debug, Clone, thiserror::Error)]
pub enum GroupError {
    /// More rows wait than may.
    #[error("too many rows are waiting to be written")]
    Full,
    /// The process is ending, or the statement panicked.
    #[error("the row was given up")]
    GivenUp,
    /// The database failed; the cause was logged where it happened.
    #[error("the row could not be written")]
    Database(#[source] Arc<DbError>),
}

impl<T, A> Clone for GroupCommit<T, A> {
    fn clone(&self) -> Self {
        Self {
            shards: self.shards.clone(),
        }
    }
}

impl<T: Send + Sync + 'static, A: Send + 'static> GroupCommit<T, A> {
    /// Spawns the flushers, so it wants a runtime. `what` is written, for the log.
    #[must_use]
    pub fn new(what: &'static str, gathering: &Gathering, write: &Write<T, A>) -> Self {
        let shards = (0..gathering.flushers.max(1))
            .map(|_| {
                let (sender, waiting) = mpsc::channel(gathering.queue);
                tokio::spawn(flush(what, waiting, gathering.batch, write.clone()));
                sender
            })
            .collect();
        Self { shards }
    }

    /// Queues a row. Rows of one key are written one after the other.
    pub fn queue(&self, key: impl Hash, row: T) -> Result<Answer<A>, GroupError> {
        let (reply, answer) = oneshot::channel();
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let shards = self.shards.len() as u64;
        let shard = usize::try_from(hasher.finish() % shards).unwrap_or_default();
        self.shards[shard]
            .try_send((row, reply))
            .map_err(|_| GroupError::Full)?;
        Ok(Answer(answer))
    }
}

impl<A> Answer<A> {
    /// Waits until the row is durable.
    pub async fn wait(self) -> Result<A, GroupError> {
        self.0.await.unwrap_or(Err(GroupError::GivenUp))
    }
}

async fn flush<T: Sync, A>(
    what: &'static str,
    mut waiting: mpsc::Receiver<(T, Reply<A>)>,
    batch: usize,
    write: Write<T, A>,
) {
    let mut gathered = Vec::with_capacity(batch);
    while waiting.recv_many(&mut gathered, batch).await > 0 {
        let (rows, replies): (Vec<T>, Vec<Reply<A>>) = gathered.drain(..).unzip();
        let written = write_all(what, &write, &rows, replies);
        // Its callers are told to repeat; were this flusher gone, every caller
        // of its shard would be, for ever.
        if AssertUnwindSafe(written).catch_unwind().await.is_err() {
            tracing::error!(rows = rows.len(), "writing {what} panicked");
        }
    }
}

async fn write_all<T, A>(
    what: &'static str,
    write: &Write<T, A>,
    rows: &[T],
    replies: Vec<Reply<A>>,
) {
    match write(rows).await {
        Ok(answers) => {
            for (answer, reply) in answers.into_iter().zip(replies) {
                // A caller that hung up will ask again and find its row.
                let _ = reply.send(Ok(answer));
            }
        }
        // One bad row must not cost the others.
        Err(error) if rows.len() > 1 && !error.is_unavailable() => {
            for (row, reply) in rows.iter().zip(replies) {
                let written = write(std::slice::from_ref(row)).await;
                let answer = written.map(|mut answers| answers.pop());
                let _ = reply.send(match answer {
                    Ok(answer) => answer.ok_or(GroupError::GivenUp),
                    Err(error) => Err(failed(what, 1, error)),
                });
            }
        }
        Err(error) => {
            let error = failed(what, rows.len(), error);
            for reply in replies {
                let _ = reply.send(Err(error.clone()));
            }
        }
    }
}

fn failed(what: &'static str, rows: usize, error: DbError) -> GroupError {
    tracing::error!(error = %Chain(&error), rows, "{what} could not be written");
    GroupError::Database(Arc::new(error))
}
