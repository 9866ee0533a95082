//! The pool, with patience: a statement that is not answered in time fails,
//! and a connection that says nothing is thrown away. One that Postgres gave
//! up for the sake of another transaction is sent again.
//!
//! A network that swallows packets gives no error for a quarter of an hour,
//! and sqlx waits that long, or pings the same dead connection before it
//! frees its place. Here a caller waits no longer than it was told to, and
//! neither does the pool for a connection whose caller has gone. A connection to a
//! server that only reads is left: it was the primary once.

use super::repeat::{Pauses, Repeatable, wants_repeating};
use super::sql_error::address;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _, TryFutureExt as _, TryStreamExt as _};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{
    Connection as _, Describe, Either, Error, Execute, Executor, PgConnection, PgPool, Postgres,
    SqlStr,
};
use std::io;
use std::time::Duration;
use tokio::runtime::Handle;

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
        let acquired = self.connections.acquire().await;
        let connection = acquired.map_err(|error| match error {
            Error::PoolTimedOut => self.too_late("gave no connection"),
            other => other,
        })?;
        Ok(Lent {
            connection: Some(connection),
            patience: self.patience,
        })
    }

    /// Sends a statement, again and again while Postgres wants it repeated,
    /// each time on a connection that it holds no longer than that.
    async fn insist<T>(&self, statement: Repeatable, ask: Ask<T>) -> Result<T, Error> {
        let mut pauses = Pauses::default();
        loop {
            let mut lent = self.lend().await?;
            let answer = ask(lent.connection()?, &statement).await;
            let answer = lent.answered(answer);
            let again = answer.as_ref().is_err_and(wants_repeating);
            let Some(pause) = again.then(|| pauses.next()).flatten() else {
                return answer;
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Waits for an answer; one that is too late is an I/O error.
    async fn wait<T>(&self, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let waited = tokio::time::timeout(self.patience, answer).await;
        waited.unwrap_or_else(|_| Err(self.too_late("did not answer")))
    }

    fn too_late(&self, what: &str) -> Error {
        let address = address(&self.connections.connect_options());
        let told = format!("{address} {what} in time");
        Error::Io(io::Error::new(io::ErrorKind::TimedOut, told))
    }
}

/// Sends a statement on this connection.
type Ask<T> = for<'c> fn(&'c mut PgConnection, &'c Repeatable) -> BoxFuture<'c, Result<T, Error>>;

/// A connection that goes back once it has answered. Dropped before that, it
/// has as long again to show that it still can, and is closed if it does not.
struct Lent {
    connection: Option<PoolConnection<Postgres>>,
    patience: Duration,
}

impl Lent {
    fn connection(&mut self) -> Result<&mut PgConnection, Error> {
        self.connection.as_deref_mut().ok_or(Error::PoolClosed)
    }

    fn answered<T>(mut self, answer: Result<T, Error>) -> Result<T, Error> {
        if let Some(lent) = self.connection.take()
            && answer.as_ref().is_err_and(is_from_a_standby)
        {
            drop(lent.detach());
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
        let Some(mut unanswered) = self.connection.take() else {
            return;
        };
        let patience = self.patience;
        let Ok(runtime) = Handle::try_current() else {
            drop(unanswered.detach());
            return;
        };
        runtime.spawn(async move {
            // Callers that hang up are many; a new connection for each is dear.
            let pong = tokio::time::timeout(patience, unanswered.ping()).await;
            if !matches!(pong, Ok(Ok(()))) {
                drop(unanswered.detach());
            }
        });
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
        let statement = Repeatable::of(query);
        self.wait(async move {
            self.insist(statement?, |connection, statement| {
                connection.fetch_many(statement).try_collect().boxed()
            })
            .await
        })
        .map_ok(|steps: Vec<_>| stream::iter(steps.into_iter().map(Ok)))
        .try_flatten_stream()
        .boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let statement = Repeatable::of(query);
        self.wait(async move {
            self.insist(statement?, |connection, statement| {
                connection.fetch_optional(statement)
            })
            .await
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
