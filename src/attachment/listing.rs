//! Which attachments a reader asks for.

use super::Attachment;
use super::change::{Cursor, StatusChange};
use super::failure::FailureReason;
use super::media::MediaKind;
use super::status_name::StatusName;
use crate::ids::{AttachmentId, ChannelId, ConversationId, CorrelationId, MessageId, SenderId};
use time::OffsetDateTime;

/// Which attachments to list or to follow; what is set must all match.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListFilter {
    /// Only those of one of these messages; empty means all.
    pub message_ids: Vec<MessageId>,
    /// Only those of this conversation.
    pub conversation_id: Option<ConversationId>,
    /// Only those of this correlation id.
    pub correlation_id: Option<CorrelationId>,
    /// Only those of this sender.
    pub sender_id: Option<SenderId>,
    /// Only those of this channel.
    pub channel: Option<ChannelId>,
    /// Only those in one of these; empty means all.
    pub statuses: Vec<StatusName>,
    /// Only those of one of these kinds; empty means all.
    pub kinds: Vec<MediaKind>,
    /// Only those with one of these reasons; empty means all.
    pub reasons: Vec<FailureReason>,
    /// Only those registered at or after this time.
    pub created_after: Option<OffsetDateTime>,
    /// Only those registered before this time.
    pub created_before: Option<OffsetDateTime>,
}

impl ListFilter {
    /// Whether a watcher with this filter is told of a change.
    #[must_use]
    pub fn asks_for(&self, change: &StatusChange) -> bool {
        fn is_one<T: PartialEq>(asked: Option<&T>, is: Option<&T>) -> bool {
            asked.is_none() || asked == is
        }
        fn is_among<T: PartialEq>(asked: &[T], is: Option<&T>) -> bool {
            asked.is_empty() || is.is_some_and(|is| asked.contains(is))
        }
        is_one(self.channel.as_ref(), Some(&change.channel))
            && is_one(
                self.conversation_id.as_ref(),
                change.conversation_id.as_ref(),
            )
            && is_one(self.correlation_id.as_ref(), change.correlation_id.as_ref())
            && is_one(self.sender_id.as_ref(), change.sender_id.as_ref())
            && is_among(&self.message_ids, Some(&change.message_id))
            && is_among(&self.statuses, Some(&change.status))
            && is_among(&self.kinds, change.kind.as_ref())
            && is_among(&self.reasons, change.reason.as_ref())
            && self
                .created_after
                .is_none_or(|time| time <= change.registered_at)
            && self
                .created_before
                .is_none_or(|time| change.registered_at < time)
    }
}

/// In which order records come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The newest registration first.
    #[default]
    NewestFirst,
    /// The oldest registration first.
    OldestFirst,
}

/// Which stretch of a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// In which order.
    pub order: Order,
    /// The record after which it begins, in that order.
    pub after: Option<AttachmentId>,
    /// Records at most.
    pub size: u16,
}

/// One page of a list.
#[derive(Debug, Clone)]
pub struct Page {
    /// What it holds, without the records that cannot be read.
    pub attachments: Vec<Attachment>,
    /// The next page begins after this one; `None` when this was the last.
    pub last: Option<AttachmentId>,
    /// The place in the outbox from which watching misses nothing of it.
    pub watch_from: Cursor,
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::Duration;

    const REGISTERED: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    /// All that may be asked for is known of it.
    fn known() -> StatusChange {
        let place = Cursor {
            xid: 1,
            seq: 1,
            at: 0,
        };
        StatusChange {
            cursor: place,
            tenant: "acme".parse().unwrap(),
            id: AttachmentId::generate(),
            channel: "line".parse().unwrap(),
            message_id: "m1".parse().unwrap(),
            conversation_id: Some("talk".parse().unwrap()),
            correlation_id: Some("request".parse().unwrap()),
            sender_id: Some("U1".parse().unwrap()),
            kind: Some(MediaKind::Image),
            registered_at: REGISTERED,
            status: StatusName::Failed,
            reason: Some(FailureReason::SourceNotFound),
            attempts: 1,
            next_attempt_at: None,
            at: REGISTERED,
        }
    }

    /// None of what may be missing is known of it.
    fn bare() -> StatusChange {
        StatusChange {
            conversation_id: None,
            correlation_id: None,
            sender_id: None,
            kind: None,
            reason: None,
            status: StatusName::Pending,
            ..known()
        }
    }

    fn filter(set: impl FnOnce(&mut ListFilter)) -> ListFilter {
        let mut filter = ListFilter::default();
        set(&mut filter);
        filter
    }

    /// Each of these asks for one thing that [`known`] is.
    fn fitting() -> Vec<ListFilter> {
        vec![
            filter(|f| f.channel = Some("line".parse().unwrap())),
            filter(|f| f.message_ids = vec!["m0".parse().unwrap(), "m1".parse().unwrap()]),
            filter(|f| f.statuses = vec![StatusName::Stored, StatusName::Failed]),
            filter(|f| f.created_after = Some(REGISTERED)),
            filter(|f| f.created_before = Some(REGISTERED + Duration::SECOND)),
            filter(|f| f.conversation_id = Some("talk".parse().unwrap())),
            filter(|f| f.correlation_id = Some("request".parse().unwrap())),
            filter(|f| f.sender_id = Some("U1".parse().unwrap())),
            filter(|f| f.kinds = vec![MediaKind::Video, MediaKind::Image]),
            filter(|f| f.reasons = vec![FailureReason::SourceNotFound]),
        ]
    }

    /// Those that ask for something else in the same place.
    fn unfitting() -> Vec<ListFilter> {
        vec![
            filter(|f| f.channel = Some("slack".parse().unwrap())),
            filter(|f| f.message_ids = vec!["m0".parse().unwrap()]),
            filter(|f| f.statuses = vec![StatusName::Stored]),
            filter(|f| f.created_after = Some(REGISTERED + Duration::SECOND)),
            // Before, not at.
            filter(|f| f.created_before = Some(REGISTERED)),
            filter(|f| f.conversation_id = Some("walk".parse().unwrap())),
            filter(|f| f.correlation_id = Some("m1".parse().unwrap())),
            filter(|f| f.sender_id = Some("U2".parse().unwrap())),
            filter(|f| f.kinds = vec![MediaKind::Video]),
            filter(|f| f.reasons = vec![FailureReason::SourceForbidden]),
        ]
    }

    #[test]
    fn who_asks_for_nothing_is_told_of_everything() {
        for change in [known(), bare()] {
            assert!(ListFilter::default().asks_for(&change));
        }
    }

    #[test]
    fn each_part_of_a_filter_counts() {
        for filter in fitting() {
            assert!(filter.asks_for(&known()), "{filter:?}");
        }
        for filter in unfitting() {
            assert!(!filter.asks_for(&known()), "{filter:?}");
        }
    }

    #[test]
    fn all_parts_of_a_filter_must_match() {
        let all = ListFilter {
            sender_id: Some("U1".parse().unwrap()),
            kinds: vec![MediaKind::Image],
            ..ListFilter::default()
        };
        assert!(all.asks_for(&known()));
        let kinds = vec![MediaKind::Audio];
        assert!(!ListFilter { kinds, ..all }.asks_for(&known()));
    }

    #[test]
    fn what_is_not_known_is_not_what_was_asked_for() {
        // Those that ask for what may be missing.
        for filter in fitting().split_off(5) {
            assert!(!filter.asks_for(&bare()), "{filter:?}");
        }
    }
}
