//! Page tokens and watch cursors on the wire: sealed for their tenant. A page
//! token would tell ids, and a place in the outbox how busy all tenants are.

use super::error::{Violation, internal};
use crate::attachment::change::Cursor;
use crate::ids::TenantId;
use crate::seal::{Purpose, Seal, SealError};
use crate::telemetry::Chain;
use prost::Message;
use std::str::FromStr;
use tonic::Status;

/// What a page token is bound to: the list it belongs to and its filters, as
/// they stand on the wire, whose numbers outlive the names in our code.
pub(super) fn listing(name: &str, request_without_page: &impl Message) -> Vec<u8> {
    let mut bound_to = format!("{name}\0").into_bytes();
    bound_to.extend_from_slice(&request_without_page.encode_to_vec());
    bound_to
}

/// A token that says: go on after `last`.
pub(super) fn page_token(
    seal: &Seal,
    tenant: &TenantId,
    listing: &[u8],
    last: &str,
) -> Result<String, Status> {
    Ok(seal.seal(Purpose::PageToken, tenant, listing, last.as_bytes())?)
}

/// What a page token says to go on after; `None` for the empty one of a first page.
pub(super) fn read_page_token<T: FromStr>(
    seal: &Seal,
    tenant: &TenantId,
    listing: &[u8],
    token: &str,
) -> Result<Option<T>, Violation> {
    if token.is_empty() {
        return Ok(None);
    }
    let last = seal.open(Purpose::PageToken, tenant, listing, token);
    last.and_then(|last| parsed(&last))
        .map(Some)
        .ok_or_else(|| Violation::new("page_token", "is not a token of this listing"))
}

/// The cursor as its tenant gets it.
pub(super) fn cursor(seal: &Seal, tenant: &TenantId, cursor: Cursor) -> Result<String, Status> {
    let clear = cursor.to_string();
    Ok(seal.seal(Purpose::WatchCursor, tenant, &[], clear.as_bytes())?)
}

/// The cursor that a tenant gives back; `None` for the empty one.
pub(super) fn read_cursor(
    seal: &Seal,
    tenant: &TenantId,
    text: &str,
) -> Result<Option<Cursor>, Violation> {
    if text.is_empty() {
        return Ok(None);
    }
    let place = seal.open(Purpose::WatchCursor, tenant, &[], text);
    place
        .and_then(|place| parsed(&place))
        .map(Some)
        .ok_or_else(|| Violation::new("cursor", "is not a cursor of this service"))
}

fn parsed<T: FromStr>(clear: &[u8]) -> Option<T> {
    str::from_utf8(clear).ok()?.parse().ok()
}

impl From<SealError> for Status {
    fn from(error: SealError) -> Self {
        tracing::error!(error = %Chain(&error), "the cipher failed");
        internal()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::ListAttachmentsRequest;

    #[test]
    fn a_page_token_holds_for_its_list_and_filters_only() {
        let seal = Seal::new(&"signing key".into());
        let tenant = "acme".parse().unwrap();
        let filtered = |message: &str| ListAttachmentsRequest {
            message_ids: vec![message.to_owned()],
            ..ListAttachmentsRequest::default()
        };
        let one = listing("attachments", &filtered("m-1"));
        let token = page_token(&seal, &tenant, &one, "7").unwrap();
        let read = |listing: &[u8], token| read_page_token::<u8>(&seal, &tenant, listing, token);
        assert_eq!(read(&one, &token), Ok(Some(7)));
        assert_eq!(read(&one, ""), Ok(None));
        assert!(read(&listing("attachments", &filtered("m-2")), &token).is_err());
        assert!(read(&listing("channels", &filtered("m-1")), &token).is_err());
    }

    #[test]
    fn a_cursor_opens_for_its_own_tenant_only() {
        let seal = Seal::new(&"signing key".into());
        let (acme, globex) = ("acme".parse().unwrap(), "globex".parse().unwrap());
        let place: Cursor = "7-3-1700000000".parse().unwrap();
        let text = cursor(&seal, &acme, place).unwrap();
        assert_eq!(read_cursor(&seal, &acme, &text), Ok(Some(place)));
        assert!(read_cursor(&seal, &globex, &text).is_err());
        assert!(read_cursor(&seal, &acme, "7-3-1700000000").is_err());
        assert_eq!(read_cursor(&seal, &acme, ""), Ok(None));
    }
}
