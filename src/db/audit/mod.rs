//! What the audit asks of the tables. It serves the operator, not a tenant.
//!
//! An audit reads everything, and the service's connections plan for one row:
//! a [`Survey`] has a connection of its own, planned for whole tables.

mod faults;
mod mending;
mod objects;

pub use faults::{Faulty, TableFault};
pub use mending::Cause;
pub use objects::{ExpectedObject, Owner, Stray};

use super::{CONNECT_TIMEOUT, Db, DbError};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};

/// Undoes `PLANS_BY_KEY`; memory for a hash of a million ids; and the session
/// may be idle while objects are read.
const PLANS_OVER_ALL: [(&str, &str); 7] = [
    ("enable_seqscan", "on"),
    ("enable_hashjoin", "on"),
    ("enable_mergejoin", "on"),
    ("work_mem", "256MB"),
    ("jit", "off"),
    ("lock_timeout", "60000"),
    ("idle_session_timeout", "0"),
];

/// A connection that looks at everything.
#[derive(Debug)]
pub struct Survey {
    connection: PgConnection,
}

impl Db {
    /// Connects for a look at everything.
    pub async fn survey(&self) -> Result<Survey, DbError> {
        // The last of two options holds.
        let options = PgConnectOptions::clone(&self.pool.connections().connect_options())
            .options(PLANS_OVER_ALL);
        let connect = PgConnection::connect_with(&options);
        let connection = tokio::time::timeout(CONNECT_TIMEOUT, connect)
            .await
            .map_err(|_| DbError::from(sqlx::Error::PoolTimedOut))??;
        Ok(Survey { connection })
    }
}

impl Survey {
    /// How many attachments there are, and how many objects they have.
    pub async fn size(&mut self) -> Result<(u64, u64), DbError> {
        let (all, stored): (i64, i64) = sqlx::query_as(
            "select (select count(*) from attachments), (select count(*) from objects)",
        )
        .fetch_one(&mut self.connection)
        .await?;
        Ok((all.unsigned_abs(), stored.unsigned_abs()))
    }

    /// Closes the connection.
    pub async fn close(self) -> Result<(), DbError> {
        Ok(self.connection.close().await?)
    }
}
