//! Watch cursors on the wire: sealed for their tenant, for the place in the
//! outbox would tell how busy all the others are.

use super::error::Violation;
use crate::attachment::change::Cursor;
use crate::ids::TenantId;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::Arc;

/// Seals and opens cursors.
#[derive(Clone)]
pub struct Cursors {
    key: Arc<LessSafeKey>,
    random: SystemRandom,
}

/// The cipher cannot be set up or fails: no input leads there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cursors cannot be sealed")]
pub struct CursorKeyError;

impl Cursors {
    /// Derives a key of its own from the service's signing key.
    pub fn new(signing_key: &SecretString) -> Result<Self, CursorKeyError> {
        let root = hmac::Key::new(hmac::HMAC_SHA256, signing_key.expose_secret().as_bytes());
        let derived = hmac::sign(&root, b"attachments watch cursor");
        let key = UnboundKey::new(&AES_256_GCM, derived.as_ref()).map_err(|_| CursorKeyError)?;
        Ok(Self {
            key: Arc::new(LessSafeKey::new(key)),
            random: SystemRandom::new(),
        })
    }

    /// The cursor as its tenant gets it.
    pub(super) fn seal(&self, tenant: &TenantId, cursor: Cursor) -> Result<String, CursorKeyError> {
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).map_err(|_| CursorKeyError)?;
        let mut sealed = cursor.to_string().into_bytes();
        let aad = Aad::from(tenant.as_str());
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
            .map_err(|_| CursorKeyError)?;
        Ok(BASE64.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// The cursor that a tenant gives back; `None` for the empty one.
    pub(super) fn open(&self, tenant: &TenantId, text: &str) -> Result<Option<Cursor>, Violation> {
        if text.is_empty() {
            return Ok(None);
        }
        self.opened(tenant, text)
            .map(Some)
            .ok_or_else(|| Violation::new("cursor", "is not a cursor of this service"))
    }

    fn opened(&self, tenant: &TenantId, text: &str) -> Option<Cursor> {
        let bytes = BASE64.decode(text).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut buffer = sealed.to_vec();
        let aad = Aad::from(tenant.as_str());
        let clear = self.key.open_in_place(nonce, aad, &mut buffer).ok()?;
        str::from_utf8(clear).ok()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_opens_for_its_own_tenant_only() {
        let cursors = Cursors::new(&"signing key".into()).unwrap();
        let (acme, globex) = ("acme".parse().unwrap(), "globex".parse().unwrap());
        let cursor: Cursor = "7-3-1700000000".parse().unwrap();
        let text = cursors.seal(&acme, cursor).unwrap();
        assert_eq!(cursors.open(&acme, &text), Ok(Some(cursor)));
        assert!(cursors.open(&globex, &text).is_err());
        assert!(cursors.open(&acme, "7-3-1700000000").is_err());
        assert_eq!(cursors.open(&acme, ""), Ok(None));
    }
}
