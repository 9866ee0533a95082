//! What is wrong with the keys and rules that tokens are verified with.

use super::settings::{KeySetting, Settings};

pub(super) const MAX_KID_CHARS: usize = 128;
pub(super) const MIN_RSA_BITS: usize = 2048;
/// More than this `ring` does not verify.
pub(super) const MAX_RSA_BITS: usize = 8192;
pub(super) const MIN_SECRET_BYTES: usize = 32;

/// Why tokens can not be verified with these settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSettings {
    /// Any token would do, or none.
    #[error("auth: `{0}` is empty")]
    Empty(&'static str),
    /// More leeway than [`Settings::MAX_LEEWAY`].
    #[error("auth: `leeway` is more than {} seconds", Settings::MAX_LEEWAY.as_secs())]
    Leeway,
    /// No token could be verified.
    #[error("auth: there are no keys")]
    NoKeys,
    /// A key can not be used.
    #[error("auth: key {name}: {fault}")]
    Key {
        /// The key's id, or its place in the list.
        name: String,
        /// What is wrong with it.
        fault: KeyFault,
    },
}

impl InvalidSettings {
    pub(super) fn of_key(index: usize, setting: &KeySetting, fault: KeyFault) -> Self {
        let name = setting.kid.clone().unwrap_or_else(|| format!("#{index}"));
        Self::Key { name, fault }
    }
}

/// What is wrong with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// Not one PEM section `PUBLIC KEY`, or not a key inside.
    #[error("is not a public key in PEM")]
    NotAPublicKey,
    /// The private half.
    #[error("is a private key; give the public one and replace the pair")]
    PrivateKey,
    /// Another kind of key or another curve than the algorithm asks for.
    #[error("is not a key for this algorithm")]
    OtherAlgorithm,
    /// An RSA key of less than 2048 or more than 8192 bits.
    #[error("is an RSA key that is not {MIN_RSA_BITS} to {MAX_RSA_BITS} bits long")]
    RsaSize,
    /// HS256 outside development.
    #[error("is for HS256, which is for development only")]
    Hs256,
    /// A PEM file where a secret was meant.
    #[error("is PEM where an HS256 secret is meant")]
    PemAsSecret,
    /// An HS256 secret of less than 32 bytes.
    #[error("is a secret of less than {MIN_SECRET_BYTES} bytes")]
    SecretTooShort,
    /// The key of `dev` outside development.
    #[error("is the development key")]
    DevKey,
    /// The id is empty or too long.
    #[error("has an id that is not 1 to {MAX_KID_CHARS} characters long")]
    Kid,
    /// No id, and not alone.
    #[error("has no id, which only a single key may leave out")]
    Nameless,
    /// An id used twice.
    #[error("has the id of another key")]
    Duplicate,
}
