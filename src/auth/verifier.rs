//! Turns a token into a caller, or refuses it.
//!
//! Synchronous and without I/O: a token's header can name keys and addresses
//! as it likes, and nothing is ever fetched for it.

use super::Caller;
use super::claims::{Accepted, Rules};
use super::fault::InvalidSettings;
use super::keys::KeySet;
use super::rejected::Rejected;
use super::ring_crypto;
use super::settings::Settings;
use crate::clock::Clock;
use jsonwebtoken::{Header, decode_header};
use moka::sync::Cache;
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

const MAX_TOKEN_BYTES: usize = 8 * 1024;
const CACHED_TOKENS: u64 = 10_000;
/// A token that nobody sends any more leaves the cache after this time.
const CACHED_IDLE: Duration = Duration::from_mins(15);

/// The header types of an access token (RFC 7519, 5.1, and RFC 9068, 2.1).
const ACCEPTED_TYPES: [&str; 2] = ["JWT", "at+jwt"];

/// Verifies tokens. Share it: it remembers what it has proven.
pub struct Verifier {
    keys: KeySet,
    rules: Rules,
    clock: Arc<dyn Clock>,
    /// By the SHA-256 of the token, so that no token is kept.
    accepted: Cache<[u8; 32], Accepted>,
}

impl Verifier {
    /// Loads the keys and rules of `settings`.
    pub fn new(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, InvalidSettings> {
        for (name, value) in [
            ("issuer", &settings.issuer),
            ("audience", &settings.audience),
            ("tenant_claim", &settings.tenant_claim),
            ("scope_claim", &settings.scope_claim),
        ] {
            if value.is_empty() {
                return Err(InvalidSettings::Empty(name));
            }
        }
        if settings.leeway > Settings::MAX_LEEWAY {
            return Err(InvalidSettings::Leeway);
        }
        ring_crypto::install();
        Ok(Self {
            keys: KeySet::load(settings)?,
            rules: Rules::new(settings),
            clock,
            accepted: Cache::builder()
                .max_capacity(CACHED_TOKENS)
                .time_to_idle(CACHED_IDLE)
                .build(),
        })
    }

    /// Whom the token speaks for.
    pub fn verify(&self, token: &str) -> Result<Arc<Caller>, Rejected> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Rejected::TooLong);
        }
        let digest: [u8; 32] = Sha256::digest(token).into();
        if let Some(known) = self.accepted.get(&digest) {
            if known.until <= self.clock.now() {
                self.accepted.invalidate(&digest);
                return Err(Rejected::Expired);
            }
            return Ok(known.caller);
        }
        let proven = self.prove(token)?;
        self.accepted.insert(digest, proven.clone());
        Ok(proven.caller)
    }

    fn prove(&self, token: &str) -> Result<Accepted, Rejected> {
        let header = decode_header(token).map_err(|_| Rejected::Malformed)?;
        check_header(&header)?;
        let key = self
            .keys
            .find(header.kid.as_deref())
            .ok_or(Rejected::UnknownKey)?;
        let claims = key.prove(token)?;
        self.rules.judge(&claims, self.clock.now())
    }
}

/// Refuses what would change how the token is to be read. Offers of keys
/// (`jwk`, `jku`, `x5u`, `x5c`) are passed over: we have our own.
fn check_header(header: &Header) -> Result<(), Rejected> {
    let extras = header.extras.inner();
    let refused = [
        ("crit", header.crit.is_some()),
        ("enc", header.enc.is_some()),
        ("zip", header.zip.is_some()),
        ("b64", extras.contains_key("b64")),
    ];
    if let Some((name, _)) = refused.iter().find(|(_, present)| *present) {
        return Err(Rejected::HeaderField(name));
    }
    match &header.typ {
        Some(typ)
            if !ACCEPTED_TYPES
                .iter()
                .any(|known| known.eq_ignore_ascii_case(typ)) =>
        {
            Err(Rejected::Type)
        }
        _ => Ok(()),
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("keys", &self.keys)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::forge::{self, Forge, Signer};
    use super::*;

    #[test]
    fn a_proven_token_is_remembered() {
        let forge = Forge::new();
        let verifier = forge.verifier();
        let token = forge.token(&forge::claims());
        let first = verifier.verify(&token).unwrap();
        assert!(Arc::ptr_eq(&first, &verifier.verify(&token).unwrap()));
    }

    #[test]
    fn settings_that_would_let_anything_pass_are_refused() {
        let good = forge::settings(vec![Signer::ed25519().setting("k1")]);
        let refusal = |change: fn(&mut Settings)| {
            let mut settings = good.clone();
            change(&mut settings);
            Verifier::new(&settings, Forge::new().clock).err()
        };
        assert_eq!(refusal(|_| {}), None);
        let empty = |name| Some(InvalidSettings::Empty(name));
        assert_eq!(refusal(|s| s.issuer.clear()), empty("issuer"));
        assert_eq!(refusal(|s| s.audience.clear()), empty("audience"));
        assert_eq!(refusal(|s| s.tenant_claim.clear()), empty("tenant_claim"));
        assert_eq!(refusal(|s| s.scope_claim.clear()), empty("scope_claim"));
        assert_eq!(refusal(|s| s.leeway = Duration::from_secs(30)), None);
        assert_eq!(
            refusal(|s| s.leeway = Duration::from_secs(31)),
            Some(InvalidSettings::Leeway)
        );
        assert_eq!(refusal(|s| s.keys.clear()), Some(InvalidSettings::NoKeys));
    }

    #[test]
    fn debug_shows_no_secret() {
        let secret = "0123456789abcdef0123456789abcdef";
        let mut settings = forge::settings(vec![Signer::hmac(secret).setting("hmac")]);
        settings.allow_hs256 = true;
        let shown = format!("{settings:?} {:?}", Forge::new().verifier_of(&settings));
        assert!(
            !shown.contains(secret) && !shown.contains("48, 49, 50"),
            "{shown}"
        );
    }
}
