//! Where things lie: the cluster's home, the cache, the socket.
//!
//! A root process's own folders are closed to the server's account, and a socket path has at most
//! 103 bytes; so each has a fallback under a shared temp folder, claimed in a way that nobody can
//! plant it beforehand.

use super::account::Account;
use sha2::{Digest as _, Sha256};
use std::fs::{DirBuilder, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// macOS has the smallest `sun_path`: 104 bytes with the closing zero.
const LONGEST_SOCKET_PATH: usize = 103;

/// What Postgres calls the socket of its default port.
const SOCKET_FILE: &str = ".s.PGSQL.5432";

/// What Postgres puts beside it to keep a second server away.
pub(super) const SOCKET_LOCK: &str = ".s.PGSQL.5432.lock";

/// Survives a reboot, unlike `/tmp`.
const PERSISTENT_TEMP: &str = "/var/tmp";

/// The folder that holds cluster, lock and log: `requested`, or, where `account` cannot walk to it
/// (a clone under root's 0700 home), a permanent folder that is always the same for the same
/// `requested`.
pub(super) fn home(requested: &Path, account: &Account) -> io::Result<PathBuf> {
    fs::create_dir_all(requested)?;
    let requested = requested.canonicalize()?;
    if account.reaches(&requested) {
        return Ok(requested);
    }
    let home = scratch(account)?.join(format!("data-{}", fingerprint(&requested)));
    claim(&home, 0o711, account)?;
    tracing::info!(folder = %home.display(), "the server cannot reach {}", requested.display());
    Ok(home)
}

/// The folder for what is costly to make again: seed clusters and fetched binaries.
pub(super) fn cache(account: &Account) -> io::Result<PathBuf> {
    // Root's home is closed to the server, and under sudo it is another person's.
    if !account.is_switched()
        && let Some(cache) = env::home_dir().map(|home| home.join(".cache/attachments"))
        && fs::create_dir_all(&cache).is_ok()
    {
        return Ok(cache);
    }
    let cache = scratch(account)?.join("cache");
    claim(&cache, 0o711, account)?;
    Ok(cache)
}

/// What the names of sockets' folders begin with.
pub(super) const SOCKET_PREFIX: &str = ".attachments-";

/// The folder of the socket, always the same for one `home`; only the server's account and root can
/// enter it.
pub(super) fn socket(home: &Path, account: &Account) -> io::Result<PathBuf> {
    let name = format!("{SOCKET_PREFIX}{}-{}", account.uid(), fingerprint(home));
    let fits = |folder: &PathBuf| folder.join(SOCKET_FILE).as_os_str().len() <= LONGEST_SOCKET_PATH;
    let socket = temp_folders(
        [env::temp_dir(), "/tmp".into(), PERSISTENT_TEMP.into()],
        account,
    )
    .map(|folder| folder.join(&name))
    .find(fits)
    .ok_or_else(no_temp_folder)?;
    claim(&socket, 0o700, account)?;
    account.own(&socket)?;
    Ok(socket)
}

/// Our own folder under a permanent temp folder.
fn scratch(account: &Account) -> io::Result<PathBuf> {
    let folder = temp_folders(
        [PERSISTENT_TEMP.into(), env::temp_dir(), "/tmp".into()],
        account,
    )
    .next()
    .ok_or_else(no_temp_folder)?
    .join(format!("attachments-{}", nix::unistd::geteuid()));
    claim(&folder, 0o711, account)?;
    Ok(folder)
}

fn temp_folders(wanted: [PathBuf; 3], account: &Account) -> impl Iterator<Item = PathBuf> {
    wanted
        .into_iter()
        .filter_map(|folder| folder.canonicalize().ok())
        .filter(|folder| account.reaches(folder))
}

/// Makes `folder` with `mode`, or takes it over if it already is a folder of ours.
fn claim(folder: &Path, mode: u32, account: &Account) -> io::Result<()> {
    match DirBuilder::new().mode(mode).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let found = folder.symlink_metadata()?;
            if !found.is_dir() || !account.trusts(found.uid()) {
                return Err(io::Error::other(format!(
                    "{} belongs to someone else",
                    folder.display()
                )));
            }
        }
        created => created?,
    }
    fs::set_permissions(folder, Permissions::from_mode(mode))
}

/// Short, and the same for the same path in every build.
fn fingerprint(path: &Path) -> String {
    hex::encode(&Sha256::digest(path.as_os_str().as_bytes())[..6])
}

fn no_temp_folder() -> io::Error {
    io::Error::new(
        io::ErrorKind::NotFound,
        "no temp folder that the server can reach",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn folder() -> PathBuf {
        let folder = env::temp_dir()
            .canonicalize()
            .unwrap()
            .join(uuid::Uuid::now_v7().to_string());
        DirBuilder::new().mode(0o700).create(&folder).unwrap();
        folder
    }

    #[test]
    fn a_home_out_of_reach_is_replaced_by_the_same_one_each_time() {
        let closed = folder();
        let requested = closed.join("clone/data");
        let account = Account::stranger();

        let first = home(&requested, &account).unwrap();

        assert!(
            account.reaches(&first) && !first.starts_with(&closed),
            "{}",
            first.display()
        );
        assert_eq!(home(&requested, &account).unwrap(), first);
        assert_ne!(home(&closed.join("other"), &account).unwrap(), first);
        for path in [
            &closed,
            &first,
            &home(&closed.join("other"), &account).unwrap(),
        ] {
            fs::remove_dir_all(path).unwrap();
        }
    }

    #[test]
    fn a_home_within_reach_is_used_as_it_is() {
        let open = folder();
        fs::set_permissions(&open, Permissions::from_mode(0o755)).unwrap();
        assert_eq!(
            home(&open.join("data"), &Account::stranger()).unwrap(),
            open.join("data")
        );
        fs::remove_dir_all(&open).unwrap();
    }

    #[test]
    fn a_planted_folder_is_refused() {
        let folder = folder();
        symlink("/etc", folder.join("planted")).unwrap();
        let refused = claim(&folder.join("planted"), 0o700, &Account::choose());
        assert!(
            refused
                .unwrap_err()
                .to_string()
                .ends_with("belongs to someone else")
        );
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_socket_path_fits_however_long_the_home_is() {
        let account = Account::choose();
        let socket = socket(Path::new(&format!("/{}", "long/".repeat(100))), &account).unwrap();
        assert!(socket.join(SOCKET_FILE).as_os_str().len() <= LONGEST_SOCKET_PATH);
        assert_eq!(socket.metadata().unwrap().mode() & 0o777, 0o700);
        assert_eq!(socket.metadata().unwrap().uid(), account.uid());
        fs::remove_dir(&socket).unwrap();
    }
}
