//! Reads public keys from PEM, strictly.
//!
//! One `PUBLIC KEY` section and nothing beside it, of exactly the expected
//! algorithm and curve. A certificate, a private key, or a key for something
//! else is refused at the start rather than found out by failing tokens.

use super::fault::KeyFault;
use rustls::pki_types::AlgorithmIdentifier;
use rustls::pki_types::pem::{PemObject as _, SectionKind};

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;

/// The key bits of a `SubjectPublicKeyInfo` (RFC 5280, 4.1) of `algorithm`.
pub(super) fn key_bits(pem: &str, algorithm: AlgorithmIdentifier) -> Result<Vec<u8>, KeyFault> {
    let der = public_section(pem)?;
    let parsed = || -> Option<(&[u8], &[u8])> {
        let info = only(&der, SEQUENCE)?;
        let (identifier, rest) = value(info, SEQUENCE)?;
        let (unused_bits, bits) = only(rest, BIT_STRING)?.split_first()?;
        (*unused_bits == 0).then_some((identifier, bits))
    };
    let (identifier, bits) = parsed().ok_or(KeyFault::NotAPublicKey)?;
    if identifier == algorithm.as_ref() {
        Ok(bits.to_vec())
    } else {
        Err(KeyFault::OtherAlgorithm)
    }
}

/// The size of the modulus of an `RSAPublicKey` (RFC 8017, A.1.1).
pub(super) fn rsa_modulus_bits(key: &[u8]) -> Option<usize> {
    let (modulus, _exponent) = value(only(key, SEQUENCE)?, INTEGER)?;
    let leading_zero_bytes = modulus.iter().take_while(|byte| **byte == 0).count();
    let significant = &modulus[leading_zero_bytes..];
    let leading_zero_bits = significant.first()?.leading_zeros() as usize;
    Some(significant.len() * 8 - leading_zero_bits)
}

fn public_section(pem: &str) -> Result<Vec<u8>, KeyFault> {
    let sections = <(SectionKind, Vec<u8>)>::pem_slice_iter(pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| KeyFault::NotAPublicKey)?;
    // By its label too: the PEM reader passes over kinds it does not know.
    if pem.contains("PRIVATE KEY-----") {
        return Err(KeyFault::PrivateKey);
    }
    match <[_; 1]>::try_from(sections) {
        Ok([(SectionKind::PublicKey, der)]) => Ok(der),
        _ => Err(KeyFault::NotAPublicKey),
    }
}

/// The value of the DER element that `input` consists of.
fn only(input: &[u8], tag: u8) -> Option<&[u8]> {
    let (value, rest) = value(input, tag)?;
    rest.is_empty().then_some(value)
}

/// The value of the first DER element, and what follows it. The length is in
/// its shortest form and at most two bytes long, which is 64 KiB.
fn value(input: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match *input.strip_prefix(&[tag])? {
        [length, ref rest @ ..] if length < 0x80 => (usize::from(length), rest),
        [0x81, length, ref rest @ ..] if length >= 0x80 => (usize::from(length), rest),
        [0x82, high, low, ref rest @ ..] if high > 0 => {
            (usize::from(u16::from_be_bytes([high, low])), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}
