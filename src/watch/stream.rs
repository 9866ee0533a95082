//! One watcher's stream: what the feed has for it, checkpoints, and what it
//! reads by itself while it is behind.

use super::listener::{Found, Listener};
use super::records::with_records;
use super::{Change, Told, Watch, WatchError};
use crate::attachment::change::Cursor;
use futures::stream::{self, Stream, StreamExt as _};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Changes that a stream reads at once while it catches up: as many are in
/// memory for a client that does not read.
const PAGE: u16 = 100;

/// What a stream knows.
pub(super) struct Follower {
    watch: Watch,
    listener: Listener,
    /// All up to here was told, or is in `ready`.
    cursor: Cursor,
    /// What it read by itself.
    ready: VecDeque<Arc<Change>>,
    /// Whether there is more that it has to read by itself.
    is_behind: bool,
    checkpoints: Option<Checkpoints>,
}

struct Checkpoints {
    interval: Duration,
    next: Instant,
}

impl Follower {
    pub(super) fn new(
        watch: Watch,
        listener: Listener,
        cursor: Cursor,
        checkpoints: Option<Duration>,
    ) -> Self {
        Self {
            watch,
            listener,
            cursor,
            ready: VecDeque::new(),
            is_behind: false,
            checkpoints: checkpoints.map(|interval| Checkpoints {
                interval,
                next: Instant::now() + interval,
            }),
        }
    }

    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Told, WatchError>> + Send + use<> {
        // Where it begins is told first.
        let begin = self
            .checkpoints
            .as_ref()
            .map(|_| Ok(Told::Checkpoint(self.cursor)));
        let changes = stream::unfold(Some(self), |follower| async {
            let mut follower = follower?;
            match follower.next().await {
                Ok(told) => Some((Ok(told), Some(follower))),
                Err(error) => Some((Err(error), None)),
            }
        });
        stream::iter(begin).chain(changes).boxed()
    }

    async fn next(&mut self) -> Result<Told, WatchError> {
        loop {
            if let Some(change) = self.ready.pop_front() {
                return Ok(self.tell(Told::Change(change)));
            }
            let mut is_certain = true;
            if !self.is_behind {
                match self.listener.next(&mut self.cursor)? {
                    Found::Change(change) => return Ok(self.tell(Told::Change(change))),
                    Found::Behind => self.is_behind = true,
                    Found::NotYet => is_certain = false,
                    Found::Nothing { is_certain: still } => is_certain = still,
                }
            }
            if self.is_due() {
                let checkpoint = self.tell(Told::Checkpoint(self.cursor));
                if is_certain {
                    return Ok(checkpoint);
                }
            }
            if self.is_behind {
                self.catch_up().await?;
            } else {
                self.wait().await?;
            }
        }
    }

    /// Puts the next checkpoint off.
    fn tell(&mut self, told: Told) -> Told {
        if let Some(checkpoints) = &mut self.checkpoints {
            checkpoints.next = Instant::now() + checkpoints.interval;
        }
        told
    }

    /// Whether it is time to tell the place reached. That moves on with the
    /// outbox although nothing in it was asked for, so that it never grows too
    /// old.
    fn is_due(&self) -> bool {
        let checkpoints = self.checkpoints.as_ref();
        checkpoints.is_some_and(|checkpoints| Instant::now() >= checkpoints.next)
    }

    /// Reads the next page by itself.
    async fn catch_up(&mut self) -> Result<(), WatchError> {
        let stop = self.watch.stop.clone();
        let page = stop.run_until_cancelled(self.page()).await;
        page.unwrap_or(Err(WatchError::Stopping))
    }

    async fn page(&mut self) -> Result<(), WatchError> {
        let turn = self.watch.catching_up.acquire().await;
        let _turn = turn.map_err(|_| WatchError::Stopping)?;
        let db = &self.watch.db;
        let page = db
            .events_after(&self.listener.tenant, self.cursor, PAGE)
            .await?;
        // Its client has not read for so long.
        if self
            .cursor
            .is_older_than(self.watch.settings.remembered, page.head)
        {
            return Err(WatchError::CursorExpired);
        }
        let filter = &self.listener.filter;
        let asked = page.changes.into_iter();
        let asked = asked.filter(|change| filter.asks_for(change)).collect();
        let changes = with_records(db, asked).await?;
        self.ready = changes.into_iter().map(Arc::new).collect();
        self.cursor = page.reached;
        self.is_behind = page.is_full;
        Ok(())
    }

    /// Waits until there may be something to tell.
    async fn wait(&self) -> Result<(), WatchError> {
        let checkpoint = async {
            match &self.checkpoints {
                Some(checkpoints) => sleep_until(checkpoints.next).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.watch.stop.cancelled() => Err(WatchError::Stopping),
            () = self.listener.bell() => Ok(()),
            () = checkpoint => Ok(()),
        }
    }
}
