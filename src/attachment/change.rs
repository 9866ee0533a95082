//! A status change, and the place it has among all of them.

use super::Attachment;
use super::failure::FailureReason;
use super::media::MediaKind;
use super::processing::Processing;
use super::status::AttachmentStatus;
use super::status_name::StatusName;
use crate::ids::{
    AttachmentId, ChannelId, ConversationId, CorrelationId, MessageId, SenderId, TenantId,
};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use time::OffsetDateTime;

/// A place in the outbox: everything up to it has been seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The transaction that made the change.
    pub(crate) xid: u64,
    /// The change within it.
    pub(crate) seq: i64,
    /// When that was, in seconds since 1970: a cursor from before the oldest
    /// remembered event is told by it.
    pub(crate) at: i64,
}

/// One status change, with all that a watcher may ask for it by.
#[derive(Debug, Clone)]
pub struct StatusChange {
    /// Where it stands in the outbox.
    pub cursor: Cursor,
    /// Whose attachment changed.
    pub tenant: TenantId,
    /// Which one.
    pub id: AttachmentId,
    /// The channel it came by.
    pub channel: ChannelId,
    /// The chat message it belongs to.
    pub message_id: MessageId,
    /// The conversation it belongs to.
    pub conversation_id: Option<ConversationId>,
    /// The request it belongs to.
    pub correlation_id: Option<CorrelationId>,
    /// Who sent it; of a deletion, who had sent it.
    pub sender_id: Option<SenderId>,
    /// Its kind, as far as it was known then.
    pub kind: Option<MediaKind>,
    /// When it was registered.
    pub registered_at: OffsetDateTime,
    /// The status after it.
    pub status: StatusName,
    /// Why, where it is not stored.
    pub reason: Option<FailureReason>,
    /// Attempts begun by then.
    pub attempts: u16,
    /// When the next one is due.
    pub next_attempt_at: Option<OffsetDateTime>,
    /// When it changed.
    pub at: OffsetDateTime,
}

impl Cursor {
    /// Whether it was given out more than `age` before `head` was.
    #[must_use]
    pub fn is_older_than(self, age: Duration, head: Self) -> bool {
        head.at.saturating_sub(self.at) > age.as_secs().cast_signed()
    }

    /// Whether it lies further on in the outbox than `head`.
    #[must_use]
    pub fn is_beyond(self, head: Self) -> bool {
        (self.xid, self.seq) > (head.xid, head.seq)
    }

    /// Moves on to a place, if that lies further on.
    pub fn move_to(&mut self, place: Self) {
        if !self.is_beyond(place) {
            *self = place;
        }
    }

    /// Whether it was given out by a database that had come further.
    #[must_use]
    pub fn is_ahead_of(self, head: Self) -> bool {
        self.xid > head.xid
    }
}

impl StatusChange {
    /// The record as it was after this change, of what it was found to be
    /// later; `None` for what is no longer told. A deletion of many may stand in
    /// the outbox before what others made of a file while it was under way; the
    /// deletion came after all the same.
    #[must_use]
    pub fn as_it_was(&self, mut record: Attachment) -> Option<Attachment> {
        let is_deleted = matches!(record.status, AttachmentStatus::Deleted { .. });
        if is_deleted && self.status != StatusName::Deleted {
            return None;
        }
        record.status = match self.status {
            StatusName::Pending => AttachmentStatus::Pending {
                next_attempt_at: self.next_attempt_at.unwrap_or(self.at),
            },
            StatusName::Downloading => AttachmentStatus::Downloading,
            // What has been put back since has no object to tell of.
            StatusName::Stored => match record.status {
                stored @ AttachmentStatus::Stored { .. } => stored,
                _ => return None,
            },
            StatusName::Failed => AttachmentStatus::Failed {
                reason: self.reason?,
                next_attempt_at: self.next_attempt_at,
            },
            StatusName::Rejected | StatusName::Unsupported | StatusName::Deleted => {
                AttachmentStatus::ended(self.reason?)
            }
        };
        // Only a stored attachment has other forms and content.
        if !matches!(record.status, AttachmentStatus::Stored { .. }) {
            record.renditions.clear();
            record.processing = Processing::None;
        }
        record.attempt_count = self.attempts;
        record.updated_at = self.at;
        Some(record)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.xid, self.seq, self.at)
    }
}

/// A string that is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a cursor of this service")]
pub struct InvalidCursor;

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let mut parts = text.splitn(3, '-');
        let mut next = || parts.next().ok_or(InvalidCursor);
        Ok(Self {
            xid: next()?.parse().map_err(|_| InvalidCursor)?,
            seq: next()?.parse().map_err(|_| InvalidCursor)?,
            at: next()?.parse().map_err(|_| InvalidCursor)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_nothing_has_passed_does_not_grow_old() {
        let place = |xid, seq, at| Cursor { xid, seq, at };
        let reached = place(7, 0, 1_000);
        assert!(!reached.is_beyond(place(7, 0, 9_000)));
        assert!(!place(6, 9, 1_000).is_beyond(place(7, 0, 9_000)));
        assert!(place(7, 1, 1_000).is_beyond(place(7, 0, 9_000)));
    }
}
