//! News of work between replicas: a notification is a hint, never a promise.

use super::{Db, DbError};
use sqlx::postgres::PgListener;

/// The channel that news goes by.
const CHANNEL: &str = "attachments_work";

/// Hears news of work. One that lost its connection may have missed some.
#[derive(Debug)]
pub struct WorkNews(PgListener);

impl Db {
    /// Tells every replica that there is work; `from` is who says so.
    pub async fn tell_of_work(&self, from: &str) -> Result<(), DbError> {
        sqlx::query("select pg_notify($1, $2)")
            .bind(CHANNEL)
            .bind(from)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Begins to listen, on a connection of its own.
    pub async fn work_news(&self) -> Result<WorkNews, DbError> {
        let mut listener = PgListener::connect_with(self.pool.connections()).await?;
        listener.listen(CHANNEL).await?;
        Ok(WorkNews(listener))
    }
}

impl WorkNews {
    /// Waits for news and gives who sent it; ends with the connection.
    pub async fn next(&mut self) -> Result<String, DbError> {
        let news = self.0.recv().await?;
        Ok(news.payload().to_owned())
    }
}
