//! Redrives and usage as messages.

use super::super::error::Violation;
use super::enums::{reason_to_proto, reasons, status_to_proto};
use super::names::optional_name;
use super::times::{time, timestamp};
use crate::attachment::redrive::{RedriveFilter, RedriveRecord, Revivable, Revived};
use crate::attachment::usage::StatusUsage;
use crate::ids::RequestId;
use crate::proto::get_usage_response::StatusUsage as UsageMessage;
use crate::proto::{self, RedriveAttachmentsRequest, RedriveAttachmentsResponse};
use crate::redrive::Progress;

/// Which attachments to put back, and how the caller names the act.
pub(in crate::grpc) fn redrive_filter(
    request: &RedriveAttachmentsRequest,
) -> Result<(RedriveFilter, Option<RequestId>), Violation> {
    let channel = optional_name("channel_id", &request.channel_id)?;
    let statuses = redriven_statuses(&request.statuses)?;
    let reasons = reasons("failure_reasons", &request.failure_reasons)?;
    let ended_after = time("ended_after", request.ended_after.as_ref())?;
    let ended_before = time("ended_before", request.ended_before.as_ref())?;
    let request_id = optional_name("request_id", &request.request_id)?;
    let wanted = "must be empty with content: it is made of stored attachments";
    let revived = match (request.content, statuses.is_empty()) {
        (true, false) => return Err(Violation::new("statuses", wanted)),
        (true, true) if !reasons.is_empty() => {
            return Err(Violation::new("failure_reasons", wanted));
        }
        (true, true) => Revived::Content,
        (false, true) => Revived::Files(vec![Revivable::Failed]),
        (false, false) => Revived::Files(statuses),
    };
    let filter = RedriveFilter {
        revived,
        channel,
        reasons,
        ended_after,
        ended_before,
    };
    Ok((filter, request_id))
}

fn redriven_statuses(numbers: &[i32]) -> Result<Vec<Revivable>, Violation> {
    super::names::few("statuses", numbers, Revivable::ALL.len())?;
    let known = |(n, number): (usize, &i32)| {
        Revivable::ALL
            .into_iter()
            .find(|revived| i32::from(status_to_proto(revived.name())) == *number)
            .ok_or_else(|| {
                let wanted = "must be FAILED, REJECTED or UNSUPPORTED";
                Violation::new(format!("statuses[{n}]"), wanted)
            })
    };
    numbers.iter().enumerate().map(known).collect()
}

/// What a redrive did.
pub(in crate::grpc) fn redriven_to_proto(progress: Progress) -> RedriveAttachmentsResponse {
    RedriveAttachmentsResponse {
        matched_count: progress.matched.cast_signed(),
        redriven_count: progress.redriven.cast_signed(),
        done: progress.is_done,
        redrive_id: progress.id.to_string(),
    }
}

/// What a redrive would do.
pub(in crate::grpc) fn counted_to_proto(matched: u64) -> RedriveAttachmentsResponse {
    RedriveAttachmentsResponse {
        matched_count: matched.cast_signed(),
        redriven_count: 0,
        done: true,
        redrive_id: String::new(),
    }
}

/// An act of putting back as it is on record.
pub(in crate::grpc) fn redrive_to_proto(record: RedriveRecord) -> proto::Redrive {
    let filter = record.filter;
    let statuses = match &filter.revived {
        Revived::Files(statuses) => statuses.as_slice(),
        Revived::Content => &[],
    };
    let request = RedriveAttachmentsRequest {
        channel_id: filter.channel.map_or_else(String::new, |id| id.to_string()),
        statuses: statuses
            .iter()
            .map(|status| status_to_proto(status.name()).into())
            .collect(),
        failure_reasons: filter
            .reasons
            .iter()
            .map(|reason| reason_to_proto(Some(*reason)).into())
            .collect(),
        ended_after: filter.ended_after.map(timestamp),
        ended_before: filter.ended_before.map(timestamp),
        dry_run: false,
        content: filter.revived == Revived::Content,
        request_id: record.request_id.unwrap_or_default(),
    };
    proto::Redrive {
        redrive_id: record.id.to_string(),
        subject: record.subject,
        request: Some(request),
        redriven_count: record.redriven.cast_signed(),
        create_time: Some(timestamp(record.created_at)),
    }
}

/// Counts and bytes of one status.
pub(in crate::grpc) fn usage_to_proto(usage: &StatusUsage) -> UsageMessage {
    UsageMessage {
        status: status_to_proto(usage.status).into(),
        count: usage.count.cast_signed(),
        size_bytes: usage.size_bytes.cast_signed(),
    }
}
