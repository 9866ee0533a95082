//! What the simulator knows, shared by its listeners and its Rust API.

use super::journal::{Journal, Record};
use super::media::Media;
use super::shelf::{Kept, Shelf};
use super::slack_file::SlackFile;
use super::tokens::{Grant, dev_tokens};
use http::Request;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The simulator's state, behind an `Arc`. Not `Debug`: it holds tokens.
pub(super) struct Shared {
    pub(super) address: SocketAddr,
    pub(super) forbidden_address: SocketAddr,
    pub(super) journal: Journal,
    forbidden_hits: AtomicUsize,
    tables: Mutex<Tables>,
    shelf: Option<Shelf>,
}

/// Files and tokens.
pub(super) struct Tables {
    /// By message id.
    pub(super) line: BTreeMap<String, Media>,
    /// By file id.
    pub(super) slack: BTreeMap<String, SlackFile>,
    /// By the token itself.
    pub(super) tokens: BTreeMap<String, Grant>,
}

impl Tables {
    /// What every simulator begins with, and what lies on the shelf.
    fn of(shelf: Option<&Shelf>) -> io::Result<Self> {
        let mut tables = Self {
            line: BTreeMap::new(),
            slack: BTreeMap::new(),
            tokens: dev_tokens(),
        };
        if let Some(shelf) = shelf {
            tables.line.extend(shelf.records()?);
            tables.slack.extend(shelf.records()?);
            tables.tokens.extend(shelf.records()?);
        }
        Ok(tables)
    }
}

impl Shared {
    /// Begins with what lies on the shelf, if there is one.
    pub(super) fn new(
        address: SocketAddr,
        forbidden_address: SocketAddr,
        shelf: Option<Shelf>,
    ) -> io::Result<Self> {
        Ok(Self {
            address,
            forbidden_address,
            journal: Journal::new(),
            forbidden_hits: AtomicUsize::new(0),
            tables: Mutex::new(Tables::of(shelf.as_ref())?),
            shelf,
        })
    }

    /// Puts a LINE message's content in place.
    pub(super) fn put_line(&self, id: String, media: Media) {
        let mut tables = self.tables();
        self.keep(|shelf| shelf.put(&id, &media));
        tables.line.insert(id, media);
    }

    /// Puts a Slack file in place.
    pub(super) fn put_slack(&self, id: String, file: SlackFile) {
        let mut tables = self.tables();
        self.keep(|shelf| shelf.put(&id, &file));
        tables.slack.insert(id, file);
    }

    /// Makes a token known, or changes what it may do.
    pub(super) fn put_token(&self, token: String, grant: Grant) {
        let mut tables = self.tables();
        self.keep(|shelf| shelf.put(&token, &grant));
        tables.tokens.insert(token, grant);
    }

    /// Notes that a step of a script was played. Called with the tables locked.
    pub(super) fn played<R: Kept>(&self, id: &str, record: &R) {
        self.keep(|shelf| shelf.put_record(id, record));
    }

    /// What cannot be kept is there until the end of this run.
    fn keep(&self, put: impl FnOnce(&Shelf) -> io::Result<()>) {
        if let Some(Err(error)) = self.shelf.as_ref().map(put) {
            tracing::warn!(%error, "the simulator cannot keep this for its next run");
        }
    }

    /// The files and tokens. Held for a look-up, never across an await.
    pub(super) fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where things are, under the main listener.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Writes a request into the journal; control requests stay out of it.
    pub(super) fn begin<B>(&self, request: &Request<B>) -> Option<Arc<Record>> {
        let path = request.uri().path();
        if path == "/control" || path.starts_with("/control/") {
            return None;
        }
        let provider_of = |token: &str| Some(self.tables().tokens.get(token)?.provider);
        Some(self.journal.begin(request, provider_of))
    }

    pub(super) fn forbidden_hits(&self) -> usize {
        self.forbidden_hits.load(Ordering::Acquire)
    }

    pub(super) fn count_forbidden_hit(&self) {
        self.forbidden_hits.fetch_add(1, Ordering::AcqRel);
    }
}
