//! Uploads in parts whose worker died: found by their age, and aborted.
//!
//! The store keeps their parts, unseen in listings of objects, until somebody
//! aborts them. Looked for now and then only, for a listing is a request.

use super::{BATCH, Sweeper};
use crate::blob::BlobError;
use futures::TryStreamExt as _;
use std::pin::pin;
use std::sync::atomic::Ordering;

/// Looks in the time after which an upload counts as abandoned.
const LOOKS: u32 = 10;

impl Sweeper {
    /// Aborts what is abandoned, if it is time to look; gives how many. The
    /// store logs its own failure, and the next look makes up for it.
    pub(super) async fn abort_uploads(&self) -> u64 {
        let now = self.uptime();
        if now < self.next_look.load(Ordering::Relaxed) {
            return 0;
        }
        let pause = (self.settings.uploads_abandoned_after / LOOKS).as_millis();
        let mut next = now.saturating_add(u64::try_from(pause).unwrap_or(u64::MAX));
        let mut aborted = 0;
        match self.abort_abandoned(&mut aborted).await {
            // There may be more, and they need not wait.
            Ok(()) if aborted >= u64::from(BATCH) => next = now,
            Ok(()) => {}
            Err(BlobError::Unsupported { .. }) => {
                tracing::warn!(
                    "object storage does not list open uploads, and is not asked again; \
                     a lifecycle rule of the bucket has to abort those that workers leave"
                );
                next = u64::MAX;
            }
            Err(_) => {}
        }
        self.next_look.store(next, Ordering::Relaxed);
        aborted
    }

    async fn abort_abandoned(&self, aborted: &mut u64) -> Result<(), BlobError> {
        let abandoned = self.clock.now() - self.settings.uploads_abandoned_after;
        let mut uploads = pin!(self.bucket.open_uploads());
        while let Some(upload) = uploads.try_next().await? {
            if upload.begun_at > abandoned {
                continue;
            }
            match self.bucket.abort_upload(&upload.key, &upload.id).await {
                Ok(()) => *aborted += 1,
                // One that it will not end must not hold up the others.
                Err(BlobError::Refused { .. }) => {}
                Err(error) => return Err(error),
            }
            if *aborted >= u64::from(BATCH) {
                break;
            }
        }
        Ok(())
    }
}
