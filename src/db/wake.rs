//! Wake-ups between replicas: a notification that there is work is a hint,
//! never a promise.

use super::{Db, DbError};
use sqlx::postgres::PgListener;

/// The channel that notifications go by.
const CHANNEL: &str = "attachments_work";

/// Hears that there is work. A listener that lost its connection may have missed
/// some.
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

    /// Begins to listen, on a connection of its own.
    pub async fn wake_ups(&self) -> Result<WakeUps, DbError> {
        let mut listener = PgListener::connect_with(self.pool.connections()).await?;
        listener.listen(CHANNEL).await?;
        Ok(WakeUps(listener))
    }
}

impl WakeUps {
    /// Waits for the next wake-up and gives who sent it; ends with the connection.
    pub async fn next(&mut self) -> Result<String, DbError> {
        let notification = self.0.recv().await?;
        Ok(notification.payload().to_owned())
    }
}
