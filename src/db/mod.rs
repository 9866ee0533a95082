//! All SQL of the service, and the only place that knows its tables.
//!
//! Promises: the tenant is the first argument of every query about a tenant's
//! data; due times, leases and ages are told by the database's clock; a row
//! that spells no state is an error that names table and id, not a guess.
//! Rules stay out: what a status means is the core's business.

mod attachments;
mod audit;
mod backlog;
mod channels;
mod check;
mod claim;
mod deletion;
mod events;
mod facts_json;
mod group_commit;
mod journal;
mod kept_channels;
mod leases;
mod limits_json;
mod listing;
mod pool;
mod progress;
mod redrive;
mod registration;
mod removals;
mod rendition_json;
mod repeat;
mod requeue;
mod retention;
mod row;
mod settle;
mod source_json;
mod sql_error;
mod sweep;
mod tenants;
mod tombstones;
mod usage;
mod wake;

pub use attachments::Unreadable;
pub use audit::{Cause, ExpectedObject, Faulty, Owner, Stray, Survey, TableFault};
pub use backlog::Backlog;
pub use channels::ChannelRecord;
pub use check::CheckError;
pub use claim::{Due, Lease, Round};
pub use deletion::Deleted;
pub use events::EventPage;
pub use group_commit::{Answer, Gathering, GroupCommit, GroupError, Write};
pub use kept_channels::{KeptChannel, KeptChannels};
pub use progress::Progress;
pub use redrive::Redriven;
pub use removals::Removal;
pub use requeue::Late;
pub use retention::Kept;
pub use sql_error::SqlError;
pub use tenants::TenantRecord;
pub use tombstones::MissedByTombstone;
pub use wake::WakeUps;

use pool::Pool;
use repeat::wants_repeating;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection as _, PgConnection};
use std::fmt::Display;
use std::str::FromStr as _;
use std::time::Duration;
use time::OffsetDateTime;

/// The tables, as this version of the service has them.
static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// For a command that does one thing and ends; a pool has its own.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Added to `statement_timeout` for the round trip.
const OVERHEAD: Duration = Duration::from_secs(1);

/// How to reach the database.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `postgres://user:password@host/database`.
    pub url: SecretString,
    /// Connections at most.
    pub max_connections: u32,
    /// How long a caller waits for a connection.
    pub acquire_timeout: Duration,
    /// How long a caller waits for an answer, the connection included; a
    /// database that is silent for longer counts as unavailable.
    pub patience: Duration,
    /// The server ends a statement that takes longer.
    pub statement_timeout: Duration,
}

/// Every statement here looks rows up by an index, and a prepared one keeps its
/// plan. The queue is empty now and holds a million rows after an outage: a
/// plan made for the empty table would scan them all, for each row, until the
/// server next looks at the table's size.
pub const PLANS_BY_KEY: [(&str, &str); 3] = [
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
];

/// What the statements take for granted and the database, or the role, may
/// have otherwise as a default.
const RELIED_ON: [(&str, &str); 2] = [
    // A statement sees what others have committed by then and waits for locks.
    // A stricter level refuses it instead, whenever two meet.
    ("default_transaction_isolation", "read committed"),
    // Idle connections are kept, and are not tried before they are used.
    ("idle_session_timeout", "0"),
];

/// The database.
#[derive(Debug, Clone)]
pub struct Db {
    pool: Pool,
    /// How long an answer may take at most, for whoever is not in a hurry.
    longest: Duration,
}

impl Db {
    /// Prepares a pool; connects when it is first used.
    pub fn new(settings: &Settings) -> Result<Self, DbError> {
        let milliseconds = settings.statement_timeout.as_millis().to_string();
        let options = options(&settings.url)?
            .application_name("attachments")
            .options([
                ("statement_timeout", milliseconds.as_str()),
                ("lock_timeout", "2000"),
                ("idle_in_transaction_session_timeout", "10000"),
            ])
            .options(RELIED_ON)
            .options(PLANS_BY_KEY);
        let connections = PgPoolOptions::new()
            .max_connections(settings.max_connections)
            .acquire_timeout(settings.acquire_timeout)
            // A ping before each statement costs a tenth of the rate; a dead
            // connection shows in the statement itself, which callers repeat.
            .test_before_acquire(false)
            .connect_lazy_with(options);
        Ok(Self {
            pool: Pool::new(connections, settings.patience),
            longest: settings.acquire_timeout + settings.statement_timeout + OVERHEAD,
        })
    }

    /// The same database for whoever is not in a hurry, as all are but a
    /// registration and the read of a few records: an answer may take as long
    /// as the server lets a statement run.
    #[must_use]
    pub fn patient(&self) -> Self {
        Self {
            pool: self.pool.with_patience(self.longest),
            longest: self.longest,
        }
    }

    /// Applies the migrations. Safe from several replicas at once: sqlx takes
    /// an advisory lock around them, and whoever waits for it, or builds an
    /// index, does so without the time-outs of the service's statements.
    pub async fn migrate(&self) -> Result<(), MigrateError> {
        // A migration, and the wait for another replica's, may take longer
        // than a request may. The last of two options holds.
        let options = PgConnectOptions::clone(&self.pool.connections().connect_options())
            .options([("statement_timeout", "0"), ("lock_timeout", "0")]);
        let mut connection = connect(&options).await?;
        MIGRATIONS
            .run(&mut connection)
            .await
            .map_err(MigrateError::apply)?;
        let closed = connection.close().await;
        closed.map_err(|error| MigrateError::connect(error, &options))
    }

