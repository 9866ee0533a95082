//! What a client sees of an attachment.

use crate::support::{PATIENCE, get_request};
use attachments::dev::client::Attachments;
use attachments::proto::{Attachment, attachment::Status as AttachmentStatus};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Waits until this attachment is stored; any other end fails the test.
pub async fn wait_stored(reader: &mut Attachments, id: &str) -> Attachment {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let request = get_request(id.to_owned());
        let attachment = reader
            .get_attachment(request)
            .await
            .unwrap()
            .into_inner()
            .attachment
            .unwrap();
        match attachment.status() {
            AttachmentStatus::Stored => return attachment,
            AttachmentStatus::Pending | AttachmentStatus::Downloading => {}
            AttachmentStatus::Failed if attachment.retryable => {}
            _ => panic!("it is not to be stored: {attachment:#?}"),
        }
        let now = Instant::now();
        assert!(now < deadline, "waited in vain: {attachment:#?}");
        sleep(Duration::from_millis(10)).await;
    }
}
