//! A provider's answer: its head first, then a body or a document, or what
//! it means that there is neither.
//!
//! Promises: no wait without an end; no document is read beyond what one may
//! have; every failure is read by its root cause, for `reqwest` files
//! truncation, reset and time-out alike under "decode".

use super::lookup::{FailedLookup, RefusedAddress};
use super::{FetchError, Fetched, Known, ResponseHead, retry_after};
use crate::attachment::failure::FailureReason;
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, LOCATION, TRANSFER_ENCODING};
use reqwest::{Response, StatusCode, Version};
use serde::de::DeserializeOwned;
use std::io;
use std::time::Duration;
use tokio::time::timeout;

/// What an API has to say fits into this many bytes.
const MAX_DOCUMENT_BYTES: usize = 1024 * 1024;

/// An answer whose head has come.
pub struct Reply {
    response: Response,
    idle_timeout: Duration,
}

impl Reply {
    /// No two pieces of its body may be further apart than `idle_timeout`.
    pub(super) fn new(response: Response, idle_timeout: Duration) -> Self {
        Self {
            response,
            idle_timeout,
        }
    }

    /// Its HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// Where a redirect leads, as it is written.
    pub fn location(&self) -> Option<&str> {
        self.response.headers().get(LOCATION)?.to_str().ok()
    }

    /// What is written down of it.
    #[must_use]
    pub fn head(&self, request_id_header: &str) -> ResponseHead {
        ResponseHead {
            status: Some(self.status().as_u16()),
            // The provider's text in a row of ours: short, and of harmless characters.
            request_id: header_text(self.response.headers(), request_id_header).filter(|id| {
                id.len() <= 128
                    && id
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
            }),
        }
    }

    /// Turns a 2xx answer into a body; everything else is the caller's to read.
    pub fn into_fetched(self, head: ResponseHead) -> Result<Fetched, FetchError> {
        let headers = self.response.headers();
        let encoded = headers
            .get_all(CONTENT_ENCODING)
            .into_iter()
            .any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"));
        if encoded {
            let detail = "the answer is compressed although we asked for it as it is";
            return Err(
                FetchError::new(FailureReason::SourceUnexpectedEncoding, detail).with_head(head),
            );
        }
        let content_type = header_text(headers, CONTENT_TYPE.as_str()).unwrap_or_default();
        let content_length = self.response.content_length();
        let says_its_end = content_length.is_some()
            || headers.contains_key(TRANSFER_ENCODING)
            || self.response.version() >= Version::HTTP_2;
        let kept = head.clone();
        let body = self
            .pieces()
            .map_err(move |failure| failure.with_head(kept.clone()))
            .boxed();
        Ok(Fetched {
            head,
            content_type,
            content_length,
            says_its_end,
            known: Known::default(),
            body,
        })
    }

    /// Reads a JSON document, which must be whole within the time that one
    /// silence may last: it is small.
    pub async fn into_document<T: DeserializeOwned>(self) -> Result<T, FetchError> {
        let unreadable = |detail| FetchError::new(FailureReason::SourceUnavailable, detail);
        let patience = self.idle_timeout;
        let collect = async {
            let mut document = BytesMut::new();
            let mut pieces = std::pin::pin!(self.pieces());
            while let Some(piece) = pieces.try_next().await? {
                if document.len() + piece.len() > MAX_DOCUMENT_BYTES {
                    return Err(unreadable("the provider's answer is too long"));
                }
                document.extend_from_slice(&piece);
            }
            Ok(document)
        };
        let document = timeout(patience, collect).await;
        let document = document.unwrap_or_else(|_elapsed| Err(silent()))?;
        serde_json::from_slice(&document)
            .map_err(|_| unreadable("the provider answered with something else than JSON"))
    }

    fn pieces(self) -> impl Stream<Item = Result<Bytes, FetchError>> + Send + 'static {
        let idle_timeout = self.idle_timeout;
        let body = self.response.bytes_stream().boxed();
        stream::try_unfold(body, move |mut body| async move {
            match timeout(idle_timeout, body.next()).await {
                Err(_elapsed) => Err(silent()),
                Ok(None) => Ok(None),
                Ok(Some(Ok(piece))) => Ok(Some((piece, body))),
                Ok(Some(Err(error))) => Err(failure(&error)),
            }
        })
    }

    /// What an answer other than 200 means, where the channel knows no better.
    #[must_use]
    pub fn failure(&self, head: ResponseHead) -> FetchError {
        let (reason, detail) = match self.status() {
            StatusCode::UNAUTHORIZED => (
                FailureReason::SourceAuthFailed,
                "the provider refused the credential",
            ),
            StatusCode::FORBIDDEN => (
                FailureReason::SourceForbidden,
                "the provider forbids this file",
            ),
            StatusCode::NOT_FOUND => (
                FailureReason::SourceNotFound,
                "the provider knows no such file",
            ),
            StatusCode::GONE => (FailureReason::SourceDeleted, "the file was taken back"),
            StatusCode::TOO_MANY_REQUESTS => (
                FailureReason::SourceRateLimited,
                "the provider asks to slow down",
            ),
            StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => (
                FailureReason::SourceTimeout,
                "the provider timed out on its side",
            ),
            StatusCode::PAYLOAD_TOO_LARGE => (
                FailureReason::TooLarge,
                "the provider finds the file too large",
            ),
            status if status.is_redirection() => (
                FailureReason::SourceRefusedAddress,
                "the provider redirects to elsewhere",
            ),
            status if status.is_client_error() => (
                FailureReason::SourceForbidden,
                "the provider refused the request",
            ),
            _ => (FailureReason::SourceUnavailable, "the provider failed"),
        };
        FetchError::new(reason, detail)
            .with_head(head)
            .with_retry_after(retry_after::parse(self.response.headers()))
    }
}

fn silent() -> FetchError {
    let detail = "no byte came for too long (egress.idle_timeout)";
    FetchError::new(FailureReason::SourceTimeout, detail)
}

/// What an exchange that broke down means.
pub(super) fn failure(error: &reqwest::Error) -> FetchError {
    let mut by_machine = false;
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = cause {
        if current.is::<RefusedAddress>() {
            let detail = "the name leads to an address that is not public; \
                          only an origin in egress.trusted_origins may";
            return FetchError::new(FailureReason::SourceRefusedAddress, detail);
        }
        if current.is::<FailedLookup>() {
            let detail = "the provider's name could not be looked up";
            return FetchError::new(FailureReason::SourceUnavailable, detail);
        }
        if let Some(io) = current.downcast_ref::<io::Error>() {
            // The machine gives a connection up by itself, in its own time.
            by_machine |= io.kind() == io::ErrorKind::TimedOut && io.raw_os_error().is_some();
        }
        cause = current.source();
    }
    let timed_out = error.is_timeout() || by_machine;
    let (reason, detail) = match (error.is_connect(), timed_out) {
        (true, true) if !by_machine => (
            FailureReason::SourceTimeout,
            "no connection in time (egress.connect_timeout)",
        ),
        (true, false) => (
            FailureReason::SourceUnavailable,
            "no connection to the provider",
        ),
        (_, true) => (
            FailureReason::SourceTimeout,
            "the connection timed out on its way",
        ),
        (false, false) if error.is_decode() || error.is_body() => (
            FailureReason::DownloadIncomplete,
            "the connection ended before the file did",
        ),
        (false, false) => (
            FailureReason::SourceUnavailable,
            "the provider broke off the exchange",
        ),
    };
    FetchError::new(reason, detail)
}

fn header_text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(ToOwned::to_owned)
}
