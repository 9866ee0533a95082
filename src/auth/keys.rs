//! The keys that tokens may be signed with, by their ids.

use super::fault::{InvalidSettings, KeyFault};
use super::key::Key;
use super::settings::Settings;
use std::collections::HashMap;

/// The keys by their ids. Where they came from does not matter to it.
#[derive(Debug)]
pub(super) struct KeySet {
    by_kid: HashMap<String, Key>,
    /// The key of a set of one that has no id.
    nameless: Option<Key>,
}

impl KeySet {
    /// Loads the keys of `settings`.
    pub(super) fn load(settings: &Settings) -> Result<Self, InvalidSettings> {
        if settings.keys.is_empty() {
            return Err(InvalidSettings::NoKeys);
        }
        let mut set = Self {
            by_kid: HashMap::new(),
            nameless: None,
        };
        for (index, setting) in settings.keys.iter().enumerate() {
            let fault = |fault| InvalidSettings::of_key(index, setting, fault);
            let key = Key::load(setting, settings).map_err(fault)?;
            let replaced = match &setting.kid {
                Some(kid) => set.by_kid.insert(kid.clone(), key),
                None if settings.keys.len() > 1 => return Err(fault(KeyFault::Nameless)),
                None => set.nameless.replace(key),
            };
            if replaced.is_some() {
                return Err(fault(KeyFault::Duplicate));
            }
        }
        Ok(set)
    }

    /// The key a token names. A token that names none means the only one.
    pub(super) fn find(&self, kid: Option<&str>) -> Option<&Key> {
        match kid {
            Some(kid) => self.by_kid.get(kid),
            None if self.by_kid.len() == 1 => self.by_kid.values().next(),
            None => self.nameless.as_ref(),
        }
    }
}

/// Everything that is wrong with the keys of `settings`, where a verifier
/// stops at the first. No keys at all is not among it.
pub fn faults(settings: &Settings) -> impl Iterator<Item = InvalidSettings> {
    let leeway = (settings.leeway > Settings::MAX_LEEWAY).then_some(InvalidSettings::Leeway);
    let each: Vec<_> = settings
        .keys
        .iter()
        .enumerate()
        .filter_map(|(index, setting)| {
            let fault = Key::load(setting, settings).err()?;
            Some(InvalidSettings::of_key(index, setting, fault))
        })
        .collect();
    // Keys that are good by themselves may still get into each other's way.
    let together = if each.is_empty() && !settings.keys.is_empty() {
        KeySet::load(settings).err()
    } else {
        None
    };
    leeway.into_iter().chain(each).chain(together)
}

#[cfg(test)]
mod tests {
    use super::super::forge::{self, Signer};
    use super::super::settings::{DEV_KID, KeySetting};
    use super::*;

    #[test]
    fn each_key_of_several_has_an_id_of_its_own() {
        let signer = Signer::ed25519();
        let nameless = KeySetting {
            kid: None,
            ..signer.setting("")
        };
        for (keys, name, fault) in [
            (
                vec![signer.setting("a"), signer.setting("a")],
                "a",
                KeyFault::Duplicate,
            ),
            (
                vec![signer.setting("a"), nameless],
                "#1",
                KeyFault::Nameless,
            ),
            (
                vec![signer.setting("a"), signer.setting(DEV_KID)],
                DEV_KID,
                KeyFault::DevKey,
            ),
        ] {
            let refused = InvalidSettings::Key {
                name: name.to_owned(),
                fault,
            };
            assert_eq!(KeySet::load(&forge::settings(keys)).unwrap_err(), refused);
        }
        let none = forge::settings(vec![]);
        assert_eq!(KeySet::load(&none).unwrap_err(), InvalidSettings::NoKeys);
    }
}
