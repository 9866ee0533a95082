//! Makes keys and tokens for the tests, good and bad.

use super::{
    DEFAULT_SCOPE_CLAIM, DEFAULT_TENANT_CLAIM, KeyAlgorithm, KeySetting, Settings, Verifier,
};
use crate::clock::Clock;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{self as ring_signature, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use rustls::pki_types::{AlgorithmIdentifier, alg_id};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use time::OffsetDateTime;

/// The time at which the tests stand, in Unix seconds.
pub(super) const NOW: i64 = 1_800_000_000;

/// A clock that stands still until it is set.
pub(super) struct StoppedClock(AtomicI64);

impl StoppedClock {
    pub(super) fn at(seconds: i64) -> Self {
        Self(AtomicI64::new(seconds))
    }

    pub(super) fn set(&self, seconds: i64) {
        self.0.store(seconds, Ordering::Relaxed);
    }
}

impl Clock for StoppedClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

/// A key pair, or a secret.
pub(super) enum Signer {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
    Hmac(Vec<u8>),
}

impl Signer {
    pub(super) fn ed25519() -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::Ed25519(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap())
    }

    pub(super) fn p256() -> Self {
        Self::P256(ecdsa_pair(&ring_signature::ECDSA_P256_SHA256_FIXED_SIGNING))
    }

    pub(super) fn hmac(secret: impl Into<Vec<u8>>) -> Self {
        Self::Hmac(secret.into())
    }

    /// The key as a verifier is given it.
    pub(super) fn setting(&self, kid: &str) -> KeySetting {
        let (algorithm, key) = match self {
            Self::Ed25519(pair) => (
                KeyAlgorithm::EdDsa,
                public_pem(alg_id::ED25519, pair.public_key().as_ref()),
            ),
            Self::P256(pair) => (
                KeyAlgorithm::Es256,
                public_pem(alg_id::ECDSA_P256, pair.public_key().as_ref()),
            ),
            Self::Hmac(secret) => (
                KeyAlgorithm::Hs256,
                String::from_utf8(secret.clone()).unwrap(),
            ),
        };
        KeySetting {
            kid: Some(kid.to_owned()),
            algorithm,
            key: key.into(),
        }
    }

    /// A token of exactly this header and these claims, which need not be JSON.
    pub(super) fn sign(&self, header: &str, claims: &str) -> String {
        let message = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(claims)
        );
        let signature = match self {
            Self::Ed25519(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
            Self::P256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
                signature.as_ref().to_vec()
            }
            Self::Hmac(secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                hmac::sign(&key, message.as_bytes()).as_ref().to_vec()
            }
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// An issuer with an Ed25519 key called `k1`, and verifiers that trust it.
pub(super) struct Forge {
    pub(super) signer: Signer,
    pub(super) clock: Arc<StoppedClock>,
}

impl Forge {
    pub(super) fn new() -> Self {
        Self {
            signer: Signer::ed25519(),
            clock: Arc::new(StoppedClock::at(NOW)),
        }
    }

    pub(super) fn verifier(&self) -> Verifier {
        self.verifier_of(&settings(vec![self.signer.setting("k1")]))
    }

    pub(super) fn verifier_of(&self, settings: &Settings) -> Verifier {
        Verifier::new(settings, self.clock.clone()).unwrap()
    }

    /// A well signed token of these claims.
    pub(super) fn token(&self, claims: &Value) -> String {
        self.signer
            .sign(r#"{"alg":"EdDSA","kid":"k1"}"#, &claims.to_string())
    }
}

pub(super) fn settings(keys: Vec<KeySetting>) -> Settings {
    Settings {
        issuer: "https://issuer.test".to_owned(),
        audience: "attachments".to_owned(),
        tenant_claim: DEFAULT_TENANT_CLAIM.to_owned(),
        scope_claim: DEFAULT_SCOPE_CLAIM.to_owned(),
        leeway: Settings::DEFAULT_LEEWAY,
        keys,
        allow_hs256: false,
        allow_dev_keys: false,
    }
}

/// Claims that are accepted at [`NOW`] and for a minute more.
pub(super) fn claims() -> Value {
    json!({
        "iss": "https://issuer.test",
        "aud": "attachments",
        "sub": "gateway",
        "tenant_id": "acme",
        "scope": "attachments:read",
        "iat": NOW,
        "exp": NOW + 60,
    })
}

/// The point of a new P-384 key.
pub(super) fn p384_point() -> Vec<u8> {
    let pair = ecdsa_pair(&ring_signature::ECDSA_P384_SHA384_FIXED_SIGNING);
    pair.public_key().as_ref().to_vec()
}

pub(super) fn public_pem(algorithm: AlgorithmIdentifier, key: &[u8]) -> String {
    let length = |bytes: usize| u8::try_from(bytes).unwrap();
    let mut body = vec![0x30, length(algorithm.len())];
    body.extend_from_slice(&algorithm);
    body.extend_from_slice(&[0x03, length(key.len() + 1), 0]);
    body.extend_from_slice(key);
    let der = [&[0x30, length(body.len())], &*body].concat();
    pem("PUBLIC KEY", &der)
}

pub(super) fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}

fn ecdsa_pair(algorithm: &'static ring_signature::EcdsaSigningAlgorithm) -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap()
}
