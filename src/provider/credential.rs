//! Credentials at rest: sealed with AES-256-GCM, each for its own tenant,
//! channel and provider, so that a blob moved to another row, or left behind
//! in a row whose provider changed, does not open.

use crate::attachment::channel_policy::Provider;
use crate::ids::{ChannelId, TenantId};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// Version of the sealed form: version, key id, nonce, ciphertext with tag.
/// Version 1 did not bind a credential to its provider and opens no more.
const VERSION: u8 = 2;
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

    /// What is authenticated with a credential: the form it is sealed in, the
    /// key, and its owner, whose names hold no slash, so it reads one way only.
    fn binding(&self, owner: Owner<'_>) -> Aad<Vec<u8>> {
        let Owner {
            tenant,
            channel,
            provider,
        } = owner;
        let owner = format!("{tenant}/{channel}/{}", provider.as_str());
        Aad::from([&[VERSION], self.id.as_slice(), owner.as_bytes()].concat())
    }
}

/// Seals and opens credentials.
#[derive(Debug)]
pub struct Sealer {
    /// The first seals; all open, so that a key can be replaced.
    keys: Vec<SealingKey>,
    random: SystemRandom,
}

/// Whose a credential is. It opens for the same owner only.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// Whose channel it is.
    pub tenant: &'a TenantId,
    /// The channel that has it.
    pub channel: &'a ChannelId,
    /// Who issued it, and who alone may see it.
    pub provider: Provider,
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
    /// The key is gone, or the blob is not for this tenant, channel and
    /// provider, or it is of an older form.
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

    /// Seals a credential for its owner.
    pub fn seal(
        &self,
        owner: Owner<'_>,
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
                key.binding(owner),
                &mut sealed,
            )
            .map_err(|_| SealingError::Seal)?;
        Ok([&[VERSION], key.id.as_slice(), &nonce, &sealed].concat())
    }

    /// Opens what [`Sealer::seal`] sealed for the same owner.
    pub fn open(&self, owner: Owner<'_>, sealed: &[u8]) -> Result<SecretString, SealingError> {
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
            .open_in_place(nonce, key.binding(owner), &mut buffer)
            .map_err(|_| SealingError::Open)?;
        let text = str::from_utf8(clear).map_err(|_| SealingError::Open)?;
        Ok(SecretString::from(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SealingKey {
        SealingKey::parse(&SecretString::from(BASE64.encode([byte; 32]))).unwrap()
    }

    #[test]
    fn a_credential_opens_for_its_own_channel_and_provider_only() {
        let sealer = Sealer::new(vec![key(1)]);
        let (acme, globex) = ("acme".parse().unwrap(), "globex".parse().unwrap());
        let (main, other) = ("main".parse().unwrap(), "other".parse().unwrap());
        let owner = Owner {
            tenant: &acme,
            channel: &main,
            provider: Provider::Slack,
        };
        let blob = sealer.seal(owner, &"xoxb-secret".into()).unwrap();
        assert!(!blob.windows(6).any(|window| window == b"secret"));
        let opened = sealer.open(owner, &blob).unwrap();
        assert_eq!(opened.expose_secret(), "xoxb-secret");
        for stranger in [
            Owner {
                tenant: &globex,
                ..owner
            },
            Owner {
                channel: &other,
                ..owner
            },
            Owner {
                provider: Provider::Line,
                ..owner
            },
        ] {
            assert!(sealer.open(stranger, &blob).is_err(), "{stranger:?}");
        }
        for position in 0..blob.len() {
            let mut tampered = blob.clone();
            tampered[position] ^= 1;
            assert!(sealer.open(owner, &tampered).is_err(), "{position}");
        }
    }

    #[test]
    fn a_replaced_key_still_opens() {
        let (tenant, channel) = ("acme".parse().unwrap(), "main".parse().unwrap());
        let owner = Owner {
            tenant: &tenant,
            channel: &channel,
            provider: Provider::Line,
        };
        let sealed = Sealer::new(vec![key(1)]).seal(owner, &"token".into());
        let sealed = sealed.unwrap();
        let both = Sealer::new(vec![key(2), key(1)]);
        assert!(both.open(owner, &sealed).is_ok());
        assert!(Sealer::new(vec![key(2)]).open(owner, &sealed).is_err());
    }
}
