//! The one way out: every call to a provider goes through [`Egress`].
//!
//! Promises: no redirect is followed unseen, no proxy of the environment is
//! used, no cookie is kept, no body is decoded; and an address that came from
//! outside is called only over https, at port 443, and only where it lies in
//! the public internet. The check sits before the call (literals) and in the
//! resolver (names), so a name cannot change its meaning in between.

use super::address::is_public;
use super::{FetchError, Fetched, ResponseHead, retry_after};
use crate::attachment::failure::FailureReason;
use futures::StreamExt as _;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue,
};
use reqwest::{Client, Response, StatusCode, Url, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use url::Host;

/// How calls go out.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Time to connect.
    pub connect_timeout: Duration,
    /// Time without a byte, before the answer and inside it.
    pub idle_timeout: Duration,
    /// Time for a whole download.
    pub total_timeout: Duration,
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
}

/// Who chose an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
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
        let builder = || {
            Client::builder()
                .no_proxy()
                .referer(false)
                .redirect(redirect::Policy::none())
                .connect_timeout(settings.connect_timeout)
                .read_timeout(settings.idle_timeout)
                .timeout(settings.total_timeout)
                .user_agent(concat!("attachments/", env!("CARGO_PKG_VERSION")))
        };
        Ok(Self {
            guarded: builder()
                .dns_resolver(Arc::new(PublicOnly))
                .build()
                .map_err(EgressError)?,
            trusted: builder().build().map_err(EgressError)?,
            trusted_origins: settings.trusted_origins.clone().into(),
        })
    }

    /// Asks for `url` and gives the answer whatever its status, redirects
    /// included. The credential goes to this host only.
    pub(super) async fn get(
        &self,
        url: Url,
        origin: Origin,
        credential: Option<&SecretString>,
    ) -> Result<Response, FetchError> {
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
        request.send().await.map_err(|error| failure(&error))
    }

    fn is_trusted(&self, url: &Url) -> bool {
        origin_of(url).is_some_and(|origin| self.trusted_origins.contains(&origin))
    }
}

/// `host:port` of a URL.
pub(super) fn origin_of(url: &Url) -> Option<String> {
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

/// Marks a look-up that was refused, so that the cause is found in the chain.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to an address that is not public")]
struct RefusedAddress;

/// Looks names up as the machine does, and refuses a name that leads to a
/// single address outside the public internet.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if found.is_empty() || found.iter().any(|address| !is_public(address.ip())) {
                return Err(RefusedAddress.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Turns a 2xx answer into a body; everything else is the caller's to read.
pub(super) fn into_fetched(response: Response, head: ResponseHead) -> Result<Fetched, FetchError> {
    let encoded = response
        .headers()
        .get(CONTENT_ENCODING)
        .is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if encoded {
        let detail = "the answer is compressed although we asked for it as it is";
        return Err(
            FetchError::new(FailureReason::SourceUnexpectedEncoding, detail).with_head(head),
        );
    }
    let content_type = header_text(response.headers(), CONTENT_TYPE.as_str()).unwrap_or_default();
    let content_length = response.content_length();
    let kept = head.clone();
    let body = response
        .bytes_stream()
        .map(move |piece| piece.map_err(|error| failure(&error).with_head(kept.clone())))
        .boxed();
    Ok(Fetched {
        head,
        content_type,
        content_length,
        body,
    })
}

/// What is written down of an answer.
pub(super) fn head_of(response: &Response, request_id_header: &str) -> ResponseHead {
    ResponseHead {
        status: Some(response.status().as_u16()),
        // The provider's text in a row of ours: short, and of harmless characters.
        request_id: header_text(response.headers(), request_id_header).filter(|id| {
            id.len() <= 128
                && id
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
        }),
    }
}

/// The failure a status means that no provider gives a meaning of its own.
pub(super) fn status_failure(response: &Response, head: ResponseHead) -> FetchError {
    let (reason, detail) = match response.status() {
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
    let retry_after = retry_after::parse(response.headers());
    FetchError::new(reason, detail)
        .with_head(head)
        .with_retry_after(retry_after)
}

/// Reads a failure by its root cause: `reqwest` files truncation, reset and
/// time-out alike under "decode".
pub(super) fn failure(error: &reqwest::Error) -> FetchError {
    let mut io_kind = None;
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = cause {
        if current.is::<RefusedAddress>() {
            let detail = "the address is not public";
            return FetchError::new(FailureReason::SourceRefusedAddress, detail);
        }
        if let Some(io) = current.downcast_ref::<io::Error>() {
            io_kind = Some(io.kind());
        }
        cause = current.source();
    }
    if error.is_connect() && !error.is_timeout() {
        return FetchError::new(
            FailureReason::SourceUnavailable,
            "no connection to the provider",
        );
    }
    if error.is_timeout() || io_kind == Some(io::ErrorKind::TimedOut) {
        return FetchError::new(FailureReason::SourceTimeout, "the provider was too slow");
    }
    if error.is_decode() || error.is_body() {
        return FetchError::new(
            FailureReason::DownloadIncomplete,
            "the connection ended before the file did",
        );
    }
    FetchError::new(
        FailureReason::SourceUnavailable,
        "the provider broke off the exchange",
    )
}

fn header_text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[tokio::test]
    async fn a_name_that_leads_inside_is_refused_for_good() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let egress = Egress::new(&Settings {
            connect_timeout: Duration::from_secs(3),
            idle_timeout: Duration::from_secs(3),
            total_timeout: Duration::from_secs(3),
            trusted_origins: vec![],
        })
        .unwrap();
        let url = Url::parse("https://localhost/").unwrap();
        let failure = egress.get(url, Origin::Foreign, None).await.unwrap_err();
        assert_eq!(failure.reason, FailureReason::SourceRefusedAddress);
    }
}
