//! What an attempt measures on its way, for its journal.

use crate::attachment::journal::AttemptLog;
use crate::egress::ResponseHead;
use std::time::Duration;
use time::OffsetDateTime;

/// What an attempt measured, as far as it came. Each step gives its own, in
/// its result and in its failure alike.
#[derive(Debug, Clone, Default)]
pub(super) struct Measured {
    /// Since when the credential it went by had been taken for good.
    pub(super) credential_seen: Option<OffsetDateTime>,
    /// The head of the provider's answer.
    pub(super) head: ResponseHead,
    /// Bytes that came.
    pub(super) received_bytes: u64,
    /// Time spent on the provider.
    pub(super) fetch: Duration,
    /// Time spent on object storage.
    pub(super) store: Duration,
}

impl Measured {
    /// The journal's entry, with what happened in words.
    pub(super) fn into_log(self, detail: impl Into<String>) -> AttemptLog {
        AttemptLog {
            detail: detail.into(),
            provider_request_id: self.head.request_id,
            provider_status: self.head.status,
            received_bytes: self.received_bytes,
            fetch: self.fetch,
            store: self.store,
            credential_seen: self.credential_seen,
        }
    }
}
