//! Credentials at rest: sealed with AES-256-GCM, each for its own tenant and
//! channel, so that a blob moved to another row does not open.

use crate::ids::{ChannelId, TenantId};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// Version of the sealed form: version, key id, nonce, ciphertext with tag.
const VERSION: u8 = 1;
const KEY_ID_LEN: usize = 4;

/// A 256-bit key.
pub struct SealingKey {
    id: [u8; KEY_ID_LEN],
    key: LessSafeKey,
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({})", hex::encode(self.id))
    }
}

impl SealingKey {
    /// Reads a key of 32 bytes in base64.
    pub fn parse(text: &SecretString) -> Result<Self, SealingError> {
        let bytes = BASE64
            .decode(text.expose_secret().trim())
            .map_err(|_| SealingError::BadKey)?;
        let digest = Sha256::digest(&bytes);
        let mut id = [0; KEY_ID_LEN];
        id.copy_from_slice(&digest[..KEY_ID_LEN]);
        let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| SealingError::BadKey)?;
        Ok(Self {
            id,
            key: LessSafeKey::new(key),
        })
    }
}

/// Seals and opens credentials.
#[derive(Debug)]
pub struct Sealer {
    /// The first seals; all open, so that a key can be replaced.
    keys: Vec<SealingKey>,
    random: SystemRandom,
}

/// A credential could not be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealingError {
    /// The key is not 32 bytes in base64.
    #[error("a sealing key is 32 bytes in base64")]
    BadKey,
    /// There is no key.
    #[error("no sealing key is configured")]
    NoKey,
    /// The system gave no random bytes, or the cipher failed.
    #[error("the credential could not be sealed")]
    Seal,
    /// The key is gone, or the blob is not for this tenant and channel.
    #[error("the credential could not be opened")]
    Open,
}

impl Sealer {
    /// The first key seals; the others open what was sealed before.
    #[must_use]
    pub fn new(keys: Vec<SealingKey>) -> Self {
        Self {
            keys,
            random: SystemRandom::new(),
        }
    }

    /// Seals a credential for one channel of one tenant.
    pub fn seal(
        &self,
        tenant: &TenantId,
        channel: &ChannelId,
        credential: &SecretString,
    ) -> Result<Vec<u8>, SealingError> {
        let key = self.keys.first().ok_or(SealingError::NoKey)?;
        let mut nonce = [0; NONCE_LEN];
        self.random
            .fill(&mut nonce)
            .map_err(|_| SealingError::Seal)?;
        let mut sealed = credential.expose_secret().as_bytes().to_vec();
        key.key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                owner(tenant, channel),
                &mut sealed,
            )
            .map_err(|_| SealingError::Seal)?;
        Ok([&[VERSION], key.id.as_slice(), &nonce, &sealed].concat())
    }

    /// Opens what [`Sealer::seal`] sealed for the same channel of the same tenant.
    pub fn open(
        &self,
        tenant: &TenantId,
        channel: &ChannelId,
        sealed: &[u8],
    ) -> Result<SecretString, SealingError> {
        let (version, rest) = sealed.split_first().ok_or(SealingError::Open)?;
        let (id, rest) = rest
            .split_at_checked(KEY_ID_LEN)
            .ok_or(SealingError::Open)?;
        let (nonce, ciphertext) = rest.split_at_checked(NONCE_LEN).ok_or(SealingError::Open)?;
        let key = self
            .keys
            .iter()
            .find(|key| key.id == id && *version == VERSION);
        let key = key.ok_or(SealingError::Open)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealingError::Open)?;
        let mut buffer = ciphertext.to_vec();
        let clear = key
            .key
            .open_in_place(nonce, owner(tenant, channel), &mut buffer)
            .map_err(|_| SealingError::Open)?;
        let text = str::from_utf8(clear).map_err(|_| SealingError::Open)?;
        Ok(SecretString::from(text))
    }
}

/// Neither name may hold a slash, so the pair reads one way only.
fn owner(tenant: &TenantId, channel: &ChannelId) -> Aad<Vec<u8>> {
    Aad::from(format!("{tenant}/{channel}").into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SealingKey {
        SealingKey::parse(&SecretString::from(BASE64.encode([byte; 32]))).unwrap()
    }

    #[test]
    fn a_credential_opens_for_its_own_channel_only() {
        let sealer = Sealer::new(vec![key(1)]);
        let (acme, globex) = ("acme".parse().unwrap(), "globex".parse().unwrap());
        let (line, slack) = ("line".parse().unwrap(), "slack".parse().unwrap());
        let blob = sealer.seal(&acme, &line, &"xoxb-secret".into()).unwrap();
        assert!(!blob.windows(6).any(|window| window == b"secret"));
        let opened = sealer.open(&acme, &line, &blob).unwrap();
        assert_eq!(opened.expose_secret(), "xoxb-secret");
        assert!(sealer.open(&globex, &line, &blob).is_err());
        assert!(sealer.open(&acme, &slack, &blob).is_err());
        for position in 0..blob.len() {
            let mut tampered = blob.clone();
            tampered[position] ^= 1;
            assert!(sealer.open(&acme, &line, &tampered).is_err(), "{position}");
        }
    }

    #[test]
    fn a_replaced_key_still_opens() {
        let (tenant, channel) = ("acme".parse().unwrap(), "line".parse().unwrap());
        let sealed = Sealer::new(vec![key(1)])
            .seal(&tenant, &channel, &"token".into())
            .unwrap();
        assert!(
            Sealer::new(vec![key(2), key(1)])
                .open(&tenant, &channel, &sealed)
                .is_ok()
        );
        assert!(
            Sealer::new(vec![key(2)])
                .open(&tenant, &channel, &sealed)
                .is_err()
        );
    }
}
