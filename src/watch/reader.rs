//! The one reader of the outbox in a process: it reads each change once and
//! its record once, and hands them to whoever asks for them.

use super::feed::{Feed, Newcomers};
use super::records::with_records;
use crate::attachment::change::{Cursor, StatusChange};
use crate::db::{Db, DbError, EventPage};
use crate::telemetry::Chain;
use metrics::gauge;
use std::mem;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How often it looks while there is nothing new.
const INTERVAL: Duration = Duration::from_millis(200);
/// No pause after a failure is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Changes that it reads at once.
const PAGE: u16 = 500;

/// Reads for all streams of a feed.
pub(super) struct Reader {
    db: Db,
    feed: Feed,
    /// How far it has come; `None` while nobody watches.
    place: Option<Cursor>,
    failing: Option<Failing>,
}

/// Reads that fail.
#[derive(Clone, Copy)]
struct Failing {
    since: Instant,
    pause: Duration,
}

impl Reader {
    pub(super) fn new(db: Db, feed: Feed) -> Self {
        show_lag(Duration::ZERO);
        Self {
            db,
            feed,
            place: None,
            failing: None,
        }
    }

    /// Reads while anybody watches, and waits for somebody who does.
    pub(super) async fn run(mut self) {
        loop {
            self.feed.arrival().await;
            while self.feed.is_watched() {
                let has_more = self.read().await;
                if !has_more {
                    let pause = self.failing.map_or(INTERVAL, |failing| failing.pause);
                    // Who comes is answered at once.
                    let _ = tokio::time::timeout(pause, self.feed.arrival()).await;
                }
            }
            self.place = None;
            self.failing = None;
            show_lag(Duration::ZERO);
        }
    }

    /// Reads once; true when there is more to be read.
    async fn read(&mut self) -> bool {
        let mut newcomers = self.feed.newcomers();
        match self.read_for(&mut newcomers).await {
            Ok(has_more) => has_more,
            Err(error) => {
                let error = Arc::new(error);
                self.feed.failed(newcomers, &error);
                self.failed(&error);
                false
            }
        }
    }

    async fn read_for(&mut self, newcomers: &mut Newcomers) -> Result<bool, DbError> {
        let page = self.page().await?;
        if self.place.is_some_and(|place| place.is_ahead_of(page.head)) {
            tracing::error!("the database is another one than before; all watchers are ended");
            self.place = None;
            self.feed.expire();
            return Ok(true);
        }
        let since = self.place.unwrap_or(page.reached);
        self.feed.admit(mem::take(newcomers), since, page.head);
        let asked = |what: &StatusChange| self.feed.is_asked_for(what);
        let changes = page.changes.into_iter().filter(asked).collect();
        for change in with_records(&self.db, changes).await? {
            self.feed.offer(change);
        }
        self.place = Some(page.reached);
        self.feed.reached(page.reached);
        show_lag(page.lag);
        if self.failing.take().is_some() {
            tracing::info!("changes are read again");
        }
        Ok(page.is_full)
    }

    /// What comes next; for the first who watch, where that begins.
    async fn page(&self) -> Result<EventPage, DbError> {
        match self.place {
            Some(place) => self.db.events_of_all_after(place, PAGE).await,
            None => Ok(EventPage::empty(self.db.event_head().await?)),
        }
    }

    fn failed(&mut self, error: &DbError) {
        let failing = self.failing.get_or_insert_with(|| {
            tracing::error!(error = %Chain(error), "changes cannot be read; watchers wait");
            Failing {
                since: Instant::now(),
                pause: INTERVAL / 2,
            }
        });
        failing.pause = LONGEST_PAUSE.min(failing.pause * 2);
        show_lag(failing.since.elapsed());
    }
}

/// Nobody is told anything once nobody reads.
impl Drop for Reader {
    fn drop(&mut self) {
        self.feed.close();
    }
}

fn show_lag(lag: Duration) {
    gauge!("attachments_watch_lag_seconds").set(lag.as_secs_f64());
}
