//! The pool, with patience: a statement that is not answered in time fails,
//! and the connection it went by is thrown away.
//!
//! A network that swallows packets gives no error for a quarter of an hour,
//! and sqlx waits that long, or pings the same dead connection before it
//! frees its place. Here a caller waits no longer than it was told to, and a
//! connection whose answer nobody waited for never goes back to the pool. Nor
//! does one to a server that only reads: it was the primary once.

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _, TryFutureExt as _, TryStreamExt as _};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{Describe, Either, Error, Execute, Executor, PgConnection, PgPool, Postgres, SqlStr};
use std::io;
use std::time::Duration;

/// Connections, and how long an answer is waited for. Answers are gathered
/// whole: what is too long for that goes by [`Pool::connections`].
#[derive(Debug, Clone)]
pub(super) struct Pool {
    connections: PgPool,
    patience: Duration,
}

impl Pool {
    /// Waits `patience` for each answer, a free connection included.
    pub(super) fn new(connections: PgPool, patience: Duration) -> Self {
        Self {
            connections,
            patience,
        }
    }

    /// The same connections, waited for otherwise.
    pub(super) fn with_patience(&self, patience: Duration) -> Self {
        Self::new(self.connections.clone(), patience)
    }

    /// The connections themselves, for answers that are streamed.
    pub(super) fn connections(&self) -> &PgPool {
        &self.connections
    }

    /// A connection for one question.
    async fn lend(&self) -> Result<Lent, Error> {
        Ok(Lent(Some(self.connections.acquire().await?)))
    }

    /// Waits for an answer; one that is too late is an I/O error.
    async fn wait<T>(&self, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let waited = tokio::time::timeout(self.patience, answer).await;
        waited.unwrap_or_else(|_| Err(Error::Io(io::ErrorKind::TimedOut.into())))
    }
}

/// A connection that goes back once it has answered; dropped before that, it
/// is closed.
struct Lent(Option<PoolConnection<Postgres>>);

impl Lent {
    fn connection(&mut self) -> Result<&mut PgConnection, Error> {
        let lent = self.0.as_mut().ok_or(Error::PoolClosed)?;
        Ok(&mut **lent)
    }

    fn answered<T>(mut self, answer: Result<T, Error>) -> Result<T, Error> {
        if !answer.as_ref().is_err_and(is_from_a_standby) {
            drop(self.0.take());
        }
        answer
    }
}

/// After a fail-over the address leads elsewhere, and connections that are
/// still open to a standby would refuse every write for as long as they live.
fn is_from_a_standby(error: &Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|refusal| refusal.code().as_deref() == Some("25006"))
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(unanswered) = self.0.take() {
            drop(unanswered.detach());
        }
    }
}

impl<'p> Executor<'p> for &'p Pool {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        self.wait(async move {
            let mut lent = self.lend().await?;
            let steps: Result<Vec<_>, _> = lent.connection()?.fetch_many(query).try_collect().await;
            lent.answered(steps)
        })
        .map_ok(|steps| stream::iter(steps.into_iter().map(Ok)))
        .try_flatten_stream()
        .boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        self.wait(async move {
            let mut lent = self.lend().await?;
            let row = lent.connection()?.fetch_optional(query).await;
            lent.answered(row)
        })
        .boxed()
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'p: 'e,
    {
        self.wait(async move {
            let mut lent = self.lend().await?;
            let statement = lent.connection()?.prepare_with(sql, parameters).await;
            lent.answered(statement)
        })
        .boxed()
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
    where
        'p: 'e,
    {
        self.wait(async move {
            let mut lent = self.lend().await?;
            let description = lent.connection()?.describe(sql).await;
            lent.answered(description)
        })
        .boxed()
    }
}
