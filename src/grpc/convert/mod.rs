//! Wire messages to the core's types and back.

mod channel;
mod content;
mod credential;
mod deletion;
mod enums;
mod etag;
mod filter;
mod limits;
mod link;
mod names;
mod record;
mod redrive;
mod registration;
mod tenant;
mod times;
mod unbuilt;
mod update_mask;

pub(super) use channel::{channel_to_proto, policy_after, put_channel_id};
pub(super) use content::{
    EnrichedRequest, PlaceInText, ProcessedRequest, content_to_proto, enriched_request,
    enriched_to_proto, processed_request,
};
pub(super) use credential::credential;
pub(super) use deletion::{
    cause, group, one_deleted_to_proto, purged_to_proto, source_deleted_to_proto, source_reference,
    whole_source,
};
pub(super) use etag::revision;
pub(super) use filter::{list_filter, page_size, watch_filter};
pub(super) use link::{form, form_to_proto, link_request, link_to_proto};
pub(super) use names::{attachment_id, name, sealed_text};
pub(super) use record::{attachment_to_proto, attempt_to_proto, summary};
pub(super) use redrive::{
    counted_to_proto, redrive_filter, redrive_to_proto, redriven_to_proto, usage_to_proto,
};
pub(super) use registration::new_attachment;
pub(super) use tenant::{tenant_after, tenant_to_proto};
pub(super) use times::timestamp;
pub(super) use unbuilt::check_audit_events;
