//! Objects that are not what was stored. Whoever is on call hears of each
//! read that met one, unless its file was deleted just then.

use super::{Access, AccessError, stored};
use crate::blob::BlobError;
use crate::ids::{AttachmentId, TenantId};
use crate::telemetry::Chain;
use metrics::{Counter, counter};

/// Makes the series, so that the first event is a change.
pub(super) fn begin_counting() {
    damaged_reads().increment(0);
}

impl Access {
    /// What a failed read of a stored attachment's bytes means by now.
    pub(super) async fn looked_into(
        &self,
        tenant: &TenantId,
        id: AttachmentId,
        error: AccessError,
    ) -> AccessError {
        let AccessError::Damaged(cause) = &error else {
            return error;
        };
        let record = self.attachment(tenant, id).await;
        let still = record.and_then(|now| stored(&now, self.clock.now()).map(drop));
        if let Err(ended @ (AccessError::NotFound | AccessError::NotStored(_))) = still {
            return ended;
        }
        // It may be whole: a store that was restarted, a reader too slow for it.
        if *cause == BlobError::Cut {
            tracing::warn!(attachment.id = %id, error = %Chain(cause), "a byte stream was cut off");
            return error;
        }
        damaged_reads().increment(1);
        tracing::error!(
            tenant.id = %tenant,
            attachment.id = %id,
            error = %Chain(cause),
            "a stored object is damaged"
        );
        error
    }
}

fn damaged_reads() -> Counter {
    counter!("attachments_damaged_reads_total")
}
