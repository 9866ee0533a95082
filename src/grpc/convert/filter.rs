//! Filters and page sizes.

use super::super::error::Violation;
use super::enums::{kinds, reasons, statuses};
use super::names::{few, name, optional_name};
use super::times::{length, time};
use crate::attachment::listing::{ListFilter, Order};
use crate::proto::list_attachments_request::Order as OrderMessage;
use crate::proto::{ListAttachmentsRequest, WatchAttachmentsRequest};
use std::time::Duration;

const DEFAULT_PAGE: u16 = 50;
const LARGEST_PAGE: u16 = 200;
const MAX_MESSAGES: usize = 100;
const SHORTEST_CHECKPOINT: Duration = Duration::from_secs(1);
const LONGEST_CHECKPOINT: Duration = Duration::from_hours(1);

/// Reads the filters of a list, and its order.
pub(in crate::grpc) fn list_filter(
    request: &ListAttachmentsRequest,
) -> Result<(ListFilter, Order), Violation> {
    let order = OrderMessage::try_from(request.order)
        .map_err(|_| Violation::new("order", "must be a known order"))?;
    let order = match order {
        OrderMessage::Unspecified | OrderMessage::NewestFirst => Order::NewestFirst,
        OrderMessage::OldestFirst => Order::OldestFirst,
    };
    Ok((filter(request)?, order))
}

/// Reads the filters of a watch, those of a list, and how often a place is
/// told without a change.
pub(in crate::grpc) fn watch_filter(
    request: WatchAttachmentsRequest,
) -> Result<(ListFilter, Option<Duration>), Violation> {
    let checkpoint = length(
        "checkpoint_interval",
        request.checkpoint_interval,
        SHORTEST_CHECKPOINT,
        LONGEST_CHECKPOINT,
    )?;
    let filter = filter(&ListAttachmentsRequest {
        message_ids: request.message_ids,
        conversation_id: request.conversation_id,
        correlation_id: request.correlation_id,
        sender_id: request.sender_id,
        channel_id: request.channel_id,
        statuses: request.statuses,
        kinds: request.kinds,
        failure_reasons: request.failure_reasons,
        create_time_after: request.create_time_after,
        create_time_before: request.create_time_before,
        ..ListAttachmentsRequest::default()
    })?;
    Ok((filter, checkpoint))
}

fn filter(request: &ListAttachmentsRequest) -> Result<ListFilter, Violation> {
    few("message_ids", &request.message_ids, MAX_MESSAGES)?;
    let message_ids = (0..)
        .zip(&request.message_ids)
        .map(|(n, id)| name(&format!("message_ids[{n}]"), id))
        .collect::<Result<_, _>>()?;
    Ok(ListFilter {
        message_ids,
        conversation_id: optional_name("conversation_id", &request.conversation_id)?,
        correlation_id: optional_name("correlation_id", &request.correlation_id)?,
        sender_id: optional_name("sender_id", &request.sender_id)?,
        channel: optional_name("channel_id", &request.channel_id)?,
        statuses: statuses("statuses", &request.statuses)?,
        kinds: kinds("kinds", &request.kinds)?,
        reasons: reasons("failure_reasons", &request.failure_reasons)?,
        created_after: time("create_time_after", request.create_time_after.as_ref())?,
        created_before: time("create_time_before", request.create_time_before.as_ref())?,
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
