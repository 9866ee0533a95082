//! Waiting for what a caller asked to see done: looks again whenever something
//! changed, and not more often.

use crate::attachment::listing::ListFilter;
use crate::ids::TenantId;
use crate::watch::Watch;
use futures::StreamExt as _;
use futures::future::BoxFuture;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use tonic::Status;

/// What was seen, and whether that is what was waited for.
pub(super) struct Seen<T> {
    pub(super) answer: T,
    pub(super) is_done: bool,
}

/// Looks until it is done or the time is up; gives what was seen last. Wakes up
/// for changes that `filter` asks for, so a wait costs what changes.
pub(super) async fn until_done<'a, T>(
    watch: &Watch,
    tenant: &TenantId,
    filter: ListFilter,
    patience: Duration,
    look: impl Fn() -> BoxFuture<'a, Result<Seen<T>, Status>>,
) -> Result<T, Status> {
    let deadline = Instant::now() + patience;
    let seen = look().await?;
    if seen.is_done || patience.is_zero() {
        return Ok(seen.answer);
    }
    // What changed between the first look and this is seen by the next look.
    let following = watch.follow(tenant.clone(), filter, None, None).await?;
    let mut changes = Box::pin(following.1);
    loop {
        let seen = look().await?;
        if seen.is_done {
            return Ok(seen.answer);
        }
        match timeout_at(deadline, changes.next()).await {
            Ok(Some(told)) => drop(told?),
            Ok(None) | Err(_) => return Ok(seen.answer),
        }
    }
}
