//! Records and their story as messages.

use super::status::status_to_proto;
use crate::attachment::Attachment;
use crate::attachment::failure::FailureReason;
use crate::attachment::journal::{Ending, JournalEntry};
use crate::attachment::media::{DeclaredType, MediaKind};
use crate::attachment::source::{LineContentProvider, MediaSource};
use crate::attachment::status::AttachmentStatus;
use crate::attachment::status_name::StatusName;
use crate::proto::{self, attachment::Source};
use std::time::Duration;
use time::OffsetDateTime;

/// A record as the contract spells it.
pub(in crate::grpc) fn attachment_to_proto(attachment: Attachment) -> proto::Attachment {
    let reason = attachment.status.reason();
    let next_attempt_at = attachment.status.next_attempt_at();
    let failed = matches!(attachment.status, AttachmentStatus::Failed { .. });
    let declared_kind = match attachment.declared_type() {
        DeclaredType::Known(media_type) => Some(media_type.kind()),
        DeclaredType::Nothing | DeclaredType::Foreign => None,
    };
    let mut message = proto::Attachment {
        attachment_id: attachment.id.to_string(),
        channel_id: attachment.channel.to_string(),
        source: Some(source_to_proto(attachment.source)),
        message_id: attachment.message_id.to_string(),
        conversation_id: optional(attachment.conversation_id),
        correlation_id: optional(attachment.correlation_id),
        file_name: attachment.file_name.as_str().to_owned(),
        declared_content_type: attachment.declared_content_type,
        declared_size_bytes: attachment.declared_size_bytes.map_or(0, to_int64),
        status: status_to_proto((&attachment.status).into()).into(),
        failure_reason: reason_to_proto(reason).into(),
        failure_message: reason.map_or_else(String::new, |reason| reason.message().to_owned()),
        retryable: failed && next_attempt_at.is_some(),
        attempts: attachment.attempts.into(),
        max_attempts: attachment.max_attempts.into(),
        next_attempt_time: next_attempt_at.map(timestamp),
        kind: kind_to_proto(declared_kind).into(),
        create_time: Some(timestamp(attachment.created_at)),
        update_time: Some(timestamp(attachment.updated_at)),
        expire_time: attachment.expires_at.map(timestamp),
        ..proto::Attachment::default()
    };
    if let AttachmentStatus::Stored { object, stored_at } = attachment.status {
        message = proto::Attachment {
            content_type: object.media_type.mime().to_owned(),
            kind: kind_to_proto(Some(object.media_type.kind())).into(),
            size_bytes: to_int64(object.size_bytes),
            checksum_sha256: object.sha256.to_hex(),
            storage_key: object.key.as_str().to_owned(),
            stored_time: Some(timestamp(stored_at)),
            ..message
        };
    }
    message
}

/// An attempt as the contract spells it; `number` counts from 1.
pub(in crate::grpc) fn attempt_to_proto(number: i32, entry: JournalEntry) -> proto::Attempt {
    let (outcome, reason) = match entry.ending {
        Ending::Running => (proto::AttachmentStatus::Downloading, None),
        Ending::Stored => (proto::AttachmentStatus::Stored, None),
        Ending::Failed(reason) => (status_to_proto(StatusName::ended(reason)), Some(reason)),
    };
    proto::Attempt {
        number,
        start_time: Some(timestamp(entry.started_at)),
        end_time: entry.ended_at.map(timestamp),
        outcome: outcome.into(),
        failure_reason: reason_to_proto(reason).into(),
        detail: entry.log.detail,
        provider_request_id: entry.log.provider_request_id.unwrap_or_default(),
        provider_status: entry.log.provider_status.unwrap_or_default().into(),
        received_bytes: to_int64(entry.log.received_bytes),
        fetch_duration: Some(duration(entry.log.fetch)),
        store_duration: Some(duration(entry.log.store)),
        worker: entry.worker,
    }
}

