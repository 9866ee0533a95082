//! An issuer of tokens for one run: `serve` rightly refuses the development key.

use super::Outcome;
use attachments::auth::Scope;
use attachments::clock::{Clock as _, SystemClock};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use secrecy::SecretString;
use serde_json::json;

pub(crate) const ISSUER: &str = "figures";
pub(crate) const AUDIENCE: &str = "attachments";
pub(crate) const KID: &str = "figures";

/// What stands before an Ed25519 public key in its `SubjectPublicKeyInfo`
/// (RFC 8410, section 4).
const ED25519_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0,
];

/// A token that may do everything for an hour, and the PEM that proves it.
pub(crate) fn issue(tenant: &str) -> Outcome<(SecretString, String)> {
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| "no key")?;
    let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).map_err(|_| "no key")?;
    let der = [&ED25519_PREFIX, pair.public_key().as_ref()].concat();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        BASE64.encode(der)
    );
    let now = SystemClock.now().unix_timestamp();
    let scopes: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    let claims = json!({
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "figures",
        "tenant_id": tenant,
        "scope": scopes.join(" "),
        "iat": now,
        "exp": now + 3600,
    });
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(KID.to_owned());
    let token = encode(&header, &claims, &EncodingKey::from_ed_der(pkcs8.as_ref()))?;
    Ok((token.into(), pem))
}
