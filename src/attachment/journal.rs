//! What is written down about each attempt, for whoever asks why.
//!
//! Numbers and closed words only: no URL, no provider text, no secret.

use super::failure::FailureReason;
use std::time::Duration;
use time::OffsetDateTime;

/// What an attempt saw on its way, whatever its end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AttemptLog {
    /// What happened, for an operator.
    pub detail: String,
    /// The provider's id of the last request.
    pub provider_request_id: Option<String>,
    /// The provider's HTTP status.
    pub provider_status: Option<u16>,
    /// Bytes that were received.
    pub received_bytes: u64,
    /// Time spent on the provider.
    pub fetch: Duration,
    /// Time spent on object storage.
    pub store: Duration,
    /// Since when the credential it went by had been taken for good; `None`
    /// where it knew of none.
    pub credential_seen: Option<OffsetDateTime>,
}

/// How an attempt ended, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It still runs.
    Running,
    /// The object is in the bucket.
    Stored,
    /// It failed, for now or for good.
    Failed(FailureReason),
}

/// One attempt as it is told afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// When a worker claimed it.
    pub started_at: OffsetDateTime,
    /// When it ended.
    pub ended_at: Option<OffsetDateTime>,
    /// How it ended.
    pub ending: Ending,
    /// Who ran it.
    pub worker: String,
    /// What it saw.
    pub log: AttemptLog,
}
