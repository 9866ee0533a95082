//! Deletions, redrives and usage as messages.

use super::super::error::Violation;
use super::names::{name, optional_name};
use super::status::status_to_proto;
use crate::attachment::deletion::{Group, SourceName};
use crate::attachment::failure::FailureReason;
use crate::attachment::redrive::RedriveFilter;
use crate::attachment::usage::StatusUsage;
use crate::proto::get_usage_response::StatusUsage as UsageMessage;
use crate::proto::purge_attachments_request::Group as GroupMessage;
use crate::proto::{self, RedriveAttachmentsRequest, SourceReference};
use std::str::FromStr as _;
use time::OffsetDateTime;

/// A file by its provider's name of it.
pub(in crate::grpc) fn source_name(source: SourceReference) -> Result<SourceName, Violation> {
    let channel = name("source.channel_id", &source.channel_id)?;
    if source.media_id.is_empty() || source.media_id.len() > 2048 {
        return Err(Violation::new("source.media_id", "must be 1 to 2048 bytes"));
    }
    if source.media_id.chars().any(char::is_control) {
        return Err(Violation::new(
            "source.media_id",
            "must not hold control characters",
        ));
    }
    if !matches!(source.part.as_str(), "" | "preview") {
        return Err(Violation::new("source.part", "must be empty or `preview`"));
    }
    Ok(SourceName {
        channel,
        media_id: source.media_id,
        part: source.part,
    })
}

/// The files of a request, a message or a conversation.
pub(in crate::grpc) fn group(group: Option<GroupMessage>) -> Result<Group, Violation> {
    match group {
        Some(GroupMessage::CorrelationId(id)) => {
            name("correlation_id", &id).map(Group::Correlation)
        }
        Some(GroupMessage::MessageId(id)) => name("message_id", &id).map(Group::Message),
        Some(GroupMessage::ConversationId(id)) => {
            name("conversation_id", &id).map(Group::Conversation)
        }
        None => {
            let wanted = "must be one of correlation_id, message_id and conversation_id";
            Err(Violation::new("group", wanted))
        }
    }
}

/// Which failed attachments to put back.
pub(in crate::grpc) fn redrive_filter(
    request: &RedriveAttachmentsRequest,
) -> Result<RedriveFilter, Violation> {
    Ok(RedriveFilter {
        channel: optional_name("channel_id", &request.channel_id)?,
        reasons: request
            .failure_reason
            .iter()
            .map(|reason| failure_reason(*reason))
            .collect::<Result<_, _>>()?,
        failed_after: time("failed_after", request.failed_after.as_ref())?,
        failed_before: time("failed_before", request.failed_before.as_ref())?,
    })
}

/// Counts and bytes of one status.
pub(in crate::grpc) fn usage_to_proto(usage: &StatusUsage) -> UsageMessage {
    UsageMessage {
        status: status_to_proto(usage.status).into(),
        count: usage.count.cast_signed(),
        size_bytes: usage.size_bytes.cast_signed(),
    }
}

fn failure_reason(number: i32) -> Result<FailureReason, Violation> {
    proto::FailureReason::try_from(number)
        .ok()
        .and_then(|reason| FailureReason::from_str(reason.as_str_name()).ok())
        .ok_or_else(|| Violation::new("failure_reason", "must be a known reason"))
}

fn time(
    field: &str,
    at: Option<&prost_types::Timestamp>,
) -> Result<Option<OffsetDateTime>, Violation> {
    at.map(|at| {
        OffsetDateTime::from_unix_timestamp(at.seconds)
            .map_err(|_| Violation::new(field, "must be a time between the years -9999 and 9999"))
    })
    .transpose()
}
