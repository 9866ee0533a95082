//! A private Postgres: a child process of ours on a Unix socket, made from the native programs of
//! the machine.
//!
//! It needs no service, no password, no port and no root, works as root too, and never outlives us:
//! not after Ctrl-C, not after `kill -9`. What is kept survives all that. Where the machine has no
//! Postgres, one is fetched.
//!
//! Access is by file permission alone: whoever may enter the socket's folder is superuser. For
//! development and tests.

mod account;
mod binaries;
mod cluster;
mod directories;
mod error;
mod packages;
mod provision;
mod server;
mod watchdog;

pub use error::StartError;
pub use provision::ProvisionError;

use account::Account;
use binaries::{Installation, Lookup};
use cluster::Cluster;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, percent_encode};
use server::Server;
use std::fs::{self, File, TryLockError};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use watchdog::Watchdog;

/// All but the unreserved characters (RFC 3986, 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Which cluster to run, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the cluster lies, one sub-folder per major version of Postgres. Made if absent. Root,
    /// whose own folders are closed to the server, may get another permanent folder: see
    /// [`EmbeddedPostgres::data_dir`].
    pub data_dir: PathBuf,
    /// The folder with `postgres` and `initdb`; by default the machine is searched, and Postgres
    /// fetched if absent.
    pub bin_dir: Option<PathBuf>,
    /// What a crash may cost.
    pub durability: Durability,
    /// Postgres' `max_connections`.
    pub max_connections: u32,
}

/// What becomes of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Kept: every commit is on disk, and the next start finds it.
    Durable,
    /// Removed with its directory when we end, even when we are killed. Commits are not flushed,
    /// which is faster.
    Ephemeral,
}

/// A running cluster. Dropping it stops it.
#[derive(Debug)]
pub struct EmbeddedPostgres {
    server: Server,
    watchdog: Watchdog,
    lock: File,
    data_dir: PathBuf,
    socket: PathBuf,
}

impl EmbeddedPostgres {
    /// Starts the cluster, making it first if it is new, and returns when it takes connections.
    /// Blocks: about 0.1 s for an ephemeral cluster, 1 s for a new durable one, up to minutes where
    /// Postgres must be fetched.
    ///
    /// # Errors
    /// [`StartError`]; a failed start leaves no process behind.
    pub fn start(options: &Options) -> Result<Self, StartError> {
        let account = Account::choose();
        let home = directories::home(&options.data_dir, &account)
            .map_err(StartError::io("use", &options.data_dir))?;
        let lock = lock(&home)?;
        let ephemeral = options.durability == Durability::Ephemeral;
        if ephemeral && !is_new(&home) {
            return Err(StartError::NotEmpty(home));
        }
        let cache =
            directories::cache(&account).map_err(StartError::io("make a cache for", &home))?;
        let installation = installation(options, cache.clone(), &account)?;
        let cluster = Cluster::of(&home, &installation);
        let socket = directories::socket(&home, &account)
            .map_err(StartError::io("make a socket for", &home))?;
        let log = home.join("postgres.log");

        // The watchdog comes first: from here on there is something to clean up.
        let removed: &[&Path] = if ephemeral { &[&home, &socket] } else { &[] };
        let mut watchdog = Watchdog::start(&cluster.pid_file(), removed)
            .map_err(StartError::io("watch over", &home))?;
        if ephemeral {
            cluster.ensure_from_seed(&cache, &installation, &account)?;
        } else {
            cluster.ensure(&installation, &account)?;
        }
        cluster.recover(&socket)?;
        let mut server = Server::spawn(&installation, &account, &cluster, &socket, &log, options)?;
        watchdog
            .guard(server.pid())
            .map_err(StartError::io("watch over", &home))?;
        server.await_ready(&cluster, &log)?;
        Ok(Self {
            server,
            watchdog,
            lock,
            data_dir: home,
            socket,
        })
    }

    /// The URL of `database`, for sqlx and for everything built on libpq.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let socket = percent_encoded(self.socket.as_os_str().as_bytes());
        format!(
            "postgres://postgres@localhost/{}?host={socket}",
            percent_encoded(database.as_bytes())
        )
    }

    /// Where the data really lies.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Ends all sessions, writes everything down and waits for the end. Dropping does the same.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for EmbeddedPostgres {
    fn drop(&mut self) {
        self.server.stop();
        self.watchdog.release();
        // A durable cluster's is not the watchdog's to remove: after a kill, the next run may
        // already use it.
        let _ = fs::remove_dir(&self.socket);
        // Last, and at once: closing the file would leave the lock with a child that another thread
        // is just about to start.
        let _ = self.lock.unlock();
    }
}

/// Whether a URL is one of [`EmbeddedPostgres::url`], of this process or another.
#[must_use]
pub fn is_embedded(url: &str) -> bool {
    url.split_once("host=")
        .is_some_and(|(_, folder)| folder.contains(directories::SOCKET_PREFIX))
}

/// One owner at a time; the system frees the lock of a killed one.
fn lock(home: &Path) -> Result<File, StartError> {
    let path = home.join(LOCK);
    let file = File::create(&path).map_err(StartError::io("create", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::Busy(home.to_owned())),
        Err(TryLockError::Error(error)) => Err(StartError::io("lock", &path)(error)),
    }
}

const LOCK: &str = "owner.lock";

fn is_new(home: &Path) -> bool {
    fs::read_dir(home)
        .is_ok_and(|mut entries| entries.all(|entry| entry.is_ok_and(|e| e.file_name() == LOCK)))
}

fn installation(
    options: &Options,
    cache: PathBuf,
    account: &Account,
) -> Result<Installation, StartError> {
    if let Some(bin) = &options.bin_dir {
        return Installation::probe(bin, account).ok_or_else(|| StartError::Unusable(bin.clone()));
    }
    let lookup = Lookup::everywhere(cache);
    match lookup.find(account) {
        Some(installation) => Ok(installation),
        None => Ok(provision::provision(&lookup, account)?),
    }
}

/// Every byte but the unreserved characters is escaped.
fn percent_encoded(bytes: &[u8]) -> PercentEncode<'_> {
    percent_encode(bytes, ESCAPED)
}

#[cfg(test)]
mod tests;
