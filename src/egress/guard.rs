//! What an address must be before anything is looked up.

use super::address::is_public;
use super::fetched::FetchError;
use crate::attachment::failure::FailureReason;
use url::{Host, Url};

/// Why an address is not called. Never holds the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(&'static str);

impl From<Refused> for FetchError {
    fn from(Refused(why): Refused) -> Self {
        Self::new(FailureReason::SourceRefusedAddress, why)
    }
}

/// Whether an address may be called that is of no trusted origin: over https,
/// at port 443, in the public internet as far as its spelling tells. Where a
/// name leads is seen when it is looked up.
pub fn admit(url: &Url) -> Result<(), Refused> {
    let refused = |why| Err(Refused(why));
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

    #[test]
    fn addresses_are_https_public_and_plain() {
        let refused = |text: &str| Url::parse(text).is_ok_and(|url| admit(&url).is_err());
        for bad in [
            "http://example.com/",
            "ftp://example.com/",
            "blob:https://example.com/",
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
}
