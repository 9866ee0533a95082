//! Looking names up, as the machine does it.
//!
//! Promises: look-ups that nobody waits for any more still count against a
//! bound of their own, for each takes a thread until the machine gives up; and
//! a guarded name leads to the public internet or nowhere.

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

/// Asks the machine.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    free: Arc<Semaphore>,
}

impl Machine {
    /// With a bound of its own: names that nobody answers for hold up only
    /// those that are looked up through the same one.
    pub(super) fn new() -> Self {
        Self {
            free: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

impl Resolve for Machine {
    fn resolve(&self, name: Name) -> Resolving {
        let free = self.free.clone();
        Box::pin(async move {
            let found = look_up(free, name).await.map_err(FailedLookup)?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Refuses a name that leads to a single address outside the public internet.
#[derive(Debug, Clone)]
pub(super) struct PublicOnly<R>(pub(super) R);

impl<R: Resolve> Resolve for PublicOnly<R> {
    fn resolve(&self, name: Name) -> Resolving {
        let found = self.0.resolve(name);
        Box::pin(async move {
            let found: Vec<SocketAddr> = found.await?.collect();
            let inside = found.iter().any(|address| !is_public(address.ip()));
            if inside || found.is_empty() {
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
