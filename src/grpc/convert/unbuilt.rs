//! Requests of methods that are not built yet. What is wrong with them is said
//! all the same, so that a client learns it before the method comes.

use super::super::error::Violation;
use super::filter::page_size;
use super::names::{attachment_id, name, sealed_text};
use super::times::{length, time};
use crate::ids::{CorrelationId, MessageId};
use crate::proto::list_enriched_attachments_request::Group;
use crate::proto::{
    GetProcessedContentRequest, ListAuditEventsRequest, ListEnrichedAttachmentsRequest,
};
use std::time::Duration;

/// A caller waits no longer than this.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// What is wrong with a request for enriched attachments.
pub(in crate::grpc) fn check_enriched(
    request: &ListEnrichedAttachmentsRequest,
) -> Result<(), Violation> {
    match &request.group {
        Some(Group::CorrelationId(id)) => {
            name::<CorrelationId>("correlation_id", id)?;
        }
        Some(Group::MessageId(id)) => {
            name::<MessageId>("message_id", id)?;
        }
        None => {
            let wanted = "must be one of correlation_id and message_id";
            return Err(Violation::new("group", wanted));
        }
    }
    check_page(request.page_size, &request.page_token)?;
    length("wait", request.wait, Duration::ZERO, LONGEST_WAIT)?;
    if request.expected_count.is_some_and(|count| count < 0) {
        return Err(Violation::new("expected_count", "must not be negative"));
    }
    Ok(())
}

/// What is wrong with a request for processed content.
pub(in crate::grpc) fn check_processed(
    request: &GetProcessedContentRequest,
) -> Result<(), Violation> {
    attachment_id("attachment_id", &request.attachment_id)?;
    if request.max_chars < 0 {
        return Err(Violation::new("max_chars", "must not be negative"));
    }
    sealed_text("page_token", &request.page_token)?;
    length("wait", request.wait, Duration::ZERO, LONGEST_WAIT)?;
    Ok(())
}

/// What is wrong with a request for audit events.
pub(in crate::grpc) fn check_audit_events(
    request: &ListAuditEventsRequest,
) -> Result<(), Violation> {
    check_page(request.page_size, &request.page_token)?;
    time("create_time_after", request.create_time_after.as_ref())?;
    time("create_time_before", request.create_time_before.as_ref())?;
    Ok(())
}

/// What is wrong with the page that is asked for.
pub(in crate::grpc) fn check_page(size: i32, token: &str) -> Result<(), Violation> {
    page_size(size)?;
    sealed_text("page_token", token)
}
