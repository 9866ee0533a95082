//! What the service makes of a file: facts, previews, text, and a group's files
//! with a link each.

mod groups;
mod pictures;
mod texts;
mod verdicts;

use crate::support::{TENANT, TestApp, line};
use attachments::dev::simulator::Media;
use attachments::proto::attachment::Status;
use attachments::proto::processed_content::Status as Processing;
use attachments::proto::{
    Attachment, GetProcessedContentRequest, GetProcessedContentResponse, RegisterAttachmentRequest,
};
use http::HeaderValue;
use prost_types::Duration as Wait;

/// As long as a caller may wait.
pub const A_MINUTE: Option<Wait> = Some(Wait {
    seconds: 60,
    nanos: 0,
});

impl TestApp {
    /// Has LINE send these bytes, and gives the record when nothing more
    /// happens to the file by itself.
    pub async fn ingest_bytes(&self, id: &str, bytes: Vec<u8>, announced: Announced) -> Attachment {
        let served = HeaderValue::from_static(announced.served);
        self.simulator
            .put_line_message(id, Media::new(bytes, served));
        self.ingest(RegisterAttachmentRequest {
            declared_content_type: announced.declared.to_owned(),
            file_name: announced.name.to_owned(),
            ..line(id)
        })
        .await
    }

    /// Waits until its content is made, or never will be.
    pub async fn processed(&self, id: &str) -> Attachment {
        self.wait(TENANT, id, |attachment| {
            matches!(
                attachment.processing_status(),
                Processing::Success
                    | Processing::Partial
                    | Processing::Failed
                    | Processing::Skipped
            ) || attachment.status() != Status::Stored
        })
        .await
    }

    /// Asks for the content, and waits for it.
    pub async fn content(&self, id: &str) -> GetProcessedContentResponse {
        let request = GetProcessedContentRequest {
            attachment_id: id.to_owned(),
            wait: A_MINUTE,
            ..GetProcessedContentRequest::default()
        };
        let answer = self.client(TENANT).get_processed_content(request).await;
        answer.unwrap().into_inner()
    }
}

/// What is said of a file beforehand.
#[derive(Debug, Clone, Copy, Default)]
pub struct Announced {
    /// The type with which it is registered.
    pub declared: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The type with which it is sent.
    pub served: &'static str,
}
