//! Tables that end: what is counted, what is forgotten, and who does it.

mod partitions;
mod records;
mod turn;
mod usage;

use crate::support::TestApp;

/// What a statement gives, of one column.
async fn ask<T>(app: &TestApp, statement: &'static str) -> T
where
    T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    sqlx::query_scalar(statement)
        .fetch_one(&app.pool)
        .await
        .unwrap()
}

/// Changes something by hand; gives how many rows.
async fn run(app: &TestApp, statement: &'static str) -> u64 {
    let result = sqlx::query(statement).execute(&app.pool).await.unwrap();
    result.rows_affected()
}
