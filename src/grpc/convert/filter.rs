//! Filters and page sizes.

use super::super::error::{Violation, unimplemented};
use super::enums::{kinds, reasons, statuses};
use super::names::{few, name, optional_name};
use super::times::{length, time};
use crate::attachment::listing::ListFilter;
use crate::ids::{ChannelId, MessageId, SenderId};
use crate::proto::list_attachments_request::Order;
use crate::proto::{ListAttachmentsRequest, WatchAttachmentsRequest};
use std::time::Duration;
use tonic::Status;

const DEFAULT_PAGE: u16 = 50;
const LARGEST_PAGE: u16 = 200;
const MAX_MESSAGES: usize = 100;
const SHORTEST_CHECKPOINT: Duration = Duration::from_secs(1);
const LONGEST_CHECKPOINT: Duration = Duration::from_hours(1);

/// Reads the filters of a list, and its order.
pub(in crate::grpc) fn list_filter(request: &ListAttachmentsRequest) -> Result<ListFilter, Status> {
    let order = Order::try_from(request.order)
        .map_err(|_| Violation::new("order", "must be a known order"))?;
    let filter = filter(request)?;
    match order {
        Order::Unspecified | Order::NewestFirst => Ok(filter),
        // WIRE: the core lists newest first only.
        Order::OldestFirst => Err(unimplemented("order OLDEST_FIRST")),
    }
}

/// Reads the filters of a watch: those of a list.
pub(in crate::grpc) fn watch_filter(
    request: WatchAttachmentsRequest,
) -> Result<ListFilter, Status> {
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
    match checkpoint {
        None => Ok(filter),
        // WIRE: the core's watch tells of no place without a change.
        Some(_) => Err(unimplemented("checkpoint_interval")),
    }
}

fn filter(request: &ListAttachmentsRequest) -> Result<ListFilter, Status> {
    few("message_ids", &request.message_ids, MAX_MESSAGES)?;
    let message_ids: Vec<MessageId> = (0..)
        .zip(&request.message_ids)
        .map(|(n, id)| name(&format!("message_ids[{n}]"), id))
        .collect::<Result<_, _>>()?;
    let conversation_id = optional_name("conversation_id", &request.conversation_id)?;
    let correlation_id = optional_name("correlation_id", &request.correlation_id)?;
    let sender_id: Option<SenderId> = optional_name("sender_id", &request.sender_id)?;
    let channel_id: Option<ChannelId> = optional_name("channel_id", &request.channel_id)?;
    let statuses = statuses("statuses", &request.statuses)?;
    let kinds = kinds("kinds", &request.kinds)?;
    let reasons = reasons("failure_reasons", &request.failure_reasons)?;
    let after = time("create_time_after", request.create_time_after.as_ref())?;
    let before = time("create_time_before", request.create_time_before.as_ref())?;
    // WIRE: filters that the core's ListFilter has no place for yet.
    let missing = [
        (message_ids.len() > 1, "a filter by several message_ids"),
        (sender_id.is_some(), "a filter by sender_id"),
        (channel_id.is_some(), "a filter by channel_id"),
        (!kinds.is_empty(), "a filter by kinds"),
        (!reasons.is_empty(), "a filter by failure_reasons"),
        (after.is_some(), "a filter by create_time_after"),
        (before.is_some(), "a filter by create_time_before"),
    ];
    if let Some((_, what)) = missing.into_iter().find(|(asked, _)| *asked) {
        return Err(unimplemented(what));
    }
    Ok(ListFilter {
        message_id: message_ids.into_iter().next(),
        conversation_id,
        correlation_id,
        statuses,
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
