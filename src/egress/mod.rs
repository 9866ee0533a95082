//! The one way out: every call to a provider goes through [`Egress`].
//!
//! Promises: no redirect is followed unseen, no proxy of the environment is
//! used, no cookie is kept, no body is decoded; and whoever chose an address,
//! it is called only over https, at port 443, and only where it lies in the
//! public internet, unless the operator trusts its origin. The check sits
//! before the call (literals) and in the resolver (names), so a name cannot
//! change its meaning in between.

mod address;
mod fetched;
mod guard;
mod lookup;
mod reply;
mod retry_after;

pub use fetched::{FetchError, Fetched, Known, ResponseHead};
pub use guard::{Refused, admit};
pub use reply::Reply;

use crate::attachment::failure::FailureReason;
use lookup::{Machine, PublicOnly};
use reply::failure;
use reqwest::dns::Resolve;
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, HeaderValue};
use reqwest::{Client, ClientBuilder, Url, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use url::Origin;

/// How calls go out.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Time to connect, the look-up of the name included.
    pub connect_timeout: Duration,
    /// Time from the request sent to the head of the answer.
    pub first_byte_timeout: Duration,
    /// Time between two pieces of a body.
    pub idle_timeout: Duration,
    /// Scheme, host and port that may be called although they are not public
    /// or not https: simulators, and proxies that an operator put there.
    pub trusted_origins: Vec<Origin>,
}

/// The guarded client.
#[derive(Debug, Clone)]
pub struct Egress {
    /// For addresses that came from outside.
    foreign: Client,
    /// For addresses that the operator configured: guarded alike, with look-ups
    /// that no foreign name holds up.
    configured: Client,
    /// For the trusted origins, unguarded.
    trusted: Client,
    trusted_origins: Arc<[Origin]>,
    /// For the connection and the head of the answer together.
    head_timeout: Duration,
    idle_timeout: Duration,
}

/// Who chose an address. The guard is the same for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChosenBy {
    /// The operator, in the settings.
    Operator,
    /// Somebody outside: an event, a provider's answer, a redirect.
    Outsider,
}

/// The client could not be built.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be built")]
pub struct EgressError(#[source] reqwest::Error);

impl Egress {
    /// Builds the clients. `rustls` must have its crypto provider by now.
    pub fn new(settings: &Settings) -> Result<Self, EgressError> {
        Self::resolving(settings, Machine::new)
    }

    fn resolving<R>(settings: &Settings, resolver: impl Fn() -> R) -> Result<Self, EgressError>
    where
        R: Resolve + 'static,
    {
        let guarded = || client(settings, PublicOnly(resolver()));
        Ok(Self {
            foreign: guarded()?,
            configured: guarded()?,
            trusted: client(settings, resolver())?,
            trusted_origins: settings.trusted_origins.clone().into(),
            head_timeout: settings.connect_timeout + settings.first_byte_timeout,
            idle_timeout: settings.idle_timeout,
        })
    }

    /// Asks for `url` and gives the answer whatever its status, redirects
    /// included. The credential goes to this host only.
    pub async fn get(
        &self,
        url: Url,
        chosen_by: ChosenBy,
        credential: Option<&SecretString>,
    ) -> Result<Reply, FetchError> {
        let client = if self.trusted_origins.contains(&url.origin()) {
            &self.trusted
        } else {
            admit(&url)?;
            match chosen_by {
                ChosenBy::Operator => &self.configured,
                ChosenBy::Outsider => &self.foreign,
            }
        };
        let mut request = client.get(url).header(ACCEPT_ENCODING, "identity");
        if let Some(credential) = credential {
            let mut bearer =
                HeaderValue::from_str(&format!("Bearer {}", credential.expose_secret())).map_err(
                    |_| {
                        let detail = "the credential holds characters no header may have";
                        FetchError::new(FailureReason::SourceAuthFailed, detail)
                    },
                )?;
            bearer.set_sensitive(true);
            request = request.header(AUTHORIZATION, bearer);
        }
        // The connector keeps a limit of its own within this one, so the
        // answer has its time whatever the connection took.
        match timeout(self.head_timeout, request.send()).await {
            Ok(Ok(response)) => Ok(Reply::new(response, self.idle_timeout)),
            Ok(Err(error)) => Err(failure(&error)),
            Err(_elapsed) => {
                let detail = "no answer in time (egress.first_byte_timeout)";
                Err(FetchError::new(FailureReason::SourceTimeout, detail))
            }
        }
    }
}

fn client(settings: &Settings, resolver: impl Resolve + 'static) -> Result<Client, EgressError> {
    let resolver = Arc::new(resolver);
    let client = builder(settings).dns_resolver(resolver).build();
    client.map_err(EgressError)
}

/// Of the time limits only that of the connection is here: the client's
/// others do not tell what they waited for.
fn builder(settings: &Settings) -> ClientBuilder {
    Client::builder()
        .no_proxy()
        .referer(false)
        .redirect(redirect::Policy::none())
        .connect_timeout(settings.connect_timeout)
        .user_agent(concat!("attachments/", env!("CARGO_PKG_VERSION")))
}

#[cfg(test)]
mod tests;
