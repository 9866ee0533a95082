//! Attachments that were parked for want of a credential and need not be.
//!
//! One is parked just when the channel gets another credential: `PutChannel`
//! writes that first and then puts back what is parked; an attempt is parked
//! first and then looks at the credential. So whichever comes second sees what
//! the other has written.
//!
//! Others were parked because their credential was refused to all, and it
//! turns out to work again. Each time that takes a file that came in, so it
//! has an end whatever the provider does.

use super::Ingest;
use super::credentials::CredentialId;
use super::fetch::sealed_for;
use crate::attachment::Attachment;
use crate::db::DbError;
use std::time::Duration;
use tokio::time::Instant;

/// Between two looks while the database is away.
const PAUSE: Duration = Duration::from_millis(250);
/// After this it stays parked until the next credential.
const PATIENCE: Duration = Duration::from_secs(30);

impl Ingest {
    /// Puts back what is parked in this attachment's channel: its credential
    /// works again.
    pub(super) async fn resume(&self, working: &Attachment) {
        match self.queue.resume(&working.tenant, &working.channel).await {
            Ok(resumed) => tracing::info!(resumed, "the credential works again"),
            Err(error) => tracing::warn!(%error, "what is parked could not be put back"),
        }
    }

    /// Puts a parked attachment back if its channel has another credential by
    /// now than the one it was parked with, if it had one.
    pub(super) async fn reconsider(&self, parked: &Attachment, used: Option<CredentialId>) {
        let began = Instant::now();
        loop {
            match self.put_back(parked, used).await {
                Ok(true) => {
                    tracing::info!("put back: the credential has changed meanwhile");
                    self.queue.ring();
                }
                Ok(false) => {}
                Err(DbError::Unavailable(_)) if began.elapsed() < PATIENCE => {
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
                Err(error) => {
                    tracing::error!(%error, "the channel could not be read again; it stays parked");
                }
            }
            return;
        }
    }

    async fn put_back(
        &self,
        parked: &Attachment,
        used: Option<CredentialId>,
    ) -> Result<bool, DbError> {
        let (tenant, channel) = (&parked.tenant, &parked.channel);
        let record = self.db.channel(tenant, channel).await?;
        let sealed = record
            .as_ref()
            .and_then(|record| sealed_for(record, &parked.source));
        let now = sealed.map(|sealed| CredentialId::of(tenant, channel, sealed));
        if now.is_none() || now == used {
            return Ok(false);
        }
        self.db.retry(tenant, parked.id).await
    }
}
