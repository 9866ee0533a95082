//! One key that tokens may be signed with.
//!
//! A key is bound to one algorithm when it is loaded; what a token's header
//! says is only compared with it. A faulty key is an error that names the
//! fault and never shows the key.

use super::claims::ClaimSet;
use super::fault::{KeyFault, MAX_KID_CHARS, MAX_RSA_BITS, MIN_RSA_BITS, MIN_SECRET_BYTES};
use super::rejected::Rejected;
use super::settings::{DEV_KID, KeyAlgorithm, KeySetting, Settings};
use super::spki;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use rustls::pki_types::alg_id;
use secrecy::ExposeSecret as _;
use std::collections::HashSet;

/// One key and the one algorithm it is used with.
#[derive(Debug)]
pub(super) struct Key {
    decoding: DecodingKey,
    validation: Validation,
}

impl Key {
    /// Proves the token's signature and hands out its claims, unjudged.
    pub(super) fn prove(&self, token: &str) -> Result<ClaimSet, Rejected> {
        decode::<ClaimSet>(token, &self.decoding, &self.validation)
            .map(|token| token.claims)
            .map_err(|error| match error.kind() {
                ErrorKind::InvalidAlgorithm => Rejected::Algorithm,
                ErrorKind::InvalidSignature => Rejected::Signature,
                _ => Rejected::Malformed,
            })
    }

    /// Loads the key of `setting`, as far as `settings` allow it.
    pub(super) fn load(setting: &KeySetting, settings: &Settings) -> Result<Self, KeyFault> {
        match setting.kid.as_deref() {
            Some(DEV_KID) if !settings.allow_dev_keys => return Err(KeyFault::DevKey),
            Some(kid) if kid.is_empty() || kid.chars().count() > MAX_KID_CHARS => {
                return Err(KeyFault::Kid);
            }
            _ => {}
        }
        let text = setting.key.expose_secret();
        let (algorithm, decoding) = match setting.algorithm {
            KeyAlgorithm::EdDsa => {
                let key = spki::key_bits(text, alg_id::ED25519)?;
                check(key.len() == 32, KeyFault::NotAPublicKey)?;
                (Algorithm::EdDSA, DecodingKey::from_ed_der(&key))
            }
            KeyAlgorithm::Es256 => {
                let point = spki::key_bits(text, alg_id::ECDSA_P256)?;
                // Uncompressed, which is what `ring` takes.
                check(point.len() == 65 && point[0] == 4, KeyFault::NotAPublicKey)?;
                (Algorithm::ES256, DecodingKey::from_ec_der(&point))
            }
            KeyAlgorithm::Rs256 => {
                let key = spki::key_bits(text, alg_id::RSA_ENCRYPTION)?;
                let bits = spki::rsa_modulus_bits(&key).ok_or(KeyFault::NotAPublicKey)?;
                check(
                    (MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits),
                    KeyFault::RsaSize,
                )?;
                (Algorithm::RS256, DecodingKey::from_rsa_der(&key))
            }
            KeyAlgorithm::Hs256 => {
                check_secret(text, settings.allow_hs256)?;
                tracing::warn!(
                    auth.kid = setting.kid,
                    "HS256 tokens are accepted: for development only"
                );
                (Algorithm::HS256, DecodingKey::from_secret(text.as_bytes()))
            }
        };
        Ok(Self {
            decoding,
            validation: signature_only(algorithm),
        })
    }
}

fn check_secret(secret: &str, allowed: bool) -> Result<(), KeyFault> {
    check(allowed, KeyFault::Hs256)?;
    // A public key as a secret is one that everybody knows.
    check(!secret.contains("-----BEGIN"), KeyFault::PemAsSecret)?;
    check(secret.len() >= MIN_SECRET_BYTES, KeyFault::SecretTooShort)
}

fn check(holds: bool, fault: KeyFault) -> Result<(), KeyFault> {
    if holds { Ok(()) } else { Err(fault) }
}

/// Has `jsonwebtoken` check the signature and nothing else. The claims are
/// judged in [`super::claims`]: the library reads the system's clock, lets an
/// absent or malformed `iss` pass and takes a list where one issuer is meant.
fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims = HashSet::new();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

#[cfg(test)]
mod tests {
    use super::super::forge::{self, Signer, pem, public_pem};
    use super::*;
    use ring::rand::SystemRandom;
    use ring::signature::Ed25519KeyPair;

    /// Why a key of this text is refused outside development.
    fn fault(algorithm: KeyAlgorithm, key: &str) -> KeyFault {
        let setting = KeySetting {
            kid: None,
            algorithm,
            key: key.into(),
        };
        Key::load(&setting, &forge::settings(vec![])).unwrap_err()
    }

