//! Filters and page sizes.

use super::super::error::Violation;
use super::names::optional_name;
use crate::attachment::listing::{ListFilter, OpenState, StatusFilter};
use crate::proto::{self, ListAttachmentsRequest, WatchAttachmentsRequest};

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
            .map(|status| status_filter(*status))
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

fn status_filter(status: i32) -> Result<StatusFilter, Violation> {
    use proto::AttachmentStatus as Status;
    match Status::try_from(status) {
        Ok(Status::Pending) => Ok(StatusFilter::Open(OpenState::Pending)),
        Ok(Status::Downloading) => Ok(StatusFilter::Open(OpenState::Downloading)),
        Ok(Status::Stored) => Ok(StatusFilter::Stored),
        Ok(Status::Failed) => Ok(StatusFilter::Failed),
        Ok(Status::Rejected) => Ok(StatusFilter::Rejected),
        Ok(Status::Unsupported) => Ok(StatusFilter::Unsupported),
        Ok(Status::Deleted) => Ok(StatusFilter::Deleted),
        Ok(Status::Unspecified) | Err(_) => Err(Violation::new(
            "status",
            "must be a known status other than unspecified",
        )),
    }
}
