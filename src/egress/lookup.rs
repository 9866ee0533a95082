//! Looking names up, as the machine does it.
//!
//! Promises: look-ups that nobody waits for any more still count against a
//! bound of their own, for each takes a thread until the machine gives up; and
//! a name that came from outside leads to the public internet or nowhere.

use super::address::is_public;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Look-ups at a time.
const AT_ONCE: usize = 64;

/// Marks a look-up that was refused, so that the cause is found in the chain.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to an address that is not public")]
pub(super) struct RefusedAddress;

/// Marks a look-up that failed, so that the cause is found in the chain.
#[derive(Debug, thiserror::Error)]
#[error("the name could not be looked up")]
pub(super) struct FailedLookup(#[source] io::Error);

/// Looks names up.
#[derive(Debug, Clone)]
pub(super) struct Lookup {
    free: Arc<Semaphore>,
    public_only: bool,
}

impl Lookup {
    /// For any name.
    pub(super) fn new() -> Self {
        Self {
            free: Arc::new(Semaphore::new(AT_ONCE)),
            public_only: false,
        }
    }

    /// For names that came from outside: refuses one that leads to a single
    /// address outside the public internet. Has a bound of its own, or names
    /// that nobody answers for would hold up the providers'.
    pub(super) fn public_only() -> Self {
        Self {
            public_only: true,
            ..Self::new()
        }
    }
}

impl Resolve for Lookup {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { free, public_only } = self.clone();
        Box::pin(async move {
            let found = look_up(free, name).await.map_err(FailedLookup)?;
            let inside = found.iter().any(|address| !is_public(address.ip()));
            if public_only && (inside || found.is_empty()) {
                return Err(RefusedAddress.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Keeps its place until the machine is done, though nobody may wait by then.
async fn look_up(free: Arc<Semaphore>, name: Name) -> io::Result<Vec<SocketAddr>> {
    let place = free.acquire_owned().await.map_err(io::Error::other)?;
    let looking = tokio::spawn(async move {
        let _place = place;
        let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
        Ok(found.collect())
    });
    looking.await.map_err(io::Error::other)?
}
