//! Records and their story as messages.

use super::enums::{kind_to_proto, processing_to_proto, reason_to_proto, status_to_proto};
use super::link::form_to_proto;
use super::times::{duration, timestamp};
use crate::attachment::facts::Facts;
use crate::attachment::failure::FailureReason;
use crate::attachment::journal::{Ending, JournalEntry};
use crate::attachment::language::Language;
use crate::attachment::media::MediaType;
use crate::attachment::rendition::StoredRendition;
use crate::attachment::source::{LineContentProvider, LineMessageType, MediaSource};
use crate::attachment::status::AttachmentStatus;
use crate::attachment::status_name::StatusName;
use crate::attachment::work::WorkKind;
use crate::attachment::{Attachment, Origin};
use crate::proto::{self, attachment::Source, attempt::Work};
use std::fmt::Write as _;

/// A record as the contract spells it, with its reason in the caller's language.
pub(in crate::grpc) fn attachment_to_proto(
    attachment: Attachment,
    language: Language,
) -> proto::Attachment {
    let reason = attachment.status.reason();
    let next_attempt_at = attachment.status.next_attempt_at();
    let failed = matches!(attachment.status, AttachmentStatus::Failed { .. });
    let (source, sender) = match attachment.origin {
        Origin::Known { source, sender } => (Some(source_to_proto(source)), sender),
        Origin::Forgotten => (None, None),
    };
    let mut message = proto::Attachment {
        attachment_id: attachment.id.to_string(),
        channel_id: attachment.channel.to_string(),
        source,
        message_id: attachment.message_id.to_string(),
        conversation_id: optional(attachment.conversation_id),
        correlation_id: optional(attachment.correlation_id),
        sender_id: optional(sender),
        message_time: attachment.message_time.map(timestamp),
        file_name: attachment.file_name.as_str().to_owned(),
        declared_content_type: attachment.declared_content_type,
        declared_size_bytes: attachment.declared_size_bytes.map(to_int64),
        status: status_to_proto((&attachment.status).into()).into(),
        failure_reason: reason_to_proto(reason).into(),
        failure_message: reason
            .map_or("", |reason| reason.message(language))
            .to_owned(),
        retryable: failed && next_attempt_at.is_some(),
        attempt_count: attachment.attempt_count.into(),
        max_attempts: attachment.max_attempts.into(),
        next_attempt_time: next_attempt_at.map(timestamp),
        kind: kind_to_proto(attachment.kind).into(),
        create_time: Some(timestamp(attachment.created_at)),
        update_time: Some(timestamp(attachment.updated_at)),
        expire_time: attachment.expires_at.map(timestamp),
        renditions: attachment.renditions.iter().map(rendition).collect(),
        processing_status: processing_to_proto(attachment.processing).into(),
        ..proto::Attachment::default()
    };
    if let AttachmentStatus::Stored {
        object,
        facts,
        stored_at,
    } = attachment.status
    {
        let (image, av) = facts_to_proto(facts);
        message = proto::Attachment {
            image,
            av,
            content_type: object.media_type.mime().to_owned(),
            size_bytes: to_int64(object.size_bytes),
            checksum_sha256: object.sha256.to_hex(),
            storage_key: object.key.as_str().to_owned(),
            stored_time: Some(timestamp(stored_at)),
            ..message
        };
    }
    message
}

/// What is known of a picture, or of a recording.
fn facts_to_proto(facts: Facts) -> (Option<proto::ImageInfo>, Option<proto::AvInfo>) {
    match facts {
        Facts::Image(image) => {
            let image = proto::ImageInfo {
                width: to_int32(image.width),
                height: to_int32(image.height),
                orientation: image.orientation.into(),
                frames: to_int32(image.frames),
                thumbhash: image.thumbhash.unwrap_or_default(),
            };
            (Some(image), None)
        }
        Facts::Av(av) => {
            let (width, height) = av.pixels.unwrap_or_default();
            let av = proto::AvInfo {
                duration: av.duration.map(duration),
                width: to_int32(width),
                height: to_int32(height),
            };
            (None, Some(av))
        }
        Facts::Document(_) | Facts::Other => (None, None),
    }
}

