//! The story's acceptance criteria, each by its name: from a signed webhook to
//! what its readers get.

mod edge_cases;
mod failures;
mod isolation;
mod message_life;
mod retrieval;

use crate::support::{LINE, TENANT, TestApp, TestGateway, channel, line};
use attachments::dev::simulator::webhook::LineEvent;
use attachments::dev::simulator::{Fixture, Media};
use attachments::proto::{
    AccessLink, Attachment, Channel, IssueAccessLinkRequest, Limits, attachment::FailureReason,
    attachment::Status as AttachmentStatus, channel::Provider,
};
use reqwest::StatusCode;
use reqwest::header::HeaderValue;
use sha2::{Digest as _, Sha256};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn line_image_is_downloaded_and_stored_end_to_end() {
    let app = TestApp::start().await;
    let gateway = TestGateway::start(&app).await;
    let image = Media::fixture(Fixture::Png);
    let sent = image.checksum_sha256();
    app.simulator.put_line_message("1001", image);

    let answer = gateway.post_line(LineEvent::image("1001")).await;
    assert_eq!(answer, StatusCode::OK);
    let id = gateway.attachment_of("1001").await;

    let stored = app.wait_final(TENANT, &id).await;
    assert_eq!(stored.status(), AttachmentStatus::Stored, "{stored:#?}");
    assert_eq!(stored.message_id, "1001");
    assert_eq!(stored.checksum_sha256, sent);
    assert_eq!(stored.content_type, "image/png");
    assert_eq!(app.objects().await, [stored.storage_key.as_str()]);
    let fetched = reqwest::get(link(&app, &stored, None).await.url)
        .await
        .unwrap();
    assert_eq!(fetched.headers()["content-type"], "image/png");
    let bytes = fetched.bytes().await.unwrap();
    assert_eq!(hex::encode(Sha256::digest(&bytes)), sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attachment_beyond_the_limits_is_rejected_and_the_message_persists() {
    let app = TestApp::start().await;
    let gateway = TestGateway::start(&app).await;
    let strict = Channel {
        limits: Some(Limits {
            image_max_bytes: Some(20_000),
            ..Limits::default()
        }),
        ..channel(LINE, Provider::Line)
    };
    app.put_channel(strict, "").await;
    let large = Media::fixture_of_size(Fixture::Png, 20_001).unwrap();
    app.simulator.put_line_message("1", large);

    // LINE tells the size of a file beforehand, but not that of an image.
    let events = [
        ("1", LineEvent::image("1")),
        ("2", LineEvent::file("2", "report.pdf", 200_000_001)),
    ];
    for (message, event) in events {
        let rejected = persisted(&app, &gateway, message, event).await;
        assert_eq!(rejected.status(), AttachmentStatus::Rejected, "{message}");
        assert_eq!(rejected.failure_reason(), FailureReason::TooLarge);
    }
    // What was known beforehand cost no download.
    assert_eq!(app.simulator.requests_for("/message/2/"), 0);
    assert_eq!(app.objects().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unsupported_content_type_is_marked_and_the_message_persists() {
    let app = TestApp::start().await;
    let gateway = TestGateway::start(&app).await;
    let program = Media::new(
        &b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0"[..],
        HeaderValue::from_static("image/png"),
    );
    app.simulator.put_line_message("1", program);

    let unsupported = persisted(&app, &gateway, "1", LineEvent::image("1")).await;
    assert_eq!(unsupported.status(), AttachmentStatus::Unsupported);
    assert_eq!(
        unsupported.failure_reason(),
        FailureReason::ContentTypeNotAllowed
    );
    assert!(!unsupported.retryable);
    assert_eq!(app.objects().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retries_back_off_up_to_a_cap_and_end_in_a_final_failure() {
    let app = TestApp::start().await;
    app.line_plays("1", &["500"]);

    let failed = app.ingest(line("1")).await;
    assert_eq!(failed.status(), AttachmentStatus::Failed);
    assert_eq!(failed.failure_reason(), FailureReason::SourceUnavailable);
    assert_eq!((failed.attempt_count, failed.max_attempts), (5, 5));
    assert!(!failed.retryable && failed.next_attempt_time.is_none());

    let attempts = app.explain(&failed.attachment_id).await;
    let numbers: Vec<_> = attempts.iter().map(|attempt| attempt.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    for attempt in &attempts {
        assert_eq!(attempt.outcome(), AttachmentStatus::Failed);
        assert_eq!(attempt.failure_reason(), FailureReason::SourceUnavailable);
        assert_eq!(attempt.provider_status, 500);
    }
    for pair in attempts.windows(2) {
        let (ended, started) = (pair[0].end_time.unwrap(), pair[1].start_time.unwrap());
        assert!(
            (ended.seconds, ended.nanos) < (started.seconds, started.nanos),
            "{attempts:#?}"
        );
    }
    // Each attempt asked once, and nothing is left that could ask again.
    let asked = app.simulator.journal();
    let told: Vec<_> = attempts
        .iter()
        .map(|attempt| Some(attempt.provider_request_id.clone()))
        .collect();
    let answered: Vec<_> = asked.into_iter().map(|entry| entry.request_id).collect();
    assert_eq!(told, answered);
    assert_eq!(app.work_rows().await, 0);
}

/// Brings an event in; gives its attachment's end once it is certain that the
/// gateway answered the webhook and has the message.
async fn persisted(
    app: &TestApp,
    gateway: &TestGateway,
    message: &str,
    event: LineEvent,
) -> Attachment {
    assert_eq!(gateway.post_line(event).await, StatusCode::OK);
    let id = gateway.attachment_of(message).await;
    let ended = app.wait_final(TENANT, &id).await;
    let recorded = gateway.message(message).await;
    assert_eq!(recorded["message_id"], message);
    assert_eq!(recorded["payload"]["message"]["id"], message);
    assert_eq!(recorded["attachment_ids"][0], id);
    ended
}

async fn link(app: &TestApp, stored: &Attachment, ttl_seconds: Option<i64>) -> AccessLink {
    let request = IssueAccessLinkRequest {
        attachment_id: stored.attachment_id.clone(),
        ttl: ttl_seconds.map(|seconds| prost_types::Duration { seconds, nanos: 0 }),
        ..IssueAccessLinkRequest::default()
    };
    app.client(TENANT)
        .issue_access_link(request)
        .await
        .unwrap()
        .into_inner()
        .link
        .unwrap()
}
