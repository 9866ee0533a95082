//! `jsonwebtoken` over `ring`, which is in the tree for TLS anyway.
//!
//! Verifies by the four algorithms a key may have, signs by the two that need
//! no other party, and refuses every other one.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result};
use jsonwebtoken::signature::{Error, Signer, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey};
use ring::hmac;
use ring::signature::{self as ring_signature, Ed25519KeyPair, UnparsedPublicKey};

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| new_signer(*algorithm, key),
    verifier_factory: |algorithm, key| new_verifier(*algorithm, key),
    // For exporting keys as JWK, which nobody does here.
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes `ring` the crypto behind every token of the process. Does nothing
/// the second time.
pub fn install() {
    // Err means that it is installed already.
    let _ = PROVIDER.install_default();
}

enum SigningKey {
    Ed25519(Ed25519KeyPair),
    Hmac(hmac::Key),
}

struct RingSigner {
    algorithm: Algorithm,
    key: SigningKey,
}

fn new_signer(algorithm: Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    check_family(algorithm, key.family())?;
    let key = match algorithm {
        Algorithm::EdDSA => SigningKey::Ed25519(
            Ed25519KeyPair::from_pkcs8(key.as_bytes()).map_err(|_| ErrorKind::InvalidEddsaKey)?,
        ),
        Algorithm::HS256 => SigningKey::Hmac(hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes())),
        _ => return Err(ErrorKind::UnsupportedAlgorithm.into()),
    };
    Ok(Box::new(RingSigner { algorithm, key }))
}

impl Signer<Vec<u8>> for RingSigner {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, Error> {
        Ok(match &self.key {
            SigningKey::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            SigningKey::Hmac(key) => hmac::sign(key, message).as_ref().to_vec(),
        })
    }
}

impl JwtSigner for RingSigner {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

enum VerifyingKey {
    Public(UnparsedPublicKey<Vec<u8>>),
    Hmac(hmac::Key),
}

struct RingVerifier {
    algorithm: Algorithm,
    key: VerifyingKey,
}

fn new_verifier(algorithm: Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    check_family(algorithm, key.family())?;
    let bytes = key.try_get_as_bytes()?;
    let public =
        |parameters| VerifyingKey::Public(UnparsedPublicKey::new(parameters, bytes.to_vec()));
    let key = match algorithm {
        Algorithm::EdDSA => public(&ring_signature::ED25519),
        Algorithm::ES256 => public(&ring_signature::ECDSA_P256_SHA256_FIXED),
        Algorithm::RS256 => public(&ring_signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::HS256 => VerifyingKey::Hmac(hmac::Key::new(hmac::HMAC_SHA256, bytes)),
        _ => return Err(ErrorKind::UnsupportedAlgorithm.into()),
    };
    Ok(Box::new(RingVerifier { algorithm, key }))
}

impl Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        match &self.key {
            VerifyingKey::Public(key) => key.verify(message, signature),
            VerifyingKey::Hmac(key) => hmac::verify(key, message, signature),
        }
        .map_err(|_| Error::new())
    }
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

/// An algorithm is used with a key of its own family only.
fn check_family(algorithm: Algorithm, family: AlgorithmFamily) -> Result<()> {
    if algorithm.family() == family {
        Ok(())
    } else {
        Err(ErrorKind::InvalidKeyFormat.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::crypto::{sign, verify};

    #[test]
    fn signs_what_it_verifies() {
        install();
        install();
        let secret = [7; 32];
        let signature = sign(
            b"message",
            &EncodingKey::from_secret(&secret),
            Algorithm::HS256,
        )
        .unwrap();
        let key = DecodingKey::from_secret(&secret);
        assert!(verify(&signature, b"message", &key, Algorithm::HS256).unwrap());
        assert!(!verify(&signature, b"massage", &key, Algorithm::HS256).unwrap());
    }

    #[test]
    fn an_algorithm_it_does_not_have_is_an_error() {
        install();
        let secret = [7; 32];
        for algorithm in [
            Algorithm::HS384,
            Algorithm::HS512,
            Algorithm::RS256,
            Algorithm::EdDSA,
        ] {
            assert!(new_signer(algorithm, &EncodingKey::from_secret(&secret)).is_err());
            assert!(new_verifier(algorithm, &DecodingKey::from_secret(&secret)).is_err());
        }
        let rsa = DecodingKey::from_rsa_der(&secret);
        for algorithm in [
            Algorithm::PS256,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::HS256,
        ] {
            assert!(new_verifier(algorithm, &rsa).is_err());
        }
    }
}
