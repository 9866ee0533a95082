//! Where files come from: one module a provider, one guarded way out.
//!
//! Promises: a credential goes to its provider's hosts and nowhere else; no
//! address inside our network is ever called; every failure has a typed
//! reason, and neither a provider's text nor a URL is part of it. What a file
//! may be, and how much of it is read, is decided by whoever reads the body.

mod address;
mod credential;
mod egress;
mod line;
mod lookup;
mod reply;
mod retry_after;
mod slack;
mod url;

pub use credential::{Sealer, SealingError, SealingKey};
pub use egress::{Egress, EgressError, Settings as EgressSettings};
pub use line::Settings as LineSettings;
pub use slack::Settings as SlackSettings;

use crate::attachment::failure::FailureReason;
use crate::attachment::media::Claim;
use crate::attachment::source::{LineContentProvider, MediaSource};
use bytes::Bytes;
use futures::stream::BoxStream;
use secrecy::SecretString;
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
    /// The bytes. Ends in an error rather than early where the connection says
    /// where it ends.
    pub body: BoxStream<'static, Result<Bytes, FetchError>>,
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
        }
    }

    fn with_head(mut self, head: ResponseHead) -> Self {
        self.head = head;
        self
    }

    fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        self.retry_after = retry_after;
        self
    }
}

/// The providers.
#[derive(Debug, Clone)]
pub struct Channels {
    egress: Egress,
    line: LineSettings,
    slack: SlackSettings,
}

impl Channels {
    /// Providers at these addresses, called through `egress`.
    #[must_use]
    pub fn new(egress: Egress, line: LineSettings, slack: SlackSettings) -> Self {
        Self {
            egress,
            line,
            slack,
        }
    }

    /// Begins a download of what its sender claims to be this. The address is
    /// worked out anew at every attempt; a credential is asked for where the
    /// provider wants one.
    pub async fn fetch(
        &self,
        source: &MediaSource,
        claim: Claim,
        credential: Option<&SecretString>,
    ) -> Result<Fetched, FetchError> {
        let required = || {
            credential.ok_or_else(|| {
                FetchError::new(
                    FailureReason::CredentialMissing,
                    "the channel has no credential",
                )
            })
        };
        match source {
            MediaSource::Line(line) => match line.content_provider {
                LineContentProvider::Line => {
                    line::fetch(&self.egress, &self.line, line, claim, required()?).await
                }
                LineContentProvider::External { .. } => Err(FetchError::new(
                    FailureReason::ExternalFile,
                    "LINE does not have the bytes",
                )),
            },
            MediaSource::Slack(slack) => {
                slack::fetch(&self.egress, &self.slack, slack, required()?).await
            }
            MediaSource::Url(url) => url::fetch(&self.egress, url).await,
        }
    }
}
