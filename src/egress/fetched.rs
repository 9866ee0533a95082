//! What a call brings back: a body that is arriving, or why there is none.

use crate::attachment::failure::FailureReason;
use crate::attachment::source::Method;
use bytes::Bytes;
use futures::stream::BoxStream;
use std::time::Duration;

/// A body that is arriving.
pub struct Fetched {
    /// What the provider says about it.
    pub head: ResponseHead,
    /// The type the provider gives it; empty when it gives none.
    pub content_type: String,
    /// How long the provider says it is.
    pub content_length: Option<u64>,
    /// Whether the connection says where the body ends: by its length, in
    /// chunks, or in frames. Else the end is where it closes.
    pub says_its_end: bool,
    /// What the provider says of the file elsewhere.
    pub known: Known,
    /// The bytes. Ends in an error rather than early where the connection says
    /// where it ends.
    pub body: BoxStream<'static, Result<Bytes, FetchError>>,
}

/// What a provider says of a file beside the file itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Its name.
    pub file_name: Option<String>,
    /// Its type.
    pub content_type: Option<String>,
    /// Its size in bytes.
    pub size_bytes: Option<u64>,
}

/// What is written down about a provider's answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResponseHead {
    /// Its HTTP status.
    pub status: Option<u16>,
    /// Its id of the request.
    pub request_id: Option<String>,
}

/// A file could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct FetchError {
    /// Why.
    pub reason: FailureReason,
    /// What happened, for an operator.
    pub detail: &'static str,
    /// How long the provider asks us to wait.
    pub retry_after: Option<Duration>,
    /// What the provider answered, if it did.
    pub head: ResponseHead,
    /// By what it was asked.
    pub method: Method,
}

impl FetchError {
    /// A failure without an answer.
    #[must_use]
    pub fn new(reason: FailureReason, detail: &'static str) -> Self {
        Self {
            reason,
            detail,
            retry_after: None,
            head: ResponseHead::default(),
            method: Method::Download,
        }
    }

    /// The same failure, of this method.
    #[must_use]
    pub fn by(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// The same failure with what the provider answered.
    #[must_use]
    pub fn with_head(mut self, head: ResponseHead) -> Self {
        self.head = head;
        self
    }

    /// The same failure with the wait that the provider asks for.
    #[must_use]
    pub fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        self.retry_after = retry_after;
        self
    }
}
