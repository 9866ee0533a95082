//! Calls the service: at once from the webhook, and again in the background
//! until each call in the outbox has succeeded or was refused for good.

use super::outbox::{Action, Call, Outbox};
use crate::db::DbError;
use crate::proto::attachment_service_client::AttachmentServiceClient;
use crate::proto::batch_register_attachments_response::result::Result as Outcome;
use crate::proto::{
    BatchRegisterAttachmentsRequest, DeleteAttachmentRequest, RegisterAttachmentRequest,
};
use std::time::Duration;
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use uuid::Uuid;

/// Files in one `BatchRegisterAttachments`, by its contract.
const BATCH_MAX: usize = 50;
/// A call that takes longer is given up and repeated.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the outbox is looked at while nothing succeeds.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Brings the outbox's calls to the service.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    client: AttachmentServiceClient<Channel>,
    /// `Bearer ...`, marked sensitive.
    authorization: AsciiMetadataValue,
    outbox: Outbox,
}

/// The calls stay in the outbox.
#[derive(Debug, thiserror::Error)]
pub(super) enum DeliveryError {
    /// The service is unavailable, slow, or does not take our token.
    #[error("the service did not take the call: {code:?}, {message}")]
    Service {
        /// Its answer, or the transport's.
        code: Code,
        /// What it said.
        message: String,
    },
    /// The outcome could not be written down.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl Delivery {
    pub(super) fn new(service: Channel, authorization: AsciiMetadataValue, outbox: Outbox) -> Self {
        Self {
            client: AttachmentServiceClient::new(service),
            authorization,
            outbox,
        }
    }

    /// Makes these calls. Those that failed stay in the outbox.
    pub(super) async fn deliver(&self, calls: Vec<Call>) -> Result<(), DeliveryError> {
        let mut registers = Vec::new();
        let mut deletes = Vec::new();
        for Call { id, action } in calls {
            match action {
                Action::Register(request) => registers.push((id, *request)),
                Action::Delete(request) => deletes.push((id, request)),
            }
        }
        for batch in registers.chunks(BATCH_MAX) {
            self.register(batch).await?;
        }
        for (id, request) in deletes {
            self.delete(id, request).await?;
        }
        Ok(())
    }

    /// Repeats what is due, for as long as it is polled.
    pub(super) async fn repeat(&self) {
        loop {
            match self.repeat_due().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "calls put off");
                }
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// False when nothing is due.
    async fn repeat_due(&self) -> Result<bool, DeliveryError> {
        let calls = self.outbox.claim(BATCH_MAX).await?;
        let found = !calls.is_empty();
        self.deliver(calls).await?;
        Ok(found)
    }

    async fn register(
        &self,
        batch: &[(i64, RegisterAttachmentRequest)],
    ) -> Result<(), DeliveryError> {
        let requests = batch.iter().map(|(_, request)| request.clone()).collect();
        let response = self
            .client
            .clone()
            .batch_register_attachments(
                self.authorized(BatchRegisterAttachmentsRequest { requests }),
            )
            .await?
            .into_inner();
        for ((id, request), result) in batch.iter().zip(response.results) {
            self.settle(*id, request, result.result).await?;
        }
        Ok(())
    }

    /// Writes down the outcome of one file. What is neither recorded nor
    /// refused for good is repeated.
    async fn settle(
        &self,
        id: i64,
        request: &RegisterAttachmentRequest,
        outcome: Option<Outcome>,
    ) -> Result<(), DeliveryError> {
        let message_id = request.message_id.as_str();
        match outcome {
            Some(Outcome::Response(response)) => {
                let recorded = response.attachment.map(|a| a.attachment_id);
                if let Some(attachment_id) = recorded.and_then(|id| Uuid::parse_str(&id).ok()) {
                    self.outbox.registered(id, request, attachment_id).await?;
                    tracing::info!(message.id = message_id, attachment.id = %attachment_id,
                        duplicate = response.duplicate, "attachment registered");
                }
            }
            Some(Outcome::Error(status)) => {
                let code = Code::from(status.code);
                tracing::warn!(message.id = message_id, ?code, "attachment not registered");
                if is_final(code) {
                    self.outbox.refused(id, code).await?;
                }
            }
            None => {}
        }
        Ok(())
    }

    async fn delete(&self, id: i64, request: DeleteAttachmentRequest) -> Result<(), DeliveryError> {
        let answer = self
            .client
            .clone()
            .delete_attachment(self.authorized(request))
            .await;
        match answer.map_err(|status| (status.code(), status)) {
            Ok(_) | Err((Code::NotFound, _)) => self.outbox.deleted(id).await?,
            Err((code, _)) if is_final(code) => {
                tracing::info!(
                    call.id = id,
                    ?code,
                    "deletion kept for a service that does it"
                );
                self.outbox.refused(id, code).await?;
            }
            Err((_, status)) => return Err(status.into()),
        }
        Ok(())
    }

    fn authorized<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(CALL_TIMEOUT);
        request
            .metadata_mut()
            .insert("authorization", self.authorization.clone());
        request
    }
}

/// Whether this service will give the same answer for ever. A token that is
/// refused may be replaced, so that is not final.
fn is_final(code: Code) -> bool {
    matches!(code, Code::InvalidArgument | Code::Unimplemented)
}

impl From<Status> for DeliveryError {
    fn from(status: Status) -> Self {
        Self::Service {
            code: status.code(),
            message: status.message().to_owned(),
        }
    }
}
