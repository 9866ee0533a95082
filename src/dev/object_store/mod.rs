//! An S3 server in this process: what `dev`, `demo` and the tests store in.
//!
//! The protocol (routing, XML, `SigV4`, presigned links, chunked uploads) is
//! the `s3s` crate's; the store behind it is ours and small. It keeps its
//! objects below one folder through restarts and `kill -9`: an object is
//! there whole, as declared, or not at all. Open multipart uploads and
//! lifecycle rules survive too. Nothing is synced, so a power cut may take the
//! last writes. Path-style addressing only; no versions, no tags, no access
//! lists, no encryption, no conditions, no checksum of a multipart object as a
//! whole.
//!
//! Tests make it misbehave through [`ObjectStore::faults`].

mod auth;
mod body;
mod catalog;
mod checksums;
mod dialect;
mod endpoint;
mod faults;
mod index;
mod layout;
mod lifecycle;
mod listing;
mod multipart;
mod object;
mod operation;
mod receive;
mod recovery;
mod server;
mod service;
#[cfg(test)]
mod tests;

pub use dialect::Dialect;
pub use faults::{Fault, Faults, JournalEntry};
pub use operation::Operation;

use auth::AccessKey;
use catalog::Catalog;
use endpoint::Endpoint;
use s3s::service::S3ServiceBuilder;
use secrecy::SecretString;
use service::Store;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// How long `shutdown` waits for requests in flight.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// How long `start` waits for an earlier store to let go of the root.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// What an [`ObjectStore`] needs to know.
#[derive(Debug)]
pub struct Settings {
    /// Where the objects lie. Made when missing; no two stores may share it.
    pub root: PathBuf,
    /// Where to listen. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The one access key that may sign requests.
    pub access_key: String,
    /// Its secret.
    pub secret_key: SecretString,
    /// Buckets to make when they are missing.
    pub buckets: Vec<String>,
}

/// A running S3 server. Dropping it cuts its connections; see [`shutdown`](Self::shutdown).
pub struct ObjectStore {
    local_addr: SocketAddr,
    faults: Arc<Faults>,
    catalog: Arc<Catalog>,
    stop: CancellationToken,
    server: AbortOnDropHandle<()>,
}

impl ObjectStore {
    /// Opens the root, makes the missing buckets, binds, and serves in the
    /// background of the current Tokio runtime.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let catalog = Arc::new(open(settings.root).await?);
        for bucket in settings.buckets {
            if !s3s::path::check_bucket_name(&bucket) {
                return Err(StartError::BucketName(bucket));
            }
            catalog.create_bucket(&bucket).map_err(StartError::Root)?;
        }

        let bind = |source| StartError::Bind {
            listen: settings.listen,
            source,
        };
        let listener = TcpListener::bind(settings.listen).await.map_err(bind)?;
        let local_addr = listener.local_addr().map_err(bind)?;

        let mut s3 = S3ServiceBuilder::new(Store::new(Arc::clone(&catalog)));
        s3.set_auth(AccessKey::new(settings.access_key, settings.secret_key));
        let faults = Arc::new(Faults::default());
        let endpoint = Endpoint::new(s3.build(), Arc::clone(&faults));
        let stop = CancellationToken::new();
        let server = tokio::spawn(server::serve(listener, endpoint, stop.clone()));
        Ok(Self {
            local_addr,
            faults,
            catalog,
            stop,
            server: AbortOnDropHandle::new(server),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// What tests set to make it misbehave, and what it was asked.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Obeys the lifecycle rules as of `now`: S3 does so daily, this store
    /// when it is told to. Returns how many objects and uploads were removed.
    pub async fn sweep(&self, now: OffsetDateTime) -> io::Result<usize> {
        let catalog = Arc::clone(&self.catalog);
        tokio::task::spawn_blocking(move || catalog.sweep(now))
            .await?
            .map_err(io::Error::other)
    }

    /// Stops accepting, finishes what is in flight within 5 seconds and cuts the rest.
    pub async fn shutdown(self) {
        self.stop.cancel();
        if timeout(SHUTDOWN_GRACE, self.server).await.is_err() {
            tracing::warn!("the object store cut requests that were still in flight");
        }
    }
}

impl fmt::Debug for ObjectStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectStore")
            .field("local_addr", &self.local_addr)
            .finish_non_exhaustive()
    }
}

/// Opens the catalog. A store that is just being dropped may still hold the root.
async fn open(root: PathBuf) -> Result<Catalog, StartError> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        let root = root.clone();
        let opened = tokio::task::spawn_blocking(move || Catalog::open(root)).await;
        match opened.unwrap_or_else(|panic| Err(panic.into())) {
            Ok(catalog) => return Ok(catalog),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                return Err(StartError::Root(error));
            }
            Err(_) if Instant::now() >= deadline => return Err(StartError::InUse),
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}

/// Why a store does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The root, or something below it, cannot be read or written.
    #[error("cannot use the object store's folder")]
    Root(#[source] io::Error),
    /// Another store serves this root.
    #[error("another process uses the object store's folder")]
    InUse,
    /// Not a name that S3 allows.
    #[error("{0:?} is no valid bucket name")]
    BucketName(String),
    /// The address is taken or not ours.
    #[error("cannot listen on {listen}")]
    Bind {
        /// The address asked for.
        listen: SocketAddr,
        /// Why.
        source: io::Error,
    },
}
