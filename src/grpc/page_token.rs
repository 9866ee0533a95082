//! Page tokens: where a page ended, signed for the tenant and the filters it
//! was made for, so that none can be forged, shared or moved.

use super::error::Violation;
use crate::ids::TenantId;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};
use std::str::FromStr;
use std::sync::Arc;

const TAG_BYTES: usize = 16;

/// Signs and reads page tokens.
#[derive(Clone)]
pub struct PageTokens {
    key: Arc<hmac::Key>,
}

impl PageTokens {
    /// Derives a key of its own from the service's signing key.
    #[must_use]
    pub fn new(signing_key: &SecretString) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, signing_key.expose_secret().as_bytes());
        let derived = hmac::sign(&root, b"attachments page token");
        Self {
            key: Arc::new(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())),
        }
    }

    /// A token that says: go on after `last`.
    pub(super) fn sign(&self, tenant: &TenantId, filters: &str, last: &str) -> String {
        let tag = self.tag(tenant, filters, last);
        let mut token = tag.as_ref()[..TAG_BYTES].to_vec();
        token.extend_from_slice(last.as_bytes());
        BASE64.encode(token)
    }

    /// What a token says to go on after; `None` for the empty token of a first page.
    pub(super) fn read<T: FromStr>(
        &self,
        tenant: &TenantId,
        filters: &str,
        token: &str,
    ) -> Result<Option<T>, Violation> {
        if token.is_empty() {
            return Ok(None);
        }
        self.verified(tenant, filters, token)
            .and_then(|last| last.parse().ok())
            .map(Some)
            .ok_or_else(|| Violation::new("page_token", "is not a token of this listing"))
    }

    fn verified(&self, tenant: &TenantId, filters: &str, token: &str) -> Option<String> {
        let bytes = BASE64.decode(token).ok()?;
        let (tag, last) = bytes.split_at_checked(TAG_BYTES)?;
        let last = str::from_utf8(last).ok()?;
        let expected = self.tag(tenant, filters, last);
        // Compared in one go whatever differs, as `ring` compares whole tags.
        let differs = tag
            .iter()
            .zip(expected.as_ref())
            .fold(0, |differs, (given, wanted)| differs | (given ^ wanted));
        (differs == 0).then(|| last.to_owned())
    }

    /// Each part goes in with its length, so that no two triples sign alike.
    fn tag(&self, tenant: &TenantId, filters: &str, last: &str) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        for part in [tenant.as_str(), filters, last] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        context.sign()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_holds_for_its_tenant_and_filters_only() {
        let tokens = PageTokens::new(&"signing key".into());
        let (acme, globex) = ("acme".parse().unwrap(), "globex".parse().unwrap());
        let token = tokens.sign(&acme, "status=1", "0198");
        assert_eq!(
            tokens.verified(&acme, "status=1", &token).as_deref(),
            Some("0198")
        );
        assert!(tokens.verified(&globex, "status=1", &token).is_none());
        assert!(tokens.verified(&acme, "status=2", &token).is_none());
        assert!(
            PageTokens::new(&"other key".into())
                .verified(&acme, "status=1", &token)
                .is_none()
        );
    }

    #[test]
    fn no_flipped_bit_goes_unnoticed() {
        let tokens = PageTokens::new(&"signing key".into());
        let acme = "acme".parse().unwrap();
        let token = BASE64.decode(tokens.sign(&acme, "", "0198")).unwrap();
        for bit in 0..token.len() * 8 {
            let mut flipped = token.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(
                tokens
                    .verified(&acme, "", &BASE64.encode(flipped))
                    .is_none(),
                "{bit}"
            );
        }
    }
}
