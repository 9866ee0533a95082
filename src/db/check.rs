//! Whether the database does what the service needs of it, and why not.

use super::sql_error::{self, SqlError};
use super::{Db, DbError, MIGRATIONS};
use sqlx::{Connection as _, Error, PgConnection};
use std::io;
use std::time::Duration;

/// How long a connection of its own may take that only finds out why there is none.
const DIAGNOSIS: Duration = Duration::from_secs(2);

/// On a standby, and where all are told to write nothing, it says so.
const READS_ONLY: &str = "select current_setting('transaction_read_only') = 'on'";

/// Migrations of ours that nobody has applied. Those of a later version do no harm.
const NOT_APPLIED: &str = "
    select version from unnest($1::bigint[]) as version
    where version not in (select version from _sqlx_migrations where success)
    order by version";

/// What the service writes, on each path that has no other way to tell.
const RIGHTS_LACKING: &str = "
    select privilege || ' on ' || name
    from (values ('attachments', 'insert'), ('attachments', 'update'), ('work', 'insert'),
        ('work', 'update'), ('work', 'delete'), ('attempts', 'insert'), ('events', 'insert'),
        ('removals', 'insert'), ('usage_deltas', 'insert'), ('leases', 'insert'),
        ('forgotten', 'select')) as needed (name, privilege)
    where not has_table_privilege(name, privilege)
    union all
    select 'execute on ' || name
    from unnest(array['make_partitions()', 'drop_events(timestamptz)',
        'drop_attempts(timestamptz)']) as name
    where not has_function_privilege(name, 'execute')";

impl Db {
    /// Host, port and database, without user and password.
    #[must_use]
    pub fn address(&self) -> String {
        sql_error::address(&self.pool.connections().connect_options())
    }

    /// Whether the database answers, takes writes, and keeps prepared
    /// statements where they were made, which some poolers do not.
    pub async fn check(&self) -> Result<(), CheckError> {
        // Two at once are two connections; a pooler that shares one between
        // them, or gives each another the second time, is found out.
        for _ in 0..2 {
            let (one, other) = tokio::join!(self.reads_only(), self.reads_only());
            if one? || other? {
                return Err(CheckError::ReadsOnly);
            }
        }
        Ok(())
    }

    /// Whether the tables are there as this version knows them, and may be written.
    pub async fn check_tables(&self) -> Result<(), CheckError> {
        let ours: Vec<i64> = MIGRATIONS.iter().map(|ours| ours.version).collect();
        let versions: Vec<i64> = sqlx::query_scalar(NOT_APPLIED)
            .bind(ours)
            .fetch_all(&self.pool)
            .await
            .map_err(DbError::from)?;
        if !versions.is_empty() {
            return Err(CheckError::NotMigrated { versions });
        }
        let rights: Vec<String> = sqlx::query_scalar(RIGHTS_LACKING)
            .fetch_all(&self.pool)
            .await
            .map_err(DbError::from)?;
        if !rights.is_empty() {
            return Err(CheckError::RightsLacking { rights });
        }
        Ok(())
    }

    async fn reads_only(&self) -> Result<bool, DbError> {
        let answer = sqlx::query_scalar(READS_ONLY).fetch_one(&self.pool).await;
        match answer.map_err(DbError::from) {
            // The pool goes on trying, and does not tell what it met.
            Err(silence) if is_silence(&silence) => Err(self.diagnose().await.unwrap_or(silence)),
            answer => answer,
        }
    }

    /// Why no connection can be made; none where one can.
    async fn diagnose(&self) -> Option<DbError> {
        let options = self.pool.connections().connect_options();
        let connect = PgConnection::connect_with(&options);
        match tokio::time::timeout(DIAGNOSIS, connect).await {
            Ok(Ok(connection)) => {
                // It was only asked whether it can be had.
                let _ = tokio::time::timeout(DIAGNOSIS, connection.close()).await;
                None
            }
            Ok(Err(error)) => Some(error.into()),
            Err(_) => None,
        }
    }
}

fn is_silence(error: &DbError) -> bool {
    match error {
        DbError::Unavailable(SqlError(Error::PoolTimedOut)) => true,
        DbError::Unavailable(SqlError(Error::Io(error))) => error.kind() == io::ErrorKind::TimedOut,
        _ => false,
    }
}

/// The database does not do what the service needs.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// It did not answer, or refused.
    #[error(transparent)]
    Database(#[from] DbError),
    /// It is a standby, or was told to write nothing.
    #[error(
        "this server only reads: database.url must lead to the primary, and \
         default_transaction_read_only must be off"
    )]
    ReadsOnly,
    /// Tables are older than the service.
    #[error("migrations {versions:?} are not applied: run `attachments migrate`")]
    NotMigrated {
        /// Those that are missing.
        versions: Vec<i64>,
    },
    /// The role may not write what the service writes.
    #[error("the role of database.url lacks {}", rights.join(", "))]
    RightsLacking {
        /// Such as `insert on work`.
        rights: Vec<String>,
    },
}

impl CheckError {
    /// Whether it says nothing of the tables: nobody could be asked.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Database(error) if error.is_unavailable())
    }
}
