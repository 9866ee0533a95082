//! Plain https URLs: fetched without a credential and without redirects.

use crate::attachment::failure::FailureReason;
use crate::attachment::source::UrlSource;
use crate::egress::{ChosenBy, Egress, FetchError, Fetched};
use ::url::Url;
use http::StatusCode;

pub(super) async fn fetch(egress: &Egress, source: &UrlSource) -> Result<Fetched, FetchError> {
    let url = Url::parse(&source.url).map_err(|_| {
        FetchError::new(
            FailureReason::SourceRefusedAddress,
            "the address cannot be read",
        )
    })?;
    let reply = egress.get(url, ChosenBy::Outsider, None).await?;
    let head = reply.head("x-request-id");
    match reply.status() {
        StatusCode::OK => reply.into_fetched(head),
        _ => Err(reply.failure(head)),
    }
}
