//! What is written down about each attempt, for whoever asks why.
//!
//! Numbers and closed words only: no URL, no provider text, no secret.

use super::failure::FailureReason;
use super::media::MediaType;
use super::status::Settlement;
use super::work::WorkKind;
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
    /// What was measured that decided the outcome.
    pub measured: Measured,
    /// Since when the credential it went by had been taken for good; `None`
    /// where it knew of none.
    pub credential_seen: Option<OffsetDateTime>,
}

/// The sizes and types that a verdict was made of, where they mattered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Measured {
    /// The size in bytes that was counted or announced.
    pub bytes: Option<u64>,
    /// The limit that it was held against, in bytes.
    pub limit_bytes: Option<u64>,
    /// The type that was declared.
    pub declared_type: Option<String>,
    /// The type that was detected.
    pub detected_type: Option<MediaType>,
}

/// An attempt's end, and what it saw on its way there.
#[derive(Debug)]
#[must_use = "an end counts once it is settled"]
pub struct Ended {
    /// What is written under the attempt's fence.
    pub settlement: Settlement,
    /// What the journal says of it.
    pub log: AttemptLog,
}

/// How an attempt ended, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It still runs.
    Running,
    /// It did what it was for: the object is in the bucket, or the content made.
    Succeeded,
    /// It failed, for now or for good.
    Failed(FailureReason),
}

/// One attempt as it is told afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// What it was at.
    pub work: WorkKind,
    /// When a worker claimed it.
    pub started_at: OffsetDateTime,
    /// When it ended.
    pub ended_at: Option<OffsetDateTime>,
    /// How it ended.
    pub ending: Ending,
    /// Whether it counts against the cap.
    pub counted: bool,
    /// Who ran it.
    pub worker: String,
    /// What it saw.
    pub log: AttemptLog,
}
