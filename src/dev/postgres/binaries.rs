//! Finds the Postgres server programs of the machine.
//!
//! First hit wins: `PATH`, then the folders packagers use (newest major first), then what was
//! fetched earlier. A candidate counts when the server's account can run it, so one that it cannot
//! reach is passed over.

use super::account::Account;
use super::packages;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

/// The oldest release taken; those before it get no fixes any more.
pub(super) const MINIMUM_MAJOR: u32 = 14;

/// Where packagers put the programs; `*` stands for a release.
const PACKAGED: [&str; 9] = [
    "/usr/lib/postgresql/*/bin",                      // Debian, Ubuntu
    "/usr/pgsql-*/bin",                               // PGDG on RHEL and Fedora
    "/usr/libexec/postgresql*",                       // Alpine
    "/opt/homebrew/opt/postgresql*/bin",              // Homebrew on Apple silicon
    "/usr/local/opt/postgresql*/bin",                 // Homebrew on Intel
    "/home/linuxbrew/.linuxbrew/opt/postgresql*/bin", // Homebrew on Linux
    "/Applications/Postgres.app/Contents/Versions/*/bin",
    "/opt/local/lib/postgresql*/bin", // MacPorts
    "/usr/local/pgsql/bin",           // built from source
];

/// One set of server programs.
#[derive(Debug)]
pub(super) struct Installation {
    pub(super) bin: PathBuf,
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
        let major = major_of(&version)?;
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
        account.apply(&mut command);
        command
    }
}

fn major_of(version: &str) -> Option<u32> {
    version
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

/// Where to look.
#[derive(Debug)]
pub(super) struct Lookup {
    path: OsString,
    packaged: &'static [&'static str],
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
        let packaged = self.packaged.iter().flat_map(|pattern| matching(pattern));
        self.path_folders()
            .find_map(probe)
            .or_else(|| packaged.filter_map(probe).max_by_key(|found| found.major))
            .or_else(|| packages::programs(&self.cache).into_iter().find_map(probe))
    }

    /// Folders behind the `postgres` on `PATH`: a symlink there often points to where `initdb`
    /// lies.
    fn path_folders(&self) -> impl Iterator<Item = PathBuf> {
        env::split_paths(&self.path)
            .filter_map(|folder| folder.join("postgres").canonicalize().ok())
            .filter_map(|program| program.parent().map(Path::to_owned))
    }
}

/// The folders that match `pattern`, which has at most one `*`, at the end of a name.
fn matching(pattern: &str) -> Vec<PathBuf> {
    let (head, tail) = pattern.split_once('*').unwrap_or((pattern, ""));
    let (parent, prefix) = head.rsplit_once('/').unwrap_or(("", head));
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path().join(tail.trim_start_matches('/')))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_symlink_on_the_path_is_followed() {
        let folder = env::temp_dir()
            .canonicalize()
            .unwrap()
            .join(uuid::Uuid::now_v7().to_string());
        fs::create_dir_all(folder.join("real")).unwrap();
        fs::write(folder.join("real/postgres"), "").unwrap();
        symlink(folder.join("real/postgres"), folder.join("postgres")).unwrap();
        let path = env::join_paths([Path::new("/nowhere"), &folder]).unwrap();

        let lookup = Lookup {
            path,
            ..Lookup::cache_only(folder.clone())
        };

        assert!(lookup.path_folders().eq([folder.join("real")]));
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_version_begins_with_its_major() {
        assert_eq!(major_of("15.18"), Some(15));
        assert_eq!(major_of("19beta1"), Some(19));
        assert_eq!(major_of("devel"), None);
    }

    #[test]
    fn a_pattern_matches_each_release() {
        let folder = env::temp_dir().join(uuid::Uuid::now_v7().to_string());
        for release in ["pg-15/bin", "pg-17/bin", "other/bin"] {
            fs::create_dir_all(folder.join(release)).unwrap();
        }
        let mut found = matching(&format!("{}/pg-*/bin", folder.display()));
        found.sort();
        assert_eq!(found, [folder.join("pg-15/bin"), folder.join("pg-17/bin")]);
        let exact = format!("{}/other/bin", folder.display());
        assert_eq!(matching(&exact), [PathBuf::from(exact.clone())]);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_folder_without_the_programs_is_no_installation() {
        assert!(Installation::probe(Path::new("/"), &Account::choose()).is_none());
    }
}
