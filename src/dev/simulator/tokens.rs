//! The tokens the simulated providers know.

use super::media::Media;
use super::shelf::Kept;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The LINE channel access token that is known from the start.
pub const LINE_DEV_TOKEN: &str = "line-dev-token";
/// The Slack bot token that is known from the start; it has [`FILES_READ`].
pub const SLACK_DEV_TOKEN: &str = "slack-dev-token";
/// The scope that Slack wants for a file's record and for its bytes.
pub const FILES_READ: &str = "files:read";

/// Whose token it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// A LINE channel access token.
    Line,
    /// A Slack bot or user token.
    Slack,
}

/// What a token may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The provider that issued the token.
    pub provider: Provider,
    /// Slack scopes; LINE tokens have none.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Known, but no longer good.
    #[serde(default)]
    pub revoked: bool,
}

impl Grant {
    /// A good LINE token.
    #[must_use]
    pub fn line() -> Self {
        Self {
            provider: Provider::Line,
            scopes: Vec::new(),
            revoked: false,
        }
    }

    /// A good Slack token with these scopes.
    #[must_use]
    pub fn slack(scopes: &[&str]) -> Self {
        let scopes = scopes.iter().copied().map(str::to_owned).collect();
        Self {
            provider: Provider::Slack,
            scopes,
            revoked: false,
        }
    }

    /// The same, revoked.
    #[must_use]
    pub fn revoked(self) -> Self {
        Self {
            revoked: true,
            ..self
        }
    }

    /// Whether Slack lets it read files.
    pub(super) fn reads_files(&self) -> bool {
        self.scopes.iter().any(|scope| scope == FILES_READ)
    }
}

impl Kept for Grant {
    const FOLDER: &'static str = "tokens";

    fn media(&self) -> Option<&Media> {
        None
    }

    fn media_mut(&mut self) -> Option<&mut Media> {
        None
    }
}

/// The tokens known at the start.
pub(super) fn dev_tokens() -> BTreeMap<String, Grant> {
    BTreeMap::from([
        (LINE_DEV_TOKEN.to_owned(), Grant::line()),
        (SLACK_DEV_TOKEN.to_owned(), Grant::slack(&[FILES_READ])),
    ])
}

/// The bearer token of a request.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