    fn ed25519_pem() -> String {
        Signer::ed25519()
            .setting("k1")
            .key
            .expose_secret()
            .to_owned()
    }

    #[test]
    fn a_key_has_to_fit_its_algorithm() {
        let ed25519 = ed25519_pem();
        let p384 = public_pem(alg_id::ECDSA_P384, &forge::p384_point());
        let p256k1 = public_pem(alg_id::ECDSA_P256K1, &[4; 65]);
        for (algorithm, key) in [
            (KeyAlgorithm::Es256, &*p384),
            (KeyAlgorithm::Es256, &p256k1),
            (KeyAlgorithm::Es256, &ed25519),
            (KeyAlgorithm::Rs256, &ed25519),
            (KeyAlgorithm::EdDsa, &p384),
        ] {
            assert_eq!(
                fault(algorithm, key),
                KeyFault::OtherAlgorithm,
                "{algorithm:?}"
            );
        }
        let short = include_str!("../../tests/fixtures/auth/rsa1024.public.pem");
        assert_eq!(fault(KeyAlgorithm::Rs256, short), KeyFault::RsaSize);
    }

    #[test]
    fn a_hollow_key_is_refused() {
        for (algorithm, identifier, bits) in [
            (KeyAlgorithm::EdDsa, alg_id::ED25519, &[1; 31][..]),
            (KeyAlgorithm::Es256, alg_id::ECDSA_P256, &[2; 33]),
            (KeyAlgorithm::Es256, alg_id::ECDSA_P256, &[]),
            (KeyAlgorithm::Rs256, alg_id::RSA_ENCRYPTION, &[0x30, 0]),
        ] {
            let key = public_pem(identifier, bits);
            assert_eq!(
                fault(algorithm, &key),
                KeyFault::NotAPublicKey,
                "{algorithm:?}"
            );
        }
    }

    #[test]
    fn a_private_key_is_refused_and_not_shown() {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let public = ed25519_pem();
        for label in [
            "PRIVATE KEY",
            "RSA PRIVATE KEY",
            "EC PRIVATE KEY",
            "ENCRYPTED PRIVATE KEY",
        ] {
            let private = pem(label, pkcs8.as_ref());
            for key in [private.clone(), format!("{public}{private}")] {
                assert_eq!(
                    fault(KeyAlgorithm::EdDsa, &key),
                    KeyFault::PrivateKey,
                    "{label}"
                );
            }
        }
        let private = pem("PRIVATE KEY", pkcs8.as_ref());
        let setting = KeySetting {
            kid: None,
            algorithm: KeyAlgorithm::EdDsa,
            key: (*private).into(),
        };
        let body = private.lines().nth(1).unwrap();
        assert!(!format!("{setting:?}").contains(body));
    }

    #[test]
    fn what_is_no_public_key_is_refused() {
        let certificate = pem("CERTIFICATE", &[0x30, 0]);
        let twice = ed25519_pem().repeat(2);
        for key in [
            "",
            "secret",
            "-----BEGIN PUBLIC KEY-----",
            &certificate,
            &twice,
        ] {
            assert_eq!(
                fault(KeyAlgorithm::EdDsa, key),
                KeyFault::NotAPublicKey,
                "{key}"
            );
        }
    }

    #[test]
    fn development_keys_stay_in_development() {
        let mut settings = forge::settings(vec![]);
        let dev = Signer::ed25519().setting(DEV_KID);
        let hmac = Signer::hmac("0123456789abcdef0123456789abcdef").setting("hmac");
        assert_eq!(Key::load(&dev, &settings).unwrap_err(), KeyFault::DevKey);
        assert_eq!(Key::load(&hmac, &settings).unwrap_err(), KeyFault::Hs256);
        settings.allow_dev_keys = true;
        settings.allow_hs256 = true;
        assert!(Key::load(&dev, &settings).is_ok());
        assert!(Key::load(&hmac, &settings).is_ok());

        let short = Signer::hmac("0123456789abcdef0123456789abcde").setting("hmac");
        assert_eq!(
            Key::load(&short, &settings).unwrap_err(),
            KeyFault::SecretTooShort
        );
        let public = Signer::hmac(ed25519_pem()).setting("hmac");
        assert_eq!(
            Key::load(&public, &settings).unwrap_err(),
            KeyFault::PemAsSecret
        );
    }

    #[test]
    fn a_key_id_is_1_to_128_characters() {
        for (kid, accepted) in [
            ("", false),
            (&*"a".repeat(128), true),
            (&"a".repeat(129), false),
        ] {
            let loaded = Key::load(&Signer::ed25519().setting(kid), &forge::settings(vec![]));
            assert_eq!(loaded.err(), (!accepted).then_some(KeyFault::Kid));
        }
    }
}
