//! Bytes for as long as they may be given: a stream can be slow, and its file
//! deleted or expired on the way.

use super::{Access, AccessError, stored};
use crate::attachment::Attachment;
use crate::ids::TenantId;
use crate::telemetry::Chain;
use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt as _};
use std::time::Duration;
use tokio::time::Instant;

/// How often the record is looked at again; a deletion ends a stream within this.
const LOOK: Duration = Duration::from_secs(2);

impl Access {
    /// The bytes of a stored attachment, up to its deletion or the end of its
    /// retention. A database that is unavailable ends no stream.
    pub(super) fn while_stored(
        self,
        tenant: TenantId,
        attachment: Attachment,
        bytes: impl Stream<Item = Result<Bytes, AccessError>> + Send + 'static,
    ) -> impl Stream<Item = Result<Bytes, AccessError>> + Send {
        let reading = (self, tenant, attachment, Instant::now(), bytes.boxed());
        stream::unfold(Some(reading), |reading| async {
            let (access, tenant, mut attachment, mut looked_at, mut bytes) = reading?;
            let piece = match bytes.next().await? {
                Ok(piece) => piece,
                Err(error) => {
                    let error = access.looked_into(&tenant, attachment.id, error).await;
                    return Some((Err(error), None));
                }
            };
            if looked_at.elapsed() >= LOOK {
                looked_at = Instant::now();
                match access.db.attachment(&tenant, attachment.id).await {
                    Ok(Some(now)) => attachment = now,
                    Ok(None) => return Some((Err(AccessError::NotFound), None)),
                    Err(error) => {
                        tracing::debug!(error = %Chain(&error), "the record was not looked at again");
                    }
                }
            }
            if let Err(ended) = stored(&attachment, access.clock.now()) {
                return Some((Err(ended), None));
            }
            Some((
                Ok(piece),
                Some((access, tenant, attachment, looked_at, bytes)),
            ))
        })
    }
}