/// One line a person can act on.
pub(in crate::grpc) fn summary(attachment: &Attachment) -> String {
    let tries = format!(
        "{} of {} attempts",
        attachment.attempts, attachment.max_attempts
    );
    match &attachment.status {
        AttachmentStatus::Pending { .. } => "Waits for its first attempt.".to_owned(),
        AttachmentStatus::Downloading => format!("An attempt is running ({tries})."),
        AttachmentStatus::Stored { object, .. } => {
            format!(
                "Stored: {} bytes of {}.",
                object.size_bytes, object.media_type
            )
        }
        AttachmentStatus::Failed {
            reason,
            next_attempt_at: Some(due),
        } => format!(
            "{} Failed with {reason} after {tries}; tried again by itself at {}.",
            reason.message(),
            due.replace_nanosecond(0).unwrap_or(*due),
        ),
        AttachmentStatus::Failed {
            reason,
            next_attempt_at: None,
        } => {
            format!(
                "{} Failed for good with {reason} after {tries}.",
                reason.message()
            )
        }
        AttachmentStatus::Rejected { reason }
        | AttachmentStatus::Unsupported { reason }
        | AttachmentStatus::Deleted { reason } => format!("{} ({reason})", reason.message()),
    }
}

/// A point in time as the contract spells it.
pub(in crate::grpc) fn timestamp(at: OffsetDateTime) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: at.unix_timestamp(),
        nanos: at.nanosecond().cast_signed(),
    }
}

fn duration(length: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: length.as_secs().cast_signed(),
        nanos: length.subsec_nanos().cast_signed(),
    }
}

fn source_to_proto(source: MediaSource) -> Source {
    match source {
        MediaSource::Line(line) => {
            let (provider, url) = match line.content_provider {
                LineContentProvider::Line => ("line", String::new()),
                LineContentProvider::External {
                    original_content_url,
                } => ("external", original_content_url),
            };
            Source::Line(proto::LineSource {
                message_id: line.message_id,
                part: line.part.as_str().to_owned(),
                content_provider: provider.to_owned(),
                original_content_url: url,
                image_set: line.image_set.map(|set| proto::LineImageSet {
                    id: set.id,
                    index: set.index.unwrap_or_default().into(),
                    total: set.total.unwrap_or_default().into(),
                }),
            })
        }
        MediaSource::Slack(slack) => Source::Slack(proto::SlackSource {
            file_id: slack.file_id,
            url_private_download: slack.url_private_download.unwrap_or_default(),
            mode: slack.mode,
            file_access: slack.file_access,
        }),
        MediaSource::Url(url) => Source::Url(proto::UrlSource { url: url.url }),
    }
}

/// The two enums bear the same names; a test holds them together.
fn reason_to_proto(reason: Option<FailureReason>) -> proto::FailureReason {
    reason
        .and_then(|reason| proto::FailureReason::from_str_name(reason.as_str()))
        .unwrap_or(proto::FailureReason::Unspecified)
}

const fn kind_to_proto(kind: Option<MediaKind>) -> proto::AttachmentKind {
    match kind {
        Some(MediaKind::Image) => proto::AttachmentKind::Image,
        Some(MediaKind::Document) => proto::AttachmentKind::Document,
        Some(MediaKind::Video) => proto::AttachmentKind::Video,
        Some(MediaKind::Audio) => proto::AttachmentKind::Audio,
        None => proto::AttachmentKind::Unspecified,
    }
}

fn optional(name: Option<impl ToString>) -> String {
    name.map_or_else(String::new, |name| name.to_string())
}

fn to_int64(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_name_in_the_contract() {
        for reason in FailureReason::ALL {
            assert_ne!(
                reason_to_proto(Some(*reason)),
                proto::FailureReason::Unspecified,
                "{reason}"
            );
        }
        // And the contract has none that the core does not know.
        let known = (1..)
            .map_while(|n| proto::FailureReason::try_from(n).ok())
            .count();
        assert_eq!(known, FailureReason::ALL.len());
    }
}
