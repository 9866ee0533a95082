//! Finds the Postgres server programs of the machine.
//!
//! First hit wins: `PATH`, then the folders packagers use (newest major first), then what [`provision`] fetched
//! earlier. A candidate counts when the server's account can run it, so one that it cannot reach is passed over.

use super::account::Account;
use super::provision;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

/// The oldest release taken.
pub(super) const MINIMUM_MAJOR: u32 = 14;

/// Folders with one sub-folder per release: parent, how the sub-folder's name begins, where its programs are.
const PACKAGED: [(&str, &str, &str); 9] = [
    ("/usr/lib/postgresql", "", "bin"),         // Debian, Ubuntu
    ("/usr", "pgsql-", "bin"),                  // PGDG on RHEL and Fedora
    ("/usr/libexec", "postgresql", ""),         // Alpine
    ("/opt/homebrew/opt", "postgresql", "bin"), // Homebrew, Apple silicon
    ("/usr/local/opt", "postgresql", "bin"),    // Homebrew, Intel
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql", "bin"), // Homebrew, Linux
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"), // Postgres.app
    ("/opt/local/lib", "postgresql", "bin"),    // MacPorts
    ("/usr/local", "pgsql", "bin"),             // built from source
];

/// One set of server programs.
#[derive(Debug)]
pub(super) struct Installation {
    bin: PathBuf,
    /// As the server prints it: `15.18`, `19beta1`.
    pub(super) version: String,
    pub(super) major: u32,
}

impl Installation {
    /// The programs in `bin`, if `account` can run them and they are new enough.
    pub(super) fn probe(bin: &Path, account: &Account) -> Option<Self> {
        let found = Self {
            bin: bin.to_owned(),
            version: String::new(),
            major: 0,
        };
        let answer = |program| {
            let output = found
                .command(program, account)
                .arg("--version")
                .stderr(Stdio::null())
                .output()
                .ok()?;
            output
                .status
                .success()
                .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
        };
        answer("initdb")?;
        // "postgres (PostgreSQL) 15.18 (Debian 15.18-1)"
        let version = answer("postgres")?.split_whitespace().nth(2)?.to_owned();
        let major = version
            .split(|c: char| !c.is_ascii_digit())
            .next()?
            .parse()
            .ok()?;
        (major >= MINIMUM_MAJOR).then_some(Self {
            version,
            major,
            ..found
        })
    }

    /// `program` of this installation, to run as `account`, blind to our environment and folder.
    pub(super) fn command(&self, program: &str, account: &Account) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .current_dir("/");
        account.run(&mut command);
        command
    }
}

/// Where to look.
#[derive(Debug)]
pub(super) struct Lookup {
    path: OsString,
    packaged: &'static [(&'static str, &'static str, &'static str)],
    pub(super) cache: PathBuf,
}

impl Lookup {
    /// Everywhere; `cache` is where fetched programs lie.
    pub(super) fn everywhere(cache: PathBuf) -> Self {
        Self {
            path: env::var_os("PATH").unwrap_or_default(),
            packaged: &PACKAGED,
            cache,
        }
    }

    /// Only in `cache`, as on a machine without Postgres.
    #[cfg(test)]
    pub(super) fn cache_only(cache: PathBuf) -> Self {
        Self {
            path: OsString::new(),
            packaged: &[],
            cache,
        }
    }

    /// The first usable installation.
    pub(super) fn find(&self, account: &Account) -> Option<Installation> {
        let probe = |bin: PathBuf| Installation::probe(&bin, account);
        self.path_folders()
            .find_map(probe)
            .or_else(|| {
                self.packaged_folders()
                    .filter_map(probe)
                    .max_by_key(|installation| installation.major)
            })
            .or_else(|| provision::folders(&self.cache).into_iter().find_map(probe))
    }

    /// Folders behind the `postgres` on `PATH`: a symlink there often points to where `initdb` lies.
    fn path_folders(&self) -> impl Iterator<Item = PathBuf> {
        env::split_paths(&self.path)
            .filter_map(|folder| folder.join("postgres").canonicalize().ok())
            .filter_map(|program| program.parent().map(Path::to_owned))
    }

    fn packaged_folders(&self) -> impl Iterator<Item = PathBuf> {
        self.packaged.iter().flat_map(|(parent, prefix, bin)| {
            let releases = fs::read_dir(parent).into_iter().flatten().flatten();
            releases
                .filter(move |release| release.file_name().to_string_lossy().starts_with(prefix))
                .map(move |release| release.path().join(bin))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn follows_a_symlink_on_the_path() {
        let account = Account::choose();
        let cache = super::super::directories::cache(&account).unwrap();
        let real = Lookup::everywhere(cache.clone())
            .find(&account)
            .expect("a Postgres on this machine");
        let folder = env::temp_dir().join(uuid::Uuid::now_v7().to_string());
        fs::create_dir(&folder).unwrap();
        symlink(real.bin.join("postgres"), folder.join("postgres")).unwrap();

        let lookup = Lookup {
            path: folder.clone().into(),
            ..Lookup::cache_only(folder.clone())
        };

        assert_eq!(
            lookup.find(&account).unwrap().bin,
            real.bin.canonicalize().unwrap()
        );
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_folder_without_the_programs_is_no_installation() {
        assert!(Installation::probe(Path::new("/"), &Account::choose()).is_none());
    }
}
