//! Following status changes, from a place in the outbox on.
//!
//! Promises: in order, nothing missed and nothing doubled, across reconnects
//! and replicas, for as long as the outbox remembers. One exception is meant:
//! what became of a file before it was deleted is not told any more after it,
//! so a deletion is the last that anybody hears of it.
//!
//! However many watch, one reader a process goes through the outbox. A stream
//! that is behind it, because it begins from an older cursor or its client does
//! not read, catches up by itself and joins in again. While the database is
//! unavailable the streams wait: nothing is told, no checkpoint either, and
//! they go on by themselves.

mod feed;
mod listener;
mod reader;
mod records;
mod stream;

use crate::attachment::Attachment;
use crate::attachment::change::{Cursor, StatusChange};
use crate::attachment::listing::ListFilter;
use crate::db::{Db, DbError};
use crate::ids::TenantId;
use feed::Feed;
use futures::Stream;
use reader::Reader;
use std::sync::Arc;
use std::time::Duration;
use stream::Follower;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Streams of a process that read the outbox by themselves at the same time:
/// the others of its connections are for those who do not catch up.
const CATCHING_UP: usize = 4;

/// How long changes can be asked for, and by how many at the same time.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Changes older than this are forgotten.
    pub remembered: Duration,
    /// Streams of this process.
    pub max_streams: usize,
    /// Streams of one tenant in this process.
    pub max_streams_per_tenant: usize,
}

/// Follows status changes.
#[derive(Debug, Clone)]
pub struct Watch {
    db: Db,
    settings: Settings,
    feed: Feed,
    catching_up: Arc<Semaphore>,
    /// Fires when the process is to stop: watchers must ask another one.
    stop: CancellationToken,
}

/// What a watcher is told.
#[derive(Debug, Clone)]
pub enum Told {
    /// A change.
    Change(Arc<Change>),
    /// Nothing changed up to here.
    Checkpoint(Cursor),
}

/// A change with the record as it was after it.
#[derive(Debug)]
pub struct Change {
    /// What changed when; its cursor is where to go on.
    pub what: StatusChange,
    /// The record.
    pub attachment: Attachment,
}

/// Whose places are all taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those of the tenant in this process.
    Tenant,
    /// Those of this process.
    Replica,
}

/// The stream cannot begin, or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// As many watch as may at the same time.
    #[error("{limit} streams are open already")]
    TooMany {
        /// As many.
        limit: usize,
        /// Of whom.
        scope: Scope,
    },
    /// The cursor is from before the oldest change that is remembered, or of
    /// another life of the database: it lies ahead of everything.
    #[error("the cursor leads to what is not remembered")]
    CursorExpired,
    /// The process stops; another replica goes on from the last cursor.
    #[error("the process stops")]
    Stopping,
    /// The database failed.
    #[error("the changes could not be read")]
    Database(#[source] Arc<DbError>),
}

impl From<DbError> for WatchError {
    fn from(error: DbError) -> Self {
        Self::Database(Arc::new(error))
    }
}

impl Watch {
    /// Prepares to follow. Nobody is told anything before [`Watch::read`] runs.
    #[must_use]
    pub fn new(db: Db, settings: Settings, stop: CancellationToken) -> Self {
        Self {
            db,
            feed: Feed::new(settings.max_streams, settings.max_streams_per_tenant),
            settings,
            catching_up: Arc::new(Semaphore::new(CATCHING_UP)),
            stop,
        }
    }

    /// Reads the outbox for all streams, until the process stops. Asks nothing
    /// of the database while nobody watches.
    pub async fn read(self) {
        let reader = Reader::new(self.db, self.feed);
        self.stop.run_until_cancelled(reader.run()).await;
    }

    /// Follows the tenant's changes after `cursor`, or from now on without
    /// one; gives where it begins, too. With `checkpoints` that place is told
    /// at once, and the place reached whenever nothing else was told for so
    /// long.
    pub async fn follow(
        &self,
        tenant: TenantId,
        filter: ListFilter,
        cursor: Option<Cursor>,
        checkpoints: Option<Duration>,
    ) -> Result<
        (
            Cursor,
            impl Stream<Item = Result<Told, WatchError>> + Send + use<>,
        ),
        WatchError,
    > {
        let listener = self.feed.enrol(tenant, filter)?;
        let head = listener.joined().await?;
        let cursor = match cursor {
            None => head,
            Some(cursor)
                if cursor.is_older_than(self.settings.remembered, head)
                    || cursor.is_ahead_of(head) =>
            {
                return Err(WatchError::CursorExpired);
            }
            Some(cursor) => cursor,
        };
        let follower = Follower::new(self.clone(), listener, cursor, checkpoints);
        Ok((cursor, follower.into_stream()))
    }
}
