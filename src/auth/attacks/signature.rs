//! Who signed the token, and by which key.

use super::super::forge::{self, Forge, Signer, claims};
use super::super::{KeyAlgorithm, KeySetting, Rejected, Scope};
use super::{cause, with_header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::KeyPair as _;
use secrecy::ExposeSecret as _;
use serde_json::json;
use std::net::TcpListener;

fn rsa_setting() -> KeySetting {
    KeySetting {
        kid: Some("rsa".to_owned()),
        algorithm: KeyAlgorithm::Rs256,
        key: RSA_PUBLIC.into(),
    }
}

const RSA_PUBLIC: &str = include_str!("../../../tests/fixtures/auth/rsa2048.public.pem");
const RS256: &str = include_str!("../../../tests/fixtures/auth/rs256.jwt");
const RS256_EXPIRES: i64 = 4_102_444_800;
const PS256: &str = include_str!("../../../tests/fixtures/auth/ps256.jwt");

#[test]
fn good_tokens_of_every_algorithm_are_accepted() {
    let forge = Forge::new();
    let caller = forge.verifier().verify(&forge.token(&claims())).unwrap();
    assert_eq!(caller.tenant().as_str(), "acme");
    assert_eq!(caller.subject(), "gateway");
    assert_eq!(caller.scopes().iter().collect::<Vec<_>>(), [Scope::Read]);

    let (p256, hmac) = (
        Signer::p256(),
        Signer::hmac("0123456789abcdef0123456789abcdef"),
    );
    let mut settings = forge::settings(vec![
        p256.setting("p256"),
        hmac.setting("hmac"),
        rsa_setting(),
    ]);
    settings.allow_hs256 = true;
    let verifier = forge.verifier_of(&settings);
    let claims = claims().to_string();
    for token in [
        &*p256.sign(r#"{"alg":"ES256","kid":"p256"}"#, &claims),
        &*hmac.sign(r#"{"alg":"HS256","kid":"hmac"}"#, &claims),
    ] {
        assert!(verifier.verify(token).is_ok(), "{token}");
    }
    // It was signed elsewhere, long before its last minute.
    forge.clock.set(RS256_EXPIRES - 60);
    assert!(verifier.verify(RS256.trim_end()).is_ok());
}

#[test]
fn a_token_without_a_signature_is_refused() {
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let header = format!(r#"{{"alg":"{alg}","kid":"k1"}}"#);
        assert_eq!(with_header(&header), Some(Rejected::Malformed), "{alg}");
    }
    let forge = Forge::new();
    let token = forge.token(&claims());
    let (message, signature) = token.rsplit_once('.').unwrap();
    assert_eq!(
        cause(&forge, &format!("{message}.")),
        Some(Rejected::Signature)
    );
    assert_eq!(cause(&forge, message), Some(Rejected::Malformed));
    let half = &signature[..40];
    assert_eq!(
        cause(&forge, &format!("{message}.{half}")),
        Some(Rejected::Signature)
    );
}

#[test]
fn a_changed_token_is_refused() {
    let forge = Forge::new();
    let token = forge.token(&claims());
    let [header, _, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        panic!("not three parts");
    };
    let mut other = claims();
    other["tenant_id"] = json!("globex");
    let other = URL_SAFE_NO_PAD.encode(other.to_string());
    let swapped = format!("{header}.{other}.{signature}");
    assert_eq!(cause(&forge, &swapped), Some(Rejected::Signature));
    assert_eq!(cause(&Forge::new(), &token), Some(Rejected::Signature));
}

#[test]
fn the_algorithm_is_the_keys_and_not_the_headers() {
    let forge = Forge::new();
    for alg in ["HS256", "ES256", "RS256", "PS256", "EdDSA"] {
        let header = format!(r#"{{"alg":"{alg}","kid":"k1"}}"#);
        let expected = (alg != "EdDSA").then_some(Rejected::Algorithm);
        assert_eq!(with_header(&header), expected, "{alg}");
    }
    // The public key as an HMAC secret, as PEM and as bare bytes.
    let Signer::Ed25519(pair) = &forge.signer else {
        panic!("not Ed25519")
    };
    let public = pair.public_key().as_ref().to_vec();
    let pem = forge.signer.setting("k1").key.expose_secret().to_owned();
    for secret in [public, pem.trim_end().into(), pem.into()] {
        let token =
            Signer::hmac(secret).sign(r#"{"alg":"HS256","kid":"k1"}"#, &claims().to_string());
        assert_eq!(cause(&forge, &token), Some(Rejected::Algorithm));
    }
    let verifier = forge.verifier_of(&forge::settings(vec![rsa_setting()]));
    let confused =
        Signer::hmac(RSA_PUBLIC).sign(r#"{"alg":"HS256","kid":"rsa"}"#, &claims().to_string());
    assert_eq!(verifier.verify(&confused).unwrap_err(), Rejected::Algorithm);
    assert_eq!(
        verifier.verify(PS256.trim_end()).unwrap_err(),
        Rejected::Algorithm
    );
}

#[test]
fn a_key_that_the_token_brings_along_is_not_used() {
    let canary = TcpListener::bind("127.0.0.1:0").unwrap();
    canary.set_nonblocking(true).unwrap();
    let url = format!("http://{}/keys", canary.local_addr().unwrap());
    let attacker = Signer::ed25519();
    let Signer::Ed25519(pair) = &attacker else {
        panic!("not Ed25519")
    };
    let x = URL_SAFE_NO_PAD.encode(pair.public_key());
    let forge = Forge::new();
    for offer in [
        json!({"jwk": {"kty": "OKP", "crv": "Ed25519", "x": x}}),
        json!({"jku": url}),
        json!({"x5u": url}),
        json!({"x5c": ["MIIB"]}),
    ] {
        let mut header = json!({"alg": "EdDSA", "kid": "k1"});
        header
            .as_object_mut()
            .unwrap()
            .append(&mut offer.as_object().unwrap().clone());
        let (header, claims) = (header.to_string(), claims().to_string());
        let forged = attacker.sign(&header, &claims);
        assert_eq!(
            cause(&forge, &forged),
            Some(Rejected::Signature),
            "{header}"
        );
        let ours = forge.signer.sign(&header, &claims);
        assert_eq!(cause(&forge, &ours), None, "{header}");
    }
    assert!(
        canary.accept().is_err(),
        "somebody followed the token's address"
    );
}
