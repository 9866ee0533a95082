//! Filters and page sizes.

use super::super::error::Violation;
use super::names::optional_name;
use super::status::status_from_proto;
use crate::attachment::listing::ListFilter;
use crate::proto::{ListAttachmentsRequest, WatchAttachmentsRequest};

const DEFAULT_PAGE: u16 = 50;
const LARGEST_PAGE: u16 = 200;

/// Reads the filters of a listing.
pub(in crate::grpc) fn filter_from_proto(
    request: &ListAttachmentsRequest,
) -> Result<ListFilter, Violation> {
    Ok(ListFilter {
        message_id: optional_name("message_id", &request.message_id)?,
        conversation_id: optional_name("conversation_id", &request.conversation_id)?,
        correlation_id: optional_name("correlation_id", &request.correlation_id)?,
        statuses: request
            .status
            .iter()
            .map(|status| status_from_proto(*status))
            .collect::<Result<_, _>>()?,
    })
}

/// Reads the filters of a watch: those of a listing.
pub(in crate::grpc) fn watch_filter(
    request: WatchAttachmentsRequest,
) -> Result<ListFilter, Violation> {
    filter_from_proto(&ListAttachmentsRequest {
        message_id: request.message_id,
        conversation_id: request.conversation_id,
        correlation_id: request.correlation_id,
        status: request.status,
        ..ListAttachmentsRequest::default()
    })
}

/// How many to give: 50 unless asked, 200 at most.
pub(in crate::grpc) fn page_size(asked: i32) -> Result<u16, Violation> {
    match asked {
        0 => Ok(DEFAULT_PAGE),
        1.. => Ok(u16::try_from(asked)
            .unwrap_or(LARGEST_PAGE)
            .min(LARGEST_PAGE)),
        _ => Err(Violation::new("page_size", "must not be negative")),
    }
}