/// An attempt as the contract spells it; `number` counts from 1.
pub(in crate::grpc) fn attempt_to_proto(number: i32, entry: JournalEntry) -> proto::Attempt {
    use proto::attachment::Status;
    let (outcome, reason) = match entry.ending {
        Ending::Running => (Status::Downloading, None),
        Ending::Succeeded => (Status::Stored, None),
        Ending::Failed(reason) => (status_to_proto(StatusName::ended(reason)), Some(reason)),
    };
    let (work, outcome) = match entry.work {
        WorkKind::Ingest => (Work::Ingest, outcome),
        WorkKind::Content => (Work::Content, Status::Unspecified),
    };
    let measured = entry.log.measured;
    proto::Attempt {
        number,
        work: work.into(),
        start_time: Some(timestamp(entry.started_at)),
        end_time: entry.ended_at.map(timestamp),
        outcome: outcome.into(),
        counted: entry.counted,
        measured_bytes: measured.bytes.map(to_int64),
        limit_bytes: measured.limit_bytes.map(to_int64),
        declared_content_type: measured.declared_type.unwrap_or_default(),
        detected_content_type: measured
            .detected_type
            .map_or("", MediaType::mime)
            .to_owned(),
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

/// What happened, and what to do where something can be done.
pub(in crate::grpc) fn summary(attachment: &Attachment, journal: &[JournalEntry]) -> String {
    let tries = tries(attachment, journal);
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
            "{} Failed with {reason} ({tries}); tried again by itself at {}.",
            reason.message(Language::English),
            due.replace_nanosecond(0).unwrap_or(*due),
        ),
        AttachmentStatus::Failed {
            reason,
            next_attempt_at: None,
        } => ended("Failed", *reason, &format!(" ({tries})"), journal),
        AttachmentStatus::Rejected { reason } => ended("Rejected", *reason, "", journal),
        AttachmentStatus::Unsupported { reason } => ended("Unsupported", *reason, "", journal),
        AttachmentStatus::Deleted { reason } => ended("Deleted", *reason, "", &[]),
    }
}

/// How many attempts counted, and how many did not.
fn tries(attachment: &Attachment, journal: &[JournalEntry]) -> String {
    let Attachment {
        attempt_count,
        max_attempts,
        ..
    } = attachment;
    let not_counted = journal
        .iter()
        .filter(|entry| entry.work == WorkKind::Ingest && !entry.counted)
        .count();
    let counted = format!("{attempt_count} of {max_attempts} attempts counted");
    if not_counted == 0 {
        counted
    } else {
        format!("{counted}, {not_counted} did not count")
    }
}

/// The reason in words, what was measured, and what to do.
fn ended(how: &str, reason: FailureReason, tries: &str, journal: &[JournalEntry]) -> String {
    let mut text = format!(
        "{} {how} with {reason}{tries}.",
        reason.message(Language::English)
    );
    let last = journal.iter().rfind(|entry| entry.work == WorkKind::Ingest);
    let measured = last.map(|entry| &entry.log.measured);
    if let Some(Some((bytes, limit))) = measured.map(|seen| seen.bytes.zip(seen.limit_bytes)) {
        let _ = write!(text, " {bytes} bytes, {limit} are allowed.");
    }
    if let Some(detected) = measured.and_then(|seen| seen.detected_type) {
        let _ = write!(text, " Found to be {detected}.");
    }
    let advice = reason.advice();
    if !advice.is_empty() {
        let _ = write!(text, " {advice}");
    }
    text
}

fn rendition(stored: &StoredRendition) -> proto::Rendition {
    let (width, height) = stored.pixels.unwrap_or_default();
    proto::Rendition {
        r#type: form_to_proto(stored.rendition).into(),
        content_type: stored.content_type.clone(),
        size_bytes: to_int64(stored.size_bytes),
        width: to_int32(width),
        height: to_int32(height),
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
                message_type: line
                    .message_type
                    .map_or("", LineMessageType::as_str)
                    .to_owned(),
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
        MediaSource::Url(url) => Source::Url(proto::UrlSource {
            url: url.as_str().to_owned(),
        }),
    }
}

fn optional(name: Option<impl ToString>) -> String {
    name.map_or_else(String::new, |name| name.to_string())
}

pub(super) fn to_int32(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

pub(super) fn to_int64(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
