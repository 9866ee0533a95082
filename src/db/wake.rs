//! Wake-ups between replicas, and the sign of life of each: a session that
//! listens and holds a lock.
//!
//! A notification that there is work is a hint, never a promise. The lock is
//! free at once when the process is killed, for the system closes its
//! connections: what the worker had leased need not wait for the leases to end.
//! A host that is lost closes nothing; the server asks after it every few
//! seconds.

use super::{Db, DbError};
use sqlx::postgres::PgListener;
use std::io;

/// The channel that notifications go by.
const CHANNEL: &str = "attachments_work";

/// Whether a host is lost is known after five seconds and two more tries.
const KEEPALIVE: &str = "
select set_config('tcp_keepalives_idle', '5', false),
    set_config('tcp_keepalives_interval', '5', false),
    set_config('tcp_keepalives_count', '2', false)";

const LOCK: &str = "select pg_advisory_lock(hashtextextended($1, 0))";

/// After the lock: who is listed without it would count as gone.
const LIST: &str = "insert into workers (worker) values ($1) on conflict do nothing";

/// What a worker that is gone had leased, to be claimed now; the used up are the
/// sweeper's to end.
const FREE: &str = "
with gone as (
    delete from workers w
    where w.worker = $1 and pg_try_advisory_xact_lock_shared(hashtextextended(w.worker, 0))
    returning w.worker
)
update work w set due_at = now(), ready = w.attempt_count < w.max_attempts
from gone where w.leased_by = gone.worker";

/// Hears that there is work, and shows that its worker lives.
#[derive(Debug)]
pub struct WakeUps(PgListener);

impl Db {
    /// Tells every replica that there is work; `from` is who says so.
    pub async fn notify_of_work(&self, from: &str) -> Result<(), DbError> {
        sqlx::query("select pg_notify($1, $2)")
            .bind(CHANNEL)
            .bind(from)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Begins to listen, on a session of its own, which shows that `worker` lives
    /// for as long as it does.
    pub async fn wake_ups(&self, worker: &str) -> Result<WakeUps, DbError> {
        let mut listener = PgListener::connect_with(self.pool.connections()).await?;
        sqlx::query(KEEPALIVE).execute(&mut listener).await?;
        sqlx::query(LOCK)
            .bind(worker)
            .execute(&mut listener)
            .await?;
        sqlx::query(LIST)
            .bind(worker)
            .execute(&mut listener)
            .await?;
        listener.listen(CHANNEL).await?;
        Ok(WakeUps(listener))
    }

    /// Frees what this worker had leased, if it is gone; gives how much.
    pub async fn free_leases_of(&self, worker: &str) -> Result<u64, DbError> {
        let freed = sqlx::query(FREE).bind(worker).execute(&self.pool).await?;
        Ok(freed.rows_affected())
    }
}

impl WakeUps {
    /// Waits for the next wake-up and gives who sent it; ends with the
    /// connection, and with that the sign of life has ended too.
    pub async fn next(&mut self) -> Result<String, DbError> {
        match self.0.try_recv().await? {
            Some(notification) => Ok(notification.payload().to_owned()),
            None => Err(sqlx::Error::Io(io::ErrorKind::ConnectionAborted.into()).into()),
        }
    }
}
