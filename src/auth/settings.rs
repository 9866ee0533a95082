//! What the operator decides about tokens.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The claim that names the tenant unless configured otherwise.
pub const DEFAULT_TENANT_CLAIM: &str = "tenant_id";

/// The claim that names the scopes unless configured otherwise.
pub const DEFAULT_SCOPE_CLAIM: &str = "scope";

/// The key id of the key that `dev` makes for itself. Refused elsewhere.
pub const DEV_KID: &str = "dev";

/// How tokens are verified.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The one `iss` accepted.
    pub issuer: String,
    /// The `aud` a token must be meant for.
    pub audience: String,
    /// The claim that names the tenant.
    pub tenant_claim: String,
    /// The claim that names the scopes: one text, divided by spaces, or a list.
    pub scope_claim: String,
    /// How far the issuer's clock may be off. At most [`Settings::MAX_LEEWAY`].
    pub leeway: Duration,
    /// The keys that tokens may be signed with.
    pub keys: Vec<KeySetting>,
    /// Accept HS256 keys. For development: whoever can verify can also sign.
    pub allow_hs256: bool,
    /// Accept a key with the id [`DEV_KID`]. For development: its private half
    /// lies in the data directory.
    pub allow_dev_keys: bool,
}

impl Settings {
    /// The leeway unless configured otherwise.
    pub const DEFAULT_LEEWAY: Duration = Duration::from_secs(10);

    /// The most leeway that may be configured.
    pub const MAX_LEEWAY: Duration = Duration::from_secs(30);
}

/// One key that tokens may be signed with.
#[derive(Debug, Clone)]
pub struct KeySetting {
    /// The `kid` of the tokens it verifies. May be left out when it is the
    /// only key; then tokens name no key either.
    pub kid: Option<String>,
    /// The one algorithm it is used with, whatever a token's header says.
    pub algorithm: KeyAlgorithm,
    /// The public key as PEM (`BEGIN PUBLIC KEY`), or the HS256 secret of at
    /// least 32 bytes. Kept as a secret so that a private key given by mistake
    /// is not shown either.
    pub key: SecretString,
}

/// The signature algorithms there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyAlgorithm {
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// RSASSA-PKCS1-v1.5 with SHA-256, of at least 2048 bits.
    #[serde(rename = "RS256")]
    Rs256,
    /// HMAC with SHA-256. In development only.
    #[serde(rename = "HS256")]
    Hs256,
}