    /// Whether somebody answers there, and lets us in.
    pub async fn reach(&self) -> Result<(), MigrateError> {
        let options = self.pool.connections().connect_options();
        let closed = connect(&options).await?.close().await;
        closed.map_err(|error| MigrateError::connect(error, &options))
    }

    /// The database's time, for what is to touch nothing that comes after it.
    pub async fn now(&self) -> Result<OffsetDateTime, DbError> {
        Ok(sqlx::query_scalar("select now()")
            .fetch_one(&self.pool)
            .await?)
    }

    /// Closes the connections once their statements are done.
    pub async fn close(&self) {
        self.pool.connections().close().await;
    }
}

/// A connection of its own, not from the pool: that hides why it cannot connect.
async fn connect(options: &PgConnectOptions) -> Result<PgConnection, MigrateError> {
    tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(options))
        .await
        .map_err(|_| MigrateError::Silent {
            address: sql_error::address(options),
        })?
        .map_err(|error| MigrateError::connect(error, options))
}

/// The migrations could not be applied.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database cannot be reached.
    #[error("the database cannot be reached at {address}")]
    Connect {
        /// Host, port and database.
        address: String,
        /// Why.
        source: SqlError,
    },
    /// It does not answer.
    #[error("the database at {address} did not answer within {} s", CONNECT_TIMEOUT.as_secs())]
    Silent {
        /// Host, port and database.
        address: String,
    },
    /// A statement of theirs failed.
    #[error("the migrations could not be applied")]
    Statement(#[source] SqlError),
    /// They are not those that were applied before.
    #[error("the migrations could not be applied")]
    Apply(#[source] sqlx::migrate::MigrateError),
}

impl MigrateError {
    fn apply(error: sqlx::migrate::MigrateError) -> Self {
        use sqlx::migrate::MigrateError as Failed;
        match error {
            Failed::Execute(error) | Failed::ExecuteMigration(error, _) => {
                Self::Statement(SqlError(error))
            }
            other => Self::Apply(other),
        }
    }

    fn connect(error: sqlx::Error, options: &PgConnectOptions) -> Self {
        Self::Connect {
            address: sql_error::address(options),
            source: SqlError(error),
        }
    }
}

/// The database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The URL cannot be read.
    #[error("the database URL is not valid")]
    Settings(#[source] sqlx::Error),
    /// The database is unavailable or overloaded; the same call may work later.
    #[error("the database is not available")]
    Unavailable(#[source] SqlError),
    /// The statement gave way to others again and again; the same call may
    /// work later.
    #[error("the database is too busy with other transactions on the same rows")]
    Contended(#[source] SqlError),
    /// The server ended the statement because it took too long. So will the
    /// same one: whoever asked is told not to ask again at once.
    #[error("the database ended a statement that took too long")]
    TooSlow(#[source] SqlError),
    /// The database refused the statement.
    #[error("the database refused a statement")]
    Statement(#[source] SqlError),
    /// A row holds what no writer of ours writes.
    #[error("{table} {id}: {what}")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// The row, by its key.
        id: String,
        /// What is wrong with it.
        what: String,
    },
}

impl DbError {
    fn inconsistent(table: &'static str, id: impl Display, what: String) -> Self {
        Self::Inconsistent {
            table,
            id: id.to_string(),
            what,
        }
    }

    /// Whether the same call may work later.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        matches!(
            self,
            Self::Unavailable(_) | Self::Contended(_) | Self::TooSlow(_)
        )
    }

    /// Whether the same call would take as long again.
    #[must_use]
    pub const fn is_too_slow(&self) -> bool {
        matches!(self, Self::TooSlow(_))
    }
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        if wants_repeating(&error) {
            Self::Contended(SqlError(error))
        } else if is_ended(&error) {
            Self::TooSlow(SqlError(error))
        } else if is_transient(&error) {
            Self::Unavailable(SqlError(error))
        } else {
            Self::Statement(SqlError(error))
        }
    }
}

/// Whether the server ended the statement: it took longer than we let one take,
/// or somebody there saw to it. Of the class of a server that shuts down.
fn is_ended(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| code == "57014")
}

/// Whether the same statement may work on another connection or a moment later.
fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Protocol(_) => true,
        // Connection lost, too many connections or out of memory, being shut
        // down, a transaction rolled back, a time-out, a read-only standby; and,
        // in the middle of a failover or a rotation, no such database or login.
        sqlx::Error::Database(refusal) => refusal.code().is_some_and(|code| {
            ["08", "53", "57", "40", "55", "25006", "28", "3D"]
                .iter()
                .any(|class| code.starts_with(class))
        }),
        _ => false,
    }
}

/// Whether a database's URL can be read; what it leads to is not looked at.
pub fn check_url(url: &SecretString) -> Result<(), DbError> {
    options(url).map(drop)
}

fn options(url: &SecretString) -> Result<PgConnectOptions, DbError> {
    PgConnectOptions::from_str(url.expose_secret()).map_err(DbError::Settings)
}

/// A count or size for a `bigint` column.
fn to_bigint(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A count for a `smallint` column.
fn to_smallint(value: u16) -> i16 {
    i16::try_from(value).unwrap_or(i16::MAX)
}

/// Seconds for `make_interval(secs => ..)`.
fn to_seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
