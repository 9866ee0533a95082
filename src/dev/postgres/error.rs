//! Why a cluster does not start.

use super::binaries::MINIMUM_MAJOR;
use super::provision::ProvisionError;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

/// Why [`EmbeddedPostgres::start`](super::EmbeddedPostgres::start) failed.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another process runs this cluster.
    #[error("{} is in use by another process", .0.display())]
    Busy(PathBuf),
    /// An ephemeral cluster takes its directory with it, so it takes only an empty one.
    #[error("{} is not empty, and an ephemeral cluster removes its directory", .0.display())]
    NotEmpty(PathBuf),
    /// The explicit folder is of no use.
    #[error("{} holds no Postgres {MINIMUM_MAJOR} or newer that the server's account can run", .0.display())]
    Unusable(PathBuf),
    /// There is no Postgres, and none could be fetched.
    #[error(transparent)]
    NotInstalled(#[from] ProvisionError),
    /// `initdb` said this.
    #[error("initdb failed: {0}")]
    Initdb(String),
    /// The server gave up.
    #[error("Postgres ended while starting ({status}): {log}")]
    Ended {
        /// How it ended.
        status: ExitStatus,
        /// What it said.
        log: String,
    },
    /// The server takes no connections.
    #[error("Postgres was not ready after {} s: {log}", .limit.as_secs())]
    Slow {
        /// How long it was waited for.
        limit: Duration,
        /// What it said.
        log: String,
    },
    /// The system refused something.
    #[error("cannot {action} {}", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl StartError {
    /// For `map_err`: says what was tried on `path`.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
