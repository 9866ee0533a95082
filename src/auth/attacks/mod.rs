//! Known attacks on token verification, one test a kind.
//!
//! Each test begins from a token that is accepted and changes one thing.

mod claims;
mod header;
mod lifetime;
mod signature;

use super::Rejected;
use super::forge::{self, Forge};
use serde_json::Value;

const HEADER: &str = r#"{"alg":"EdDSA","kid":"k1"}"#;

fn cause(forge: &Forge, token: &str) -> Option<Rejected> {
    forge.verifier().verify(token).err()
}

/// The verdict on claims where one is set, or taken out by `Value::Null`.
fn with_claim(name: &str, value: Value) -> Option<Rejected> {
    let forge = Forge::new();
    let mut claims = forge::claims();
    match value {
        Value::Null => claims.as_object_mut().unwrap().remove(name),
        value => claims
            .as_object_mut()
            .unwrap()
            .insert(name.to_owned(), value),
    };
    cause(&forge, &forge.token(&claims))
}

/// The verdict on claims where the JSON of one is put in as it is.
fn with_raw_claim(name: &str, json: &str) -> Option<Rejected> {
    let forge = Forge::new();
    let mut claims = forge::claims();
    claims.as_object_mut().unwrap().remove(name);
    let claims = claims
        .to_string()
        .replacen('{', &format!("{{\"{name}\":{json},"), 1);
    cause(&forge, &forge.signer.sign(HEADER, &claims))
}

fn with_header(header: &str) -> Option<Rejected> {
    let forge = Forge::new();
    cause(
        &forge,
        &forge.signer.sign(header, &forge::claims().to_string()),
    )
}
