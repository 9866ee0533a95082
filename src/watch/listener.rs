//! A stream's place at the feed: what is for it next, and whether it has to
//! catch up by itself before it hears of that.

use super::feed::{Feed, Next, State};
use super::{Change, WatchError};
use crate::attachment::change::Cursor;
use crate::attachment::listing::ListFilter;
use crate::db::DbError;
use crate::ids::TenantId;
use std::sync::Arc;
use tokio::sync::Notify;

/// How a stream stands to the reader.
#[derive(Debug, Clone)]
pub(super) enum Standing {
    /// It waits for a read that begins after it came.
    New,
    /// It is told of what it asks for.
    In {
        /// Of all changes after this place.
        since: Cursor,
        /// Where the outbox ended when it came.
        head: Cursor,
        /// From where on it has to look; `None` when there is nothing for it.
        next: Option<Next>,
    },
    /// The read that it waited for failed.
    Failed(Arc<DbError>),
    /// No cursor of before means anything.
    Expired,
}

/// What a stream is to do.
#[derive(Debug)]
pub(super) enum Found {
    /// Tell this.
    Change(Arc<Change>),
    /// Wait for the bell: all up to its cursor was told.
    Nothing {
        /// Whether that is still so: false while the reader cannot read.
        is_certain: bool,
    },
    /// Wait for the bell: it is not known yet what is for it.
    NotYet,
    /// Read by itself what comes after its cursor.
    Behind,
}

/// A place at the feed, free again when this is dropped.
#[derive(Debug)]
pub(super) struct Listener {
    feed: Feed,
    pub(super) tenant: TenantId,
    id: u64,
    pub(super) filter: Arc<ListFilter>,
    bell: Arc<Notify>,
}

impl Listener {
    pub(super) fn new(
        feed: Feed,
        tenant: TenantId,
        id: u64,
        filter: Arc<ListFilter>,
        bell: Arc<Notify>,
    ) -> Self {
        Self {
            feed,
            tenant,
            id,
            filter,
            bell,
        }
    }

    /// Waits until the reader knows of this stream; gives where the outbox
    /// ended after it came.
    pub(super) async fn joined(&self) -> Result<Cursor, WatchError> {
        loop {
            if let Some(head) = self.head()? {
                return Ok(head);
            }
            self.bell().await;
        }
    }

    fn head(&self) -> Result<Option<Cursor>, WatchError> {
        let mut state = self.feed.state();
        match state.standing(&self.tenant, self.id)? {
            Standing::New => Ok(None),
            Standing::In { head, .. } => Ok(Some(head)),
            Standing::Failed(error) => Err(WatchError::Database(error)),
            Standing::Expired => Err(WatchError::CursorExpired),
        }
    }

    /// What is next for a stream that was told everything up to `cursor`, which
    /// moves on with it, and over what is not for this stream.
    pub(super) fn next(&self, cursor: &mut Cursor) -> Result<Found, WatchError> {
        let mut state = self.feed.state();
        let (since, head, next) = match state.standing(&self.tenant, self.id)? {
            Standing::New => return Ok(Found::NotYet),
            Standing::In { since, head, next } => (since, head, next),
            Standing::Failed(error) => return Err(WatchError::Database(error)),
            Standing::Expired => return Err(WatchError::CursorExpired),
        };
        if since.is_beyond(*cursor) {
            return Ok(Found::Behind);
        }
        let Some(from) = next else {
            return Ok(nothing(&state, cursor));
        };
        cursor.move_to(from.after);
        let found = state.find(from.number, &self.tenant, &self.filter, *cursor);
        let Ok(found) = found else {
            state.stand(&self.tenant, self.id, Standing::New);
            self.feed.enrol_again(&mut state, &self.tenant, self.id);
            return Ok(Found::Behind);
        };
        let next = found.as_ref().map(|(number, change)| Next {
            number: number + 1,
            after: change.what.cursor,
        });
        state.stand(&self.tenant, self.id, Standing::In { since, head, next });
        let Some((_, change)) = found else {
            return Ok(nothing(&state, cursor));
        };
        *cursor = change.what.cursor;
        Ok(Found::Change(change))
    }

    /// Waits until there may be something else to do.
    pub(super) async fn bell(&self) {
        self.bell.notified().await;
    }
}

/// There is nothing for a stream up to where the reader is.
fn nothing(state: &State, cursor: &mut Cursor) -> Found {
    if let Some(place) = state.place {
        cursor.move_to(place);
    }
    Found::Nothing {
        is_certain: !state.is_blind,
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.feed.leave(&self.tenant, self.id);
    }
}
