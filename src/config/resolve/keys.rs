//! The keys: of tokens, of links, of sealed credentials.

use crate::auth;
use crate::config::fault::Fault;
use crate::config::secret::secret;
use crate::config::sections::Config;
use crate::provider::SealingKey;
use secrecy::{ExposeSecret as _, SecretString};

const MIN_SIGNING_KEY_CHARS: usize = 32;

impl Config {
    pub(in crate::config) fn auth_settings(&self, faults: &mut Vec<Fault>) -> auth::Settings {
        if self.auth.issuer.is_empty() {
            faults.push(Fault::missing("auth.issuer"));
        }
        if self.auth.audience.is_empty() {
            faults.push(Fault::missing("auth.audience"));
        }
        if self.auth.keys.is_empty() {
            faults.push(Fault::missing("auth.keys"));
        }
        let mut keys = Vec::new();
        for (n, key) in self.auth.keys.iter().enumerate() {
            let name = format!("auth.keys[{n}].key");
            if let Some(text) = secret(faults, &name, key.key.as_ref(), key.key_file.as_deref()) {
                keys.push(auth::KeySetting {
                    kid: key.kid.clone(),
                    algorithm: key.algorithm,
                    key: text,
                });
            }
        }
        auth::Settings {
            issuer: self.auth.issuer.clone(),
            audience: self.auth.audience.clone(),
            tenant_claim: self.auth.tenant_claim.clone(),
            scope_claim: self.auth.scope_claim.clone(),
            leeway: self.auth.leeway.0,
            keys,
            allow_hs256: false,
            allow_dev_keys: false,
        }
    }

    pub(super) fn signing_key(&self, faults: &mut Vec<Fault>) -> Option<SecretString> {
        let key = secret(
            faults,
            "links.signing_key",
            self.links.signing_key.as_ref(),
            self.links.signing_key_file.as_deref(),
        )?;
        if key.expose_secret().len() < MIN_SIGNING_KEY_CHARS {
            faults.push(Fault::unfit(
                "links.signing_key",
                "must be at least 32 characters",
            ));
        }
        Some(key)
    }

    pub(super) fn sealing_keys(&self, faults: &mut Vec<Fault>) -> Option<Vec<SealingKey>> {
        let first = secret(
            faults,
            "sealing.key",
            self.sealing.key.as_ref(),
            self.sealing.key_file.as_deref(),
        );
        let mut parse = |key: &str, text: &SecretString| {
            SealingKey::parse(text)
                .map_err(|error| faults.push(Fault::unfit(key, error.to_string())))
                .ok()
        };
        let first = first.and_then(|text| parse("sealing.key", &text));
        let previous: Vec<_> = (self.sealing.previous_keys.iter())
            .map(|key| parse("sealing.previous_keys", &key.0))
            .collect();
        std::iter::once(first).chain(previous).collect()
    }
}
