//! Wire messages to the core's types and back.

mod channel;
mod filter;
mod link;
mod names;
mod operate;
mod record;
mod registration;
mod status;

pub(super) use channel::{channel_from_proto, channel_to_proto};
pub(super) use filter::{filter_from_proto, page_size, watch_filter};
pub(super) use link::{link_request, link_to_proto};
pub(super) use names::{attachment_id, name};
pub(super) use operate::{group, redrive_filter, source_name, usage_to_proto};
pub(super) use record::{attachment_to_proto, attempt_to_proto, summary};
pub(super) use registration::new_attachment;
