//! Plain https URLs: fetched without a credential and without redirects.

use super::egress::{Egress, Origin, head_of, into_fetched, status_failure};
use super::{FetchError, Fetched};
use crate::attachment::failure::FailureReason;
use crate::attachment::source::UrlSource;
use reqwest::{StatusCode, Url};

pub(super) async fn fetch(egress: &Egress, source: &UrlSource) -> Result<Fetched, FetchError> {
    let url = Url::parse(&source.url).map_err(|_| {
        FetchError::new(
            FailureReason::SourceRefusedAddress,
            "the address cannot be read",
        )
    })?;
    let response = egress.get(url, Origin::Foreign, None).await?;
    let head = head_of(&response, "x-request-id");
    match response.status() {
        StatusCode::OK => into_fetched(response, head),
        _ => Err(status_failure(&response, head)),
    }
}
