//! Values that leave the service and come back: page tokens and cursors, each
//! sealed for one purpose and one tenant, so that none can be read, forged,
//! shared or moved.
//!
//! AES-256-GCM under a key of each value's own, derived from a random salt: a
//! salt of 128 bits may be drawn 2^48 times before two values share a key with
//! a chance of 2^-32, where a random nonce of 96 bits allows 2^32 (NIST SP
//! 800-38D, 8.3). No key is used twice, so the nonce is constant.

use crate::ids::TenantId;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Prk, Salt};
use ring::rand::{SecureRandom as _, SystemRandom};
use secrecy::{ExposeSecret as _, SecretString};
use std::fmt;
use std::sync::Arc;

const SALT_BYTES: usize = 16;

/// What a sealed value is for. One that is made for a purpose opens for no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Where a page of a list ended.
    PageToken,
    /// A place in the outbox of status changes.
    WatchCursor,
}

/// Seals and opens values. All replicas with the same signing key open each other's.
#[derive(Clone)]
pub struct Seal {
    root: Arc<Prk>,
    random: SystemRandom,
}

/// The system gave no random bytes, or the cipher failed: no input leads there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a value could not be sealed")]
pub struct SealError;

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal")
    }
}

impl Seal {
    /// Derives its keys from the service's signing key.
    #[must_use]
    pub fn new(signing_key: &SecretString) -> Self {
        let salt = Salt::new(HKDF_SHA256, b"attachments seal v1");
        Self {
            root: Arc::new(salt.extract(signing_key.expose_secret().as_bytes())),
            random: SystemRandom::new(),
        }
    }

    /// Seals `clear` for a tenant and for what else it is bound to, such as
    /// the filters of a list. The text is URL-safe base64.
    pub fn seal(
        &self,
        purpose: Purpose,
        tenant: &TenantId,
        bound_to: &[u8],
        clear: &[u8],
    ) -> Result<String, SealError> {
        let mut salt = [0; SALT_BYTES];
        self.random.fill(&mut salt).map_err(|_| SealError)?;
        let key = self.key(purpose, &salt).ok_or(SealError)?;
        let mut sealed = clear.to_vec();
        key.seal_in_place_append_tag(nonce(), owner(tenant, bound_to), &mut sealed)
            .map_err(|_| SealError)?;
        Ok(BASE64.encode([salt.as_slice(), &sealed].concat()))
    }

    /// What [`Seal::seal`] sealed for the same purpose, tenant and binding.
    #[must_use]
    pub fn open(
        &self,
        purpose: Purpose,
        tenant: &TenantId,
        bound_to: &[u8],
        text: &str,
    ) -> Option<Vec<u8>> {
        let bytes = BASE64.decode(text).ok()?;
        let (salt, sealed) = bytes.split_at_checked(SALT_BYTES)?;
        let mut buffer = sealed.to_vec();
        let clear = self
            .key(purpose, salt)?
            .open_in_place(nonce(), owner(tenant, bound_to), &mut buffer)
            .ok()?;
        Some(clear.to_vec())
    }

    fn key(&self, purpose: Purpose, salt: &[u8]) -> Option<LessSafeKey> {
        let info = [purpose.label(), salt];
        let key = self.root.expand(&info, &AES_256_GCM).ok()?;
        Some(LessSafeKey::new(UnboundKey::from(key)))
    }
}

impl Purpose {
    /// Labels have one length, so that label and salt read one way only.
    const fn label(self) -> &'static [u8; 8] {
        match self {
            Self::PageToken => b"pagetokn",
            Self::WatchCursor => b"watchcur",
        }
    }
}

/// Each key seals one value, so its nonce may be the same for all.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

/// A tenant's name holds no zero byte, so the pair reads one way only.
fn owner(tenant: &TenantId, bound_to: &[u8]) -> Aad<Vec<u8>> {
    Aad::from([tenant.as_str().as_bytes(), &[0], bound_to].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_opens_for_its_purpose_tenant_and_binding_only() {
        let seal = Seal::new(&"signing key".into());
        let (acme, globex) = ("acme".parse().unwrap(), "globex".parse().unwrap());
        let text = seal
            .seal(Purpose::PageToken, &acme, b"filters", b"0198")
            .unwrap();
        let open = |purpose, tenant, bound_to: &[u8]| seal.open(purpose, tenant, bound_to, &text);
        assert_eq!(
            open(Purpose::PageToken, &acme, b"filters").as_deref(),
            Some(b"0198".as_slice())
        );
        assert_eq!(open(Purpose::WatchCursor, &acme, b"filters"), None);
        assert_eq!(open(Purpose::PageToken, &globex, b"filters"), None);
        assert_eq!(open(Purpose::PageToken, &acme, b"others"), None);
        let other = Seal::new(&"other key".into());
        assert_eq!(
            other.open(Purpose::PageToken, &acme, b"filters", &text),
            None
        );
    }

    #[test]
    fn no_flipped_bit_goes_unnoticed() {
        let seal = Seal::new(&"signing key".into());
        let acme = "acme".parse().unwrap();
        let text = seal
            .seal(Purpose::WatchCursor, &acme, b"", b"7-3-1")
            .unwrap();
        let sealed = BASE64.decode(text).unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let opened = seal.open(Purpose::WatchCursor, &acme, b"", &BASE64.encode(flipped));
            assert_eq!(opened, None, "{bit}");
        }
    }

    #[test]
    fn two_seals_of_one_value_look_different() {
        let seal = Seal::new(&"signing key".into());
        let acme = "acme".parse().unwrap();
        let sealed = || {
            seal.seal(Purpose::WatchCursor, &acme, b"", b"7-3-1")
                .unwrap()
        };
        assert_ne!(sealed(), sealed());
    }
}
