//! What is decided at registration, before any request is made.

use super::{STORED, deleted, end_of, failed, rejected, unsupported};
use crate::support::{SLACK, TENANT, TestApp, line, slack};
use attachments::dev::simulator::{Fixture, Media};
use attachments::proto::batch_register_attachments_response::result::Result as Item;
use attachments::proto::register_attachment_request::Source;
use attachments::proto::{
    BatchRegisterAttachmentsRequest, RegisterAttachmentRequest, SlackSource,
    attachment::FailureReason as R,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_sender_declares_is_enough_to_refuse() {
    let app = TestApp::start().await;
    let cases = [
        ("image/png", 10_000_001, rejected(R::TooLarge)),
        ("image/JPG; q=1", 10_000_001, rejected(R::TooLarge)),
        ("application/pdf", 5_000_001, rejected(R::TooLarge)),
        ("audio/mp4", 25_000_001, rejected(R::TooLarge)),
        ("video/mp4", 200_000_001, rejected(R::TooLarge)),
        // Of an unknown kind: more than any kind may have.
        ("", 200_000_001, rejected(R::TooLarge)),
        (
            "application/octet-stream",
            200_000_001,
            rejected(R::TooLarge),
        ),
        (
            "application/vnd.rar",
            1,
            unsupported(R::ContentTypeNotAllowed),
        ),
        ("image/svg+xml", 1, unsupported(R::ContentTypeNotAllowed)),
        ("TEXT/HTML", 1, unsupported(R::ContentTypeNotAllowed)),
    ];
    for (n, (declared, size, expected)) in cases.into_iter().enumerate() {
        let id = n.to_string();
        app.line_plays(&id, &["ok"]);
        let decided = app
            .register(RegisterAttachmentRequest {
                declared_content_type: declared.to_owned(),
                declared_size_bytes: Some(size),
                ..line(&id)
            })
            .await;
        assert_eq!(end_of(&decided), expected, "{declared} of {size} bytes");
        assert_eq!(decided.attempt_count, 0);
        assert!(!decided.retryable);
    }
    assert_nothing_was_asked(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_declaration_exactly_at_the_limit_is_no_reason_to_refuse() {
    let app = TestApp::start().await;
    let largest = Media::fixture_of_size(Fixture::Png, 10_000_000).unwrap();
    app.simulator.put_line_message("1", largest);
    let request = RegisterAttachmentRequest {
        declared_content_type: "image/png".to_owned(),
        declared_size_bytes: Some(10_000_000),
        ..line("1")
    };
    assert_eq!(end_of(&app.ingest(request).await), STORED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slacks_mode_and_access_are_enough_to_refuse() {
    let app = TestApp::start().await;
    let address = app.slack_plays("F0", &["ok"]);
    let cases = [
        ("external", "", unsupported(R::ExternalFile)),
        ("tombstone", "", deleted(R::SourceDeleted)),
        ("hidden_by_limit", "", failed(R::SourcePlanLimit)),
        ("file_access", "access_denied", failed(R::SourceForbidden)),
        ("file_access", "file_not_found", failed(R::SourceNotFound)),
        ("post", "", unsupported(R::ContentTypeNotAllowed)),
        ("canvas", "", unsupported(R::ContentTypeNotAllowed)),
    ];
    for (n, (mode, access, expected)) in cases.into_iter().enumerate() {
        let decided = app
            .register(RegisterAttachmentRequest {
                channel_id: SLACK.to_owned(),
                source: Some(Source::Slack(SlackSource {
                    file_id: format!("F{n}"),
                    url_private_download: address.clone(),
                    mode: mode.to_owned(),
                    file_access: access.to_owned(),
                })),
                ..slack(&format!("F{n}"), "")
            })
            .await;
        assert_eq!(end_of(&decided), expected, "{mode} {access}");
        assert!(!decided.retryable);
    }
    assert_nothing_was_asked(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sixth_file_of_a_message_is_one_too_many() {
    let app = TestApp::start().await;
    let of_message = |media_id: &str, message_id: &str| {
        app.line_plays(media_id, &["ok"]);
        RegisterAttachmentRequest {
            message_id: message_id.to_owned(),
            ..line(media_id)
        }
    };
    let first: Vec<_> = (1..=4)
        .map(|n| of_message(&n.to_string(), "album"))
        .collect();
    let records = batch(&app, first.clone()).await;
    assert!(records.iter().all(|(_, duplicate)| !duplicate));
    // Repeats take no place of their own.
    let repeats = batch(&app, first).await;
    assert!(repeats.iter().all(|(_, duplicate)| *duplicate));

    let rest = vec![
        of_message("5", "album"),
        of_message("6", "album"),
        of_message("7", "another-message"),
    ];
    let rest = batch(&app, rest).await;
    let too_many = app.wait_final(TENANT, &rest[1].0).await;
    assert_eq!(end_of(&too_many), rejected(R::TooManyFiles));
    for (id, _) in records.iter().chain([&rest[0], &rest[2]]) {
        assert_eq!(end_of(&app.wait_final(TENANT, id).await), STORED);
    }
    assert_eq!(app.simulator.requests_for("/message/6/"), 0);
}

/// Registers files in one call; gives each one's id and whether it was there before.
async fn batch(app: &TestApp, requests: Vec<RegisterAttachmentRequest>) -> Vec<(String, bool)> {
    let response = app
        .client(TENANT)
        .batch_register_attachments(BatchRegisterAttachmentsRequest { requests })
        .await
        .unwrap()
        .into_inner();
    response
        .results
        .into_iter()
        .map(|result| match result.result.unwrap() {
            Item::Response(one) => (one.attachment.unwrap().attachment_id, one.duplicate),
            Item::Error(status) => panic!("{status:?}"),
        })
        .collect()
}

/// Nothing was asked and nothing is left that would.
async fn assert_nothing_was_asked(app: &TestApp) {
    assert_eq!(app.work_rows().await, 0);
    assert_eq!(app.simulator.journal(), []);
}
