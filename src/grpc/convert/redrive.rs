//! Redrives and usage as messages.

use super::super::error::{Violation, unimplemented};
use super::enums::{reasons, status_to_proto};
use super::names::optional_name;
use super::times::time;
use crate::attachment::redrive::RedriveFilter;
use crate::attachment::status_name::StatusName;
use crate::attachment::usage::StatusUsage;
use crate::ids::RequestId;
use crate::proto::get_usage_response::StatusUsage as UsageMessage;
use crate::proto::{RedriveAttachmentsRequest, RedriveAttachmentsResponse};
use crate::redrive::Progress;
use tonic::Status;

/// What may be put back.
const REDRIVEN: [StatusName; 3] = [
    StatusName::Failed,
    StatusName::Rejected,
    StatusName::Unsupported,
];

/// Which attachments to put back.
pub(in crate::grpc) fn redrive_filter(
    request: &RedriveAttachmentsRequest,
) -> Result<RedriveFilter, Status> {
    let channel = optional_name("channel_id", &request.channel_id)?;
    let statuses = redriven_statuses(&request.statuses)?;
    let reasons = reasons("failure_reasons", &request.failure_reasons)?;
    let after = time("ended_after", request.ended_after.as_ref())?;
    let before = time("ended_before", request.ended_before.as_ref())?;
    let request_id: Option<RequestId> = optional_name("request_id", &request.request_id)?;
    if request.content && !statuses.is_empty() {
        let wanted = "must be empty with content: it is made of stored attachments";
        return Err(Violation::new("statuses", wanted).into());
    }
    if statuses.iter().any(|status| *status != StatusName::Failed) {
        // WIRE: the core puts FAILED attachments back alone.
        return Err(unimplemented("a redrive of REJECTED and UNSUPPORTED"));
    }
    if request.content {
        // WIRE: the core makes no content.
        return Err(unimplemented("a redrive of content"));
    }
    if request_id.is_some() {
        // WIRE: the core knows a redrive by no name of its caller's.
        return Err(unimplemented("request_id"));
    }
    Ok(RedriveFilter {
        channel,
        reasons,
        failed_after: after,
        failed_before: before,
    })
}

fn redriven_statuses(numbers: &[i32]) -> Result<Vec<StatusName>, Violation> {
    super::names::few("statuses", numbers, REDRIVEN.len())?;
    let known = |(n, number): (usize, &i32)| {
        REDRIVEN
            .into_iter()
            .find(|status| i32::from(status_to_proto(*status)) == *number)
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
        // WIRE: the core's redrive ends when all is put back, and keeps its id to itself.
        done: true,
        redrive_id: String::new(),
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
