//! The status machine: each state carries its data, and an attempt ends once.
//!
//! ```text
//! PENDING ──claim──▶ DOWNLOADING ──▶ STORED ──▶ DELETED
//!    ▲                  │   ├─▶ REJECTED
//!    │ due              │   ├─▶ UNSUPPORTED
//!    └──── FAILED ◀─────┘   └─▶ DELETED         any ──delete──▶ DELETED
//!                     FAILED, REJECTED, UNSUPPORTED ──retry, redrive──▶ PENDING
//! ```

use super::Attachment;
use super::facts::Facts;
use super::failure::{Consequence, FailureReason};
use super::file_name::FileName;
use super::media::MediaType;
use super::processing::Processed;
use super::rendition::StoredRendition;
use super::retry::{RetryPolicy, Trial, Verdict};
use super::source::MediaSource;
use super::storage_key::StorageKey;
use super::work::WorkKind;
use std::time::Duration;
use time::OffsetDateTime;

/// Where an attachment stands, with what is known there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttachmentStatus {
    /// Waits for its first attempt.
    Pending {
        /// When that is due.
        next_attempt_at: OffsetDateTime,
    },
    /// An attempt is running.
    Downloading,
    /// The bytes are in object storage.
    Stored {
        /// Where and what.
        object: StoredObject,
        /// What was read of it.
        facts: Facts,
        /// Since when.
        stored_at: OffsetDateTime,
    },
    /// The last attempt failed. It is retryable exactly when another is due.
    Failed {
        /// Why.
        reason: FailureReason,
        /// When it is tried again; `None` is final.
        next_attempt_at: Option<OffsetDateTime>,
    },
    /// It broke a rule.
    Rejected {
        /// Which.
        reason: FailureReason,
    },
    /// Not a kind of file we take.
    Unsupported {
        /// Why.
        reason: FailureReason,
    },
    /// Gone.
    Deleted {
        /// By whose wish.
        reason: FailureReason,
    },
}

/// An object in the bucket, counted, detected and hashed by us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// Its key.
    pub key: StorageKey,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Its detected type.
    pub media_type: MediaType,
    /// SHA-256 of its bytes.
    pub sha256: Sha256,
}

/// A SHA-256 digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    /// 64 lower-case hex digits.
    #[must_use]
    pub fn to_hex(self) -> String {
        hex::encode(self.0)
    }
}

impl AttachmentStatus {
    /// The final status that a reason leads to.
    #[must_use]
    pub fn ended(reason: FailureReason) -> Self {
        match reason.consequence() {
            Consequence::Retry
            | Consequence::Wait
            | Consequence::GiveUp
            | Consequence::AwaitCredential => Self::Failed {
                reason,
                next_attempt_at: None,
            },
            Consequence::Reject => Self::Rejected { reason },
            Consequence::Unsupported => Self::Unsupported { reason },
            Consequence::Delete => Self::Deleted { reason },
        }
    }

    /// Why it is not stored, where it is not.
    #[must_use]
    pub fn reason(&self) -> Option<FailureReason> {
        match self {
            Self::Pending { .. } | Self::Downloading | Self::Stored { .. } => None,
            Self::Failed { reason, .. }
            | Self::Rejected { reason }
            | Self::Unsupported { reason }
            | Self::Deleted { reason } => Some(*reason),
        }
    }

    /// When the next attempt is due, where one is.
    #[must_use]
    pub fn next_attempt_at(&self) -> Option<OffsetDateTime> {
        match self {
            Self::Pending { next_attempt_at } => Some(*next_attempt_at),
            Self::Failed {
                next_attempt_at, ..
            } => *next_attempt_at,
            Self::Downloading
            | Self::Stored { .. }
            | Self::Rejected { .. }
            | Self::Unsupported { .. }
            | Self::Deleted { .. } => None,
        }
    }
}

/// A running attempt. It ends exactly once: both ends consume it.
#[derive(Debug)]
#[must_use = "an attempt that is dropped is found by its lease only"]
pub struct Attempt {
    /// The attachment as it was claimed.
    pub attachment: Attachment,
    /// The provider's reference to its file; a deleted attachment, which has none,
    /// is never claimed.
    pub source: MediaSource,
    /// Where the file is stored, if this attempt brings it in. It was announced
    /// with the claim.
    pub key: StorageKey,
    /// The fence: grows with every claim and never repeats, so a worker that
    /// lost its lease can change nothing.
    pub fence: i64,
    /// Attempts at this work that count, this one included.
    pub attempt_count: u16,
    /// How long the provider has been saying "not ready".
    pub waited: Duration,
}

