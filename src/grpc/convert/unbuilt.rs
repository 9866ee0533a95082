//! Requests of methods that are not built yet. What is wrong with them is said
//! all the same, so that a client learns it before the method comes.

use super::super::error::Violation;
use super::filter::page_size;
use super::names::sealed_text;
use super::times::time;
use crate::proto::ListAuditEventsRequest;

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
