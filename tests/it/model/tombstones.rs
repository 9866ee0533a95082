//! Deletion that comes before its file, and how far it reaches.

use crate::support::{LINE, SLACK, TENANT, TestApp, line, slack};
use attachments::proto::attachment::{FailureReason, Status};
use attachments::proto::delete_attachment_request::{Cause, Target};
use attachments::proto::purge_attachments_request::Group;
use attachments::proto::register_attachment_request::Source;
use attachments::proto::{
    DeleteAttachmentRequest, DeleteAttachmentResponse, LineSource, PurgeAttachmentsRequest,
    PurgeAttachmentsResponse, RegisterAttachmentRequest, SourceReference,
};

async fn delete_source(
    app: &TestApp,
    channel: &str,
    media_id: &str,
    cause: Cause,
) -> DeleteAttachmentResponse {
    let request = DeleteAttachmentRequest {
        target: Some(Target::Source(SourceReference {
            channel_id: channel.to_owned(),
            media_id: media_id.to_owned(),
            ..SourceReference::default()
        })),
        cause: cause.into(),
    };
    let deleted = app.client(TENANT).delete_attachment(request).await.unwrap();
    deleted.into_inner()
}

async fn purge(app: &TestApp, group: Group, cause: Cause) -> PurgeAttachmentsResponse {
    let request = PurgeAttachmentsRequest {
        group: Some(group),
        cause: cause.into(),
    };
    let purged = app.client(TENANT).purge_attachments(request).await.unwrap();
    purged.into_inner()
}

fn part(message_id: &str, part: &str) -> RegisterAttachmentRequest {
    RegisterAttachmentRequest {
        source: Some(Source::Line(LineSource {
            message_id: message_id.to_owned(),
            part: part.to_owned(),
            ..LineSource::default()
        })),
        ..line(message_id)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unsend_takes_all_parts_and_says_whose_wish_it_was() {
    let app = TestApp::start().await;
    app.line_plays("1001", &[]);
    let content = app.ingest(part("1001", "")).await;
    let preview = app.ingest(part("1001", "preview")).await;
    assert_eq!(
        (content.status(), preview.status()),
        (Status::Stored, Status::Stored)
    );
    let answer = delete_source(&app, LINE, "1001", Cause::Sender).await;
    assert_eq!(answer.attachments.len(), 2, "{answer:?}");
    assert!(answer.tombstoned && answer.done);
    for deleted in &answer.attachments {
        assert_eq!(deleted.status(), Status::Deleted);
        assert_eq!(deleted.failure_reason(), FailureReason::SourceDeleted);
        assert_eq!(
            (deleted.source.clone(), deleted.file_name.as_str()),
            (None, "")
        );
    }
    app.eventually_nothing_to_remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unsend_that_comes_first_bars_every_part() {
    let app = TestApp::start().await;
    app.line_plays("1001", &[]);
    let answer = delete_source(&app, LINE, "1001", Cause::Sender).await;
    assert!(answer.attachments.is_empty() && answer.tombstoned && answer.done);
    for name in ["", "preview"] {
        let registered = app.register(part("1001", name)).await;
        assert_eq!(registered.status(), Status::Deleted, "{name:?}");
        assert_eq!(registered.failure_reason(), FailureReason::SourceDeleted);
        assert_eq!(
            (registered.source, registered.sender_id.as_str()),
            (None, "")
        );
    }
    assert_eq!(app.simulator.requests_for("/1001/"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_slack_file_goes_from_every_message() {
    let app = TestApp::start().await;
    let address = app.slack_plays("F1", &[]);
    let in_message = |message: &str| RegisterAttachmentRequest {
        message_id: message.to_owned(),
        ..slack("F1", &address)
    };
    for message in ["M1", "M2"] {
        app.ingest(in_message(message)).await;
    }
    let answer = delete_source(&app, SLACK, "F1", Cause::Requested).await;
    assert_eq!(answer.attachments.len(), 2);
    let late = app.register(in_message("M3")).await;
    assert_eq!(late.status(), Status::Deleted);
    assert_eq!(late.failure_reason(), FailureReason::DeleteRequested);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purged_message_bars_what_comes_late_and_nothing_else() {
    let app = TestApp::start().await;
    let address = app.slack_plays("F1", &[]);
    let in_message = |message: &str| RegisterAttachmentRequest {
        message_id: message.to_owned(),
        ..slack("F1", &address)
    };
    let purged = purge(&app, Group::MessageId("M1".to_owned()), Cause::Sender).await;
    assert!(purged.tombstoned && purged.done && purged.deleted_count == 0);
    let late = app.register(in_message("M1")).await;
    assert_eq!(late.failure_reason(), FailureReason::SourceDeleted);
    let other = app.ingest(in_message("M2")).await;
    assert_eq!(other.status(), Status::Stored);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_persons_files_go_together() {
    let app = TestApp::start().await;
    let of = |id: &str, sender: &str| RegisterAttachmentRequest {
        sender_id: sender.to_owned(),
        ..line(id)
    };
    for (id, sender) in [("1", "U1"), ("2", "U1"), ("3", "U2")] {
        app.line_plays(id, &[]);
        app.ingest(of(id, sender)).await;
    }
    let purged = purge(&app, Group::SenderId("U1".to_owned()), Cause::Requested).await;
    assert_eq!((purged.deleted_count, purged.tombstoned), (2, false));
    let left: i64 = sqlx::query_scalar("select count(*) from attachments where status = 'stored'")
        .fetch_one(&app.pool)
        .await
        .unwrap();
    assert_eq!(left, 1);
    let named: i64 = sqlx::query_scalar("select count(*) from attachments where sender_id = 'U1'")
        .fetch_one(&app.pool)
        .await
        .unwrap();
    assert_eq!(named, 0, "a deleted record keeps no sender");
}