/// A file that was brought in.
#[derive(Debug)]
pub struct Stored {
    /// Where and what.
    pub object: StoredObject,
    /// What was read of it.
    pub facts: Facts,
    /// Its name, where only its provider knew one.
    pub file_name: Option<FileName>,
    /// Whether its content is to be made.
    pub makes_content: bool,
}

/// How an attempt ended.
#[derive(Debug)]
#[must_use = "an outcome counts once it is settled"]
pub enum Outcome {
    /// The object is in the bucket.
    Stored(Stored),
    /// It failed and is tried again after `wait`.
    RetryAfter {
        /// Why it failed.
        reason: FailureReason,
        /// The wait, from the database's now.
        wait: Duration,
        /// Whether the attempt counts against the cap.
        counted: bool,
    },
    /// It is over; the reason says which status it ends in.
    Ended(FailureReason),
    /// The content is made, or never will be.
    Processed {
        /// How that ended.
        processed: Processed,
        /// The forms that were put, in place of those there were.
        made: Vec<StoredRendition>,
    },
}

/// An attempt's end, ready to be written under its fence.
#[derive(Debug)]
#[must_use = "a settlement counts once it is written"]
pub struct Settlement {
    /// The attachment as it was claimed.
    pub attachment: Attachment,
    /// The work that was attempted.
    pub work: WorkKind,
    /// The fence to write under.
    pub fence: i64,
    /// What to write.
    pub outcome: Outcome,
    /// Announced, and certainly not put: the announcement goes.
    pub unused_key: Option<StorageKey>,
}

impl Settlement {
    /// The same, of an attempt that may have left an object: its announcement
    /// stays until somebody has looked.
    pub fn may_have_put(self) -> Self {
        Self {
            unused_key: None,
            ..self
        }
    }
}

impl Attempt {
    /// Ends the attempt with an object in the bucket, and what was read of it.
    pub fn stored(self, stored: Stored) -> Settlement {
        self.settle(Outcome::Stored(stored))
    }

    /// Ends the attempt with a failure; the policy decides what follows.
    pub fn failed(
        self,
        reason: FailureReason,
        retry_after: Option<Duration>,
        policy: &RetryPolicy,
    ) -> Settlement {
        let outcome = self.after_failure(reason, retry_after, policy);
        self.settle(outcome.unwrap_or(Outcome::Ended(reason)))
    }

    /// What the policy decides after a failure: another attempt, or none.
    pub(super) fn after_failure(
        &self,
        reason: FailureReason,
        retry_after: Option<Duration>,
        policy: &RetryPolicy,
    ) -> Option<Outcome> {
        let trial = Trial {
            attachment_id: self.attachment.id,
            attempts: self.attempt_count,
            max_attempts: self.attachment.max_attempts,
            waited: self.waited,
        };
        match policy.decide(trial, reason, retry_after) {
            Verdict::RetryAfter { wait, counted } => Some(Outcome::RetryAfter {
                reason,
                wait,
                counted,
            }),
            Verdict::Final => None,
        }
    }

    /// Ends the attempt without counting it, to be claimed again after `wait`.
    pub fn put_off(self, reason: FailureReason, wait: Duration) -> Settlement {
        self.settle(Outcome::RetryAfter {
            reason,
            wait,
            counted: false,
        })
    }

    /// Gives the attempt at this work back without counting it, to be claimed
    /// by another worker at once.
    pub fn give_back(self, work: WorkKind) -> Settlement {
        let outcome = Outcome::RetryAfter {
            reason: FailureReason::Interrupted,
            wait: Duration::ZERO,
            counted: false,
        };
        self.settle_as(work, outcome)
    }

    fn settle(self, outcome: Outcome) -> Settlement {
        self.settle_as(WorkKind::Ingest, outcome)
    }

    /// The end of an attempt at work of this kind.
    pub(super) fn settle_as(self, work: WorkKind, outcome: Outcome) -> Settlement {
        let unused_key = match (work, &outcome) {
            (WorkKind::Content, _) | (_, Outcome::Stored(_)) => None,
            (WorkKind::Ingest, _) => Some(self.key),
        };
        Settlement {
            attachment: self.attachment,
            work,
            fence: self.fence,
            outcome,
            unused_key,
        }
    }
}
