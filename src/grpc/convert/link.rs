//! Links as messages.

use super::super::error::{Violation, unimplemented};
use super::names::attachment_id;
use super::times::{length, timestamp};
use crate::access::{AccessLink, Disposition, LinkRequest};
use crate::attachment::rendition::Rendition;
use crate::proto::rendition::Type;
use crate::proto::{self, IssueAccessLinkRequest, access_link::Mode, issue_access_link_request};
use std::time::Duration;
use tonic::Status;

/// Signatures count in whole seconds, so a link lives for at least one.
const SHORTEST_TTL: Duration = Duration::from_secs(1);

/// Reads what is wanted of a link; `at` is its path in the call.
pub(in crate::grpc) fn link_request(
    at: &str,
    request: &IssueAccessLinkRequest,
) -> Result<LinkRequest, Status> {
    let field = |field: &str| format!("{at}{field}");
    let id = attachment_id(&field("attachment_id"), &request.attachment_id)?;
    let mode = Mode::try_from(request.mode)
        .map_err(|_| Violation::new(field("mode"), "must be a known mode"))?;
    let rendition = form(&field("rendition"), request.rendition)?;
    if request.single_use && mode != Mode::Proxy {
        let wanted = "is possible with mode PROXY only";
        return Err(Violation::new(field("single_use"), wanted).into());
    }
    let disposition = issue_access_link_request::Disposition::try_from(request.disposition)
        .map_err(|_| Violation::new(field("disposition"), "must be a known disposition"))?;
    let ttl = length(&field("ttl"), request.ttl, SHORTEST_TTL, Duration::MAX)?;
    if mode == Mode::Proxy {
        return Err(unimplemented("link mode PROXY"));
    }
    Ok(LinkRequest {
        id,
        rendition,
        ttl: ttl.map(|ttl| Duration::from_secs(ttl.as_secs())),
        disposition: match disposition {
            issue_access_link_request::Disposition::Unspecified => None,
            issue_access_link_request::Disposition::Inline => Some(Disposition::Inline),
            issue_access_link_request::Disposition::Attachment => Some(Disposition::Attachment),
        },
    })
}

/// Reads which form of a file is asked for.
pub(in crate::grpc) fn form(field: &str, number: i32) -> Result<Rendition, Violation> {
    match Type::try_from(number) {
        Ok(Type::Unspecified | Type::Original) => Ok(Rendition::Original),
        Ok(Type::Thumbnail) => Ok(Rendition::Thumbnail),
        Ok(Type::Model) => Ok(Rendition::Model),
        Ok(Type::Text) => Ok(Rendition::Text),
        Err(_) => Err(Violation::new(field, "must be a known rendition")),
    }
}

/// A form on the wire.
pub(in crate::grpc) const fn form_to_proto(rendition: Rendition) -> Type {
    match rendition {
        Rendition::Original => Type::Original,
        Rendition::Thumbnail => Type::Thumbnail,
        Rendition::Model => Type::Model,
        Rendition::Text => Type::Text,
    }
}

/// A link as the contract spells it.
pub(in crate::grpc) fn link_to_proto(link: AccessLink) -> proto::AccessLink {
    proto::AccessLink {
        url: link.link.url,
        expire_time: Some(timestamp(link.link.expires_at)),
        refresh_time: Some(timestamp(link.refresh_after)),
        mode: Mode::Presigned.into(),
        content_type: link.media_type.mime().to_owned(),
        size_bytes: link.size_bytes.cast_signed(),
        disposition: match link.disposition {
            Disposition::Inline => issue_access_link_request::Disposition::Inline,
            Disposition::Attachment => issue_access_link_request::Disposition::Attachment,
        }
        .into(),
        file_name: link.file_name.as_str().to_owned(),
    }
}
