//! The story's acceptance criteria, each by its name.

use crate::support::{TENANT, TestApp, line};
use attachments::dev::simulator::{Fixture, Media};
use attachments::proto::{AttachmentStatus, IssueAccessLinkRequest};
use sha2::{Digest as _, Sha256};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn line_image_is_downloaded_and_stored_end_to_end() {
    let app = TestApp::start().await;
    let image = Media::fixture(Fixture::Png);
    let sent = image.checksum_sha256();
    app.simulator.put_line_message("1001", image);

    let mut client = app.client(TENANT);
    let registered = client
        .register_attachment(line("1001"))
        .await
        .unwrap()
        .into_inner();
    assert!(!registered.duplicate);
    let attachment = registered.attachment.unwrap();
    assert_eq!(attachment.status(), AttachmentStatus::Pending);
    assert_eq!(attachment.message_id, "1001");

    let stored = app.wait_final(TENANT, &attachment.attachment_id).await;
    assert_eq!(stored.status(), AttachmentStatus::Stored, "{stored:#?}");
    assert_eq!(stored.checksum_sha256, sent);
    assert_eq!(stored.content_type, "image/png");

    let request = IssueAccessLinkRequest {
        attachment_id: stored.attachment_id,
        ..IssueAccessLinkRequest::default()
    };
    let link = client
        .issue_access_link(request)
        .await
        .unwrap()
        .into_inner();
    let bytes = reqwest::get(&link.url)
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    assert_eq!(hex::encode(Sha256::digest(&bytes)), sent);
}
