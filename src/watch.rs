//! Following status changes, from a place in the outbox on.
//!
//! Promises: in order, nothing missed and nothing doubled, across reconnects
//! and replicas, for as long as the outbox remembers. One exception is meant:
//! what became of a file before it was deleted is not told any more after it,
//! so a deletion is the last that anybody hears of it.

use crate::attachment::Attachment;
use crate::attachment::change::{Cursor, StatusChange};
use crate::attachment::listing::ListFilter;
use crate::attachment::processing::Processing;
use crate::attachment::status::AttachmentStatus;
use crate::attachment::status_name::StatusName;
use crate::db::{Db, DbError};
use crate::ids::TenantId;
use futures::stream::{self, Stream, StreamExt as _};
use std::collections::VecDeque;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often an idle watcher looks.
const INTERVAL: Duration = Duration::from_millis(200);
/// Changes that are looked at at once.
const PAGE: u16 = 500;

/// How long changes can be asked for.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Changes older than this are forgotten.
    pub remembered: Duration,
}

/// Follows status changes.
#[derive(Debug, Clone)]
pub struct Watch {
    db: Db,
    settings: Settings,
    /// Fires when the process is to stop: watchers must ask another one.
    stop: CancellationToken,
}

/// What a watcher is told.
#[derive(Debug, Clone)]
pub enum Told {
    /// A change.
    Change(Change),
    /// Nothing changed up to here.
    Checkpoint(Cursor),
}

/// A change with the record as it was after it.
#[derive(Debug, Clone)]
pub struct Change {
    /// The record.
    pub attachment: Attachment,
    /// Where to go on.
    pub cursor: Cursor,
    /// When it changed.
    pub at: OffsetDateTime,
}

/// The stream cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The cursor is from before the oldest change that is remembered, or of
    /// another life of the database: it lies ahead of everything.
    #[error("the cursor leads to what is not remembered")]
    CursorExpired,
    /// The process stops; another replica goes on from the last cursor.
    #[error("the process stops")]
    Stopping,
    /// The database failed.
    #[error("the changes could not be read")]
    Database(#[from] DbError),
}

impl Watch {
    /// Prepares to follow.
    #[must_use]
    pub fn new(db: Db, settings: Settings, stop: CancellationToken) -> Self {
        Self { db, settings, stop }
    }

    /// Follows the tenant's changes after `cursor`, or from now on without
    /// one; gives where it begins, too. With `checkpoints` the place reached is
    /// told at once, and again whenever nothing else was told for so long.
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
        let head = self.db.event_head().await?;
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
        let follower = Follower {
            db: self.db.clone(),
            stop: self.stop.clone(),
            tenant,
            filter,
            cursor,
            ready: VecDeque::new(),
            checkpoints,
            next_checkpoint: Instant::now(),
        };
        let changes = stream::unfold(Some(follower), |follower| async {
            let mut follower = follower?;
            match follower.next().await {
                Ok(told) => Some((Ok(told), Some(follower))),
                Err(error) => Some((Err(error), None)),
            }
        });
        Ok((cursor, changes.boxed()))
    }
}

struct Follower {
    db: Db,
    stop: CancellationToken,
    tenant: TenantId,
    filter: ListFilter,
    cursor: Cursor,
    ready: VecDeque<Change>,
    checkpoints: Option<Duration>,
    next_checkpoint: Instant,
}

impl Follower {
    async fn next(&mut self) -> Result<Told, WatchError> {
        let told = loop {
            if let Some(change) = self.ready.pop_front() {
                break Told::Change(change);
            }
            if let Some(cursor) = self.checkpoint().await? {
                break Told::Checkpoint(cursor);
            }
            if self.read().await? {
                continue;
            }
            tokio::select! {
                () = self.stop.cancelled() => return Err(WatchError::Stopping),
                () = tokio::time::sleep(INTERVAL) => {}
            }
        };
        if let Some(interval) = self.checkpoints {
            self.next_checkpoint = Instant::now() + interval;
        }
        Ok(told)
    }

    /// The place reached, when it is time to tell. It moves on with the outbox
    /// although nothing in it was asked for, so that it never grows too old.
    async fn checkpoint(&mut self) -> Result<Option<Cursor>, WatchError> {
        if self.checkpoints.is_none() || Instant::now() < self.next_checkpoint {
            return Ok(None);
        }
        // Whatever stands before this place is seen by the reads that follow.
        let head = self.db.event_head().await?;
        while self.read().await? {
            if !self.ready.is_empty() {
                return Ok(None);
            }
        }
        // Also where it is the same place: it was reached at a later time.
        if !self.cursor.is_beyond(head) {
            self.cursor = head;
        }
        Ok(Some(self.cursor))
    }

    /// Reads the next page; false when there is none yet.
    async fn read(&mut self) -> Result<bool, WatchError> {
        let page = self
            .db
            .events_after(&self.tenant, &self.filter, self.cursor, PAGE)
            .await?;
        let Some(seen) = page.seen else {
            return Ok(false);
        };
        self.cursor = seen;
        let mut ids: Vec<_> = page.changes.iter().map(|change| change.id).collect();
        ids.sort_unstable();
        ids.dedup();
        // After the page, so that a deletion in it shows in its record.
        let records = self.db.attachments(&self.tenant, &ids).await?;
        self.ready
            .extend(page.changes.into_iter().filter_map(|change| {
                let record = records.get(&change.id)?.clone().ok()?;
                Some(Change {
                    cursor: change.cursor,
                    at: change.at,
                    attachment: as_it_was(record, &change)?,
                })
            }));
        Ok(true)
    }
}

/// The record as it was after the change; `None` for what is no longer told.
/// A deletion of many may stand in the outbox before what others made of a
/// file while it was under way; the deletion came after all the same.
fn as_it_was(mut record: Attachment, change: &StatusChange) -> Option<Attachment> {
    let is_deleted = matches!(record.status, AttachmentStatus::Deleted { .. });
    if is_deleted && change.status != StatusName::Deleted {
        return None;
    }
    record.status = match change.status {
        StatusName::Pending => AttachmentStatus::Pending {
            next_attempt_at: change.next_attempt_at.unwrap_or(change.at),
        },
        StatusName::Downloading => AttachmentStatus::Downloading,
        // What has been put back since has no object to tell of.
        StatusName::Stored => match record.status {
            stored @ AttachmentStatus::Stored { .. } => stored,
            _ => return None,
        },
        StatusName::Failed => AttachmentStatus::Failed {
            reason: change.reason?,
            next_attempt_at: change.next_attempt_at,
        },
        StatusName::Rejected | StatusName::Unsupported | StatusName::Deleted => {
            AttachmentStatus::ended(change.reason?)
        }
    };
    // Only a stored attachment has other forms and content.
    if !matches!(record.status, AttachmentStatus::Stored { .. }) {
        record.renditions.clear();
        record.processing = Processing::None;
    }
    record.attempt_count = change.attempts;
    record.updated_at = change.at;
    Some(record)
}
