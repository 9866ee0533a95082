//! What the simulator knows, shared by its listeners and its Rust API.

use super::journal::{Journal, Record};
use super::media::Media;
use super::slack_file::SlackFile;
use super::tokens::{Grant, dev_tokens};
use http::Request;
use std::collections::{BTreeMap, HashMap};
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
}

/// Files and tokens.
pub(super) struct Tables {
    /// By message id.
    pub(super) line: BTreeMap<String, Media>,
    /// By file id.
    pub(super) slack: BTreeMap<String, SlackFile>,
    /// By the token itself.
    pub(super) tokens: HashMap<String, Grant>,
}

impl Shared {
    pub(super) fn new(address: SocketAddr, forbidden_address: SocketAddr) -> Self {
        Self {
            address,
            forbidden_address,
            journal: Journal::new(),
            forbidden_hits: AtomicUsize::new(0),
            tables: Mutex::new(Tables {
                line: BTreeMap::new(),
                slack: BTreeMap::new(),
                tokens: dev_tokens(),
            }),
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
