//! Links as messages.

use super::super::error::{Violation, unimplemented};
use super::names::attachment_id;
use super::record::timestamp;
use crate::access::{AccessLink, Disposition, LinkRequest};
use crate::proto::{self, IssueAccessLinkRequest};
use std::time::Duration;
use tonic::Status;

/// Reads what is wanted of a link; `at` is its path in the call.
pub(in crate::grpc) fn link_request(
    at: &str,
    request: &IssueAccessLinkRequest,
) -> Result<LinkRequest, Status> {
    let field = |field: &str| format!("{at}{field}");
    let id = attachment_id(&field("attachment_id"), &request.attachment_id)?;
    match proto::LinkMode::try_from(request.mode) {
        Ok(proto::LinkMode::Unspecified | proto::LinkMode::Presigned) => {}
        Ok(proto::LinkMode::Proxy) => return Err(unimplemented("link mode PROXY")),
        Err(_) => return Err(Violation::new(field("mode"), "must be a known mode").into()),
    }
    match proto::Rendition::try_from(request.rendition) {
        Ok(proto::Rendition::Unspecified | proto::Rendition::Original) => {}
        Ok(proto::Rendition::Thumbnail) => return Err(unimplemented("rendition THUMBNAIL")),
        Err(_) => {
            return Err(Violation::new(field("rendition"), "must be a known rendition").into());
        }
    }
    if request.single_use {
        let wanted = "is possible with mode PROXY only";
        return Err(Violation::new(field("single_use"), wanted).into());
    }
    let disposition = match proto::Disposition::try_from(request.disposition) {
        Ok(proto::Disposition::Unspecified) => None,
        Ok(proto::Disposition::Inline) => Some(Disposition::Inline),
        Ok(proto::Disposition::Attachment) => Some(Disposition::Attachment),
        Err(_) => {
            return Err(Violation::new(field("disposition"), "must be a known disposition").into());
        }
    };
    Ok(LinkRequest {
        id,
        ttl: ttl(&field("ttl"), request.ttl.as_ref())?,
        disposition,
    })
}

/// A link as the contract spells it.
pub(in crate::grpc) fn link_to_proto(link: AccessLink) -> proto::AccessLink {
    proto::AccessLink {
        url: link.link.url,
        expire_time: Some(timestamp(link.link.expires_at)),
        refresh_after: Some(timestamp(link.refresh_after)),
        mode: proto::LinkMode::Presigned.into(),
        content_type: link.media_type.mime().to_owned(),
        size_bytes: link.size_bytes.cast_signed(),
    }
}

/// Signatures count in whole seconds, so a link lives for at least one.
fn ttl(field: &str, asked: Option<&prost_types::Duration>) -> Result<Option<Duration>, Violation> {
    let Some(asked) = asked else {
        return Ok(None);
    };
    match u64::try_from(asked.seconds) {
        Ok(seconds @ 1..) => Ok(Some(Duration::from_secs(seconds))),
        Ok(0) | Err(_) => Err(Violation::new(field, "must be at least one second")),
    }
}
