//! Where files come from: one module a provider, one guarded way out.
//!
//! Promises: a credential goes to its provider's hosts and nowhere else; no
//! address inside our network is ever called; every failure has a typed
//! reason, and neither a provider's text nor a URL is part of it. What a file
//! may be, and how much of it is read, is decided by whoever reads the body.

mod credential;
mod line;
mod slack;
mod url;

pub use credential::{Owner, Sealer, SealingError, SealingKey};
pub use line::Settings as LineSettings;
pub use slack::{RedirectHost, Settings as SlackSettings};

use crate::attachment::failure::FailureReason;
use crate::attachment::media::DeclaredType;
use crate::attachment::source::{LineContentProvider, MediaSource};
use crate::egress::{Egress, FetchError, Fetched};
use secrecy::SecretString;

/// The providers.
#[derive(Debug, Clone)]
pub struct Providers {
    egress: Egress,
    line: LineSettings,
    slack: SlackSettings,
}

impl Providers {
    /// Providers at these addresses, called through `egress`.
    #[must_use]
    pub fn new(egress: Egress, line: LineSettings, slack: SlackSettings) -> Self {
        Self {
            egress,
            line,
            slack,
        }
    }

    /// Begins a download of what its sender declares to be this. The address is
    /// worked out anew at every attempt; a credential is asked for where the
    /// provider wants one.
    pub async fn fetch(
        &self,
        source: &MediaSource,
        declared: DeclaredType,
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
                    line::fetch(&self.egress, &self.line, line, declared, required()?).await
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
