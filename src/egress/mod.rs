//! The one way out: every call to a provider goes through [`Egress`].
//!
//! Promises: no redirect is followed unseen, no proxy of the environment is
//! used, no cookie is kept, no body is decoded; and an address that came from
//! outside is called only over https, at port 443, and only where it lies in
//! the public internet. The check sits before the call (literals) and in the
//! resolver (names), so a name cannot change its meaning in between.

mod address;
mod fetched;
mod lookup;
mod reply;
mod retry_after;

pub use fetched::{FetchError, Fetched, ResponseHead};
pub use reply::Reply;

use crate::attachment::failure::FailureReason;
use address::is_public;
use lookup::Lookup;
use reply::failure;
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, HeaderValue};
use reqwest::{Client, ClientBuilder, Url, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use url::Host;

/// How calls go out.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Time to connect, the look-up of the name included.
    pub connect_timeout: Duration,
    /// Time from the request sent to the head of the answer.
    pub first_byte_timeout: Duration,
    /// Time between two pieces of a body.
    pub idle_timeout: Duration,
    /// `host:port` that may be called although it is not public or not https:
    /// for simulators, and for proxies that an operator put there.
    pub trusted_origins: Vec<String>,
}

/// The guarded client.
#[derive(Debug, Clone)]
pub struct Egress {
    /// For addresses that came from outside.
    guarded: Client,
    /// For addresses that the operator configured.
    trusted: Client,
    trusted_origins: Arc<[String]>,
    /// For the connection and the head of the answer together.
    head_timeout: Duration,
    idle_timeout: Duration,
}

/// Who chose an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The operator, in the settings.
    Configured,
    /// Somebody outside: an event, a provider's answer, a redirect.
    Foreign,
}

/// The client could not be built.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be built")]
pub struct EgressError(#[source] reqwest::Error);

impl Egress {
    /// Builds the clients. `rustls` must have its crypto provider by now.
    pub fn new(settings: &Settings) -> Result<Self, EgressError> {
        let client = |lookup| builder(settings).dns_resolver(Arc::new(lookup)).build();
        Ok(Self {
            guarded: client(Lookup::public_only()).map_err(EgressError)?,
            trusted: client(Lookup::new()).map_err(EgressError)?,
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
        origin: Origin,
        credential: Option<&SecretString>,
    ) -> Result<Reply, FetchError> {
        let client = match origin {
            Origin::Configured => &self.trusted,
            Origin::Foreign if self.is_trusted(&url) => &self.trusted,
            Origin::Foreign => {
                admit(&url)?;
                &self.guarded
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

    fn is_trusted(&self, url: &Url) -> bool {
        origin_of(url).is_some_and(|origin| self.trusted_origins.contains(&origin))
    }
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

/// `host:port` of a URL.
#[must_use]
pub fn origin_of(url: &Url) -> Option<String> {
    Some(format!(
        "{}:{}",
        url.host_str()?,
        url.port_or_known_default()?
    ))
}

/// What an address from outside must be before anything is looked up.
fn admit(url: &Url) -> Result<(), FetchError> {
    let refused = |detail| Err(FetchError::new(FailureReason::SourceRefusedAddress, detail));
    if url.scheme() != "https" {
        return refused("the address is not https");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refused("the address carries user info");
    }
    if url.port_or_known_default() != Some(443) {
        return refused("the address names a port other than 443");
    }
    let literal = match url.host() {
        Some(Host::Domain(_)) => return Ok(()),
        Some(Host::Ipv4(address)) => address.into(),
        Some(Host::Ipv6(address)) => address.into(),
        None => return refused("the address has no host"),
    };
    if is_public(literal) {
        Ok(())
    } else {
        refused("the address is not public")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::dns::{Name, Resolve, Resolving};

    fn refused(text: &str) -> bool {
        Url::parse(text).is_ok_and(|url| admit(&url).is_err())
    }

    #[test]
    fn addresses_from_outside_are_https_public_and_plain() {
        for bad in [
            "http://example.com/",
            "ftp://example.com/",
            "https://example.com:8443/",
            "https://user@example.com/",
            "https://user:secret@example.com/",
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://127.1/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[fe80::1]/",
            "https://169.254.169.254/latest/meta-data/",
            "https://１２７.0.0.1/",
        ] {
            assert!(refused(bad), "{bad}");
        }
        for good in [
            "https://example.com/a?b=c",
            "https://8.8.8.8/",
            "https://[2606:4700::1111]/",
        ] {
            assert!(!refused(good), "{good}");
        }
    }

    fn settings() -> Settings {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Settings {
            connect_timeout: Duration::from_secs(3),
            first_byte_timeout: Duration::from_secs(3),
            idle_timeout: Duration::from_secs(3),
            trusted_origins: vec![],
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_nowhere_may_do_so_later() {
        let egress = Egress::new(&settings()).unwrap();
        let url = Url::parse("https://nothing.invalid/").unwrap();
        let failure = egress.get(url, Origin::Foreign, None).await.err().unwrap();
        assert_eq!(failure.reason, FailureReason::SourceUnavailable);
        assert!(failure.detail.contains("looked up"), "{failure}");
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_refused_for_good() {
        let egress = Egress::new(&settings()).unwrap();
        let url = Url::parse("https://localhost/").unwrap();
        let failure = egress.get(url, Origin::Foreign, None).await.err().unwrap();
        assert_eq!(failure.reason, FailureReason::SourceRefusedAddress);
    }

    struct Silent;

    impl Resolve for Silent {
        fn resolve(&self, _: Name) -> Resolving {
            Box::pin(std::future::pending())
        }
    }

    #[tokio::test]
    async fn a_look_up_counts_into_the_time_to_connect() {
        let mut settings = settings();
        settings.connect_timeout = Duration::from_millis(50);
        let client = builder(&settings).dns_resolver(Arc::new(Silent)).build();
        let sent = client.unwrap().get("https://example.com/").send().await;
        let failure = failure(&sent.unwrap_err());
        assert_eq!(failure.reason, FailureReason::SourceTimeout);
        assert!(failure.detail.contains("connect_timeout"), "{failure}");
    }
}
