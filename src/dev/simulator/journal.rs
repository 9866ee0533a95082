//! What the simulated providers were asked, and what they sent.
//!
//! The strongest tests are negative ("no request after the delete", "the token
//! went nowhere else"), so every request is written down when it arrives, also
//! those that are never answered. Control requests are not.

use super::tokens::{Provider, bearer};
use http::header::{ACCEPT_ENCODING, AUTHORIZATION};
use http::{HeaderMap, Request, StatusCode};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::time::Instant;

/// Requests kept; the oldest go first.
const CAPACITY: usize = 100_000;

/// One request to a simulated provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JournalEntry {
    /// Milliseconds from the simulator's start to the request.
    pub at_ms: u64,
    /// The method.
    pub method: String,
    /// Path and query, as they came.
    pub path: String,
    /// SHA-256 of the bearer token in hex (of the whole header when it is no
    /// bearer); none without the header.
    pub authorization_sha256: Option<String>,
    /// Whose known token it was; none when nobody knows it.
    pub token: Option<Provider>,
    /// The `Accept-Encoding` header.
    pub accept_encoding: Option<String>,
    /// The id that the answer carried for the provider's support.
    pub request_id: Option<String>,
    /// The status sent; none while, or when, there is no answer.
    pub status: Option<u16>,
    /// Bytes of the body handed to the connection so far.
    pub bytes_sent: u64,
}

/// A request under way. Its answer is filled in as it leaves.
#[derive(Debug)]
pub(super) struct Record {
    arrived: JournalEntry,
    request_id: OnceLock<String>,
    /// 0 before there is an answer.
    status: AtomicU16,
    bytes_sent: AtomicU64,
}

impl Record {
    /// Notes the head of the answer.
    pub(super) fn answered(&self, status: StatusCode, headers: &HeaderMap) {
        self.status.store(status.as_u16(), Ordering::Release);
        if let Some(id) =
            text(headers, "x-line-request-id").or_else(|| text(headers, "x-slack-req-id"))
        {
            // Answered once only.
            let _ = self.request_id.set(id);
        }
    }

    /// Counts bytes of the body.
    pub(super) fn sent(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.bytes_sent.fetch_add(bytes, Ordering::Release);
    }

    fn entry(&self) -> JournalEntry {
        let status = self.status.load(Ordering::Acquire);
        JournalEntry {
            request_id: self.request_id.get().cloned(),
            status: (status != 0).then_some(status),
            bytes_sent: self.bytes_sent.load(Ordering::Acquire),
            ..self.arrived.clone()
        }
    }
}

/// All requests, in order of arrival.
#[derive(Debug)]
pub(super) struct Journal {
    started: Instant,
    records: Mutex<VecDeque<Arc<Record>>>,
}

impl Journal {
    /// An empty journal that counts time from now.
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            records: Mutex::default(),
        }
    }

    /// Writes down a request. `provider_of` knows tokens.
    pub(super) fn begin<B>(
        &self,
        request: &Request<B>,
        provider_of: impl FnOnce(&str) -> Option<Provider>,
    ) -> Arc<Record> {
        let headers = request.headers();
        let token = bearer(headers);
        let authorization = token
            .map(str::as_bytes)
            .or_else(|| Some(headers.get(AUTHORIZATION)?.as_bytes()));
        let record = Arc::new(Record {
            arrived: JournalEntry {
                at_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
                method: request.method().to_string(),
                path: request.uri().to_string(),
                authorization_sha256: authorization.map(|bytes| hex::encode(Sha256::digest(bytes))),
                token: token.and_then(provider_of),
                accept_encoding: text(headers, ACCEPT_ENCODING.as_str()),
                request_id: None,
                status: None,
                bytes_sent: 0,
            },
            request_id: OnceLock::new(),
            status: AtomicU16::new(0),
            bytes_sent: AtomicU64::new(0),
        });
        let mut records = self.records();
        if records.len() == CAPACITY {
            records.pop_front();
        }
        records.push_back(Arc::clone(&record));
        record
    }

    /// The entries whose path passes, oldest first.
    pub(super) fn entries(&self, passes: impl Fn(&str) -> bool) -> Vec<JournalEntry> {
        let records = self.records();
        let passing = records.iter().filter(|record| passes(&record.arrived.path));
        passing.map(|record| record.entry()).collect()
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        self.records().clear();
    }

    fn records(&self) -> MutexGuard<'_, VecDeque<Arc<Record>>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}
