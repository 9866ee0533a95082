//! A file that is shared in two messages is two attachments.

use crate::support::{SLACK, TENANT, TestApp, slack, url};
use attachments::proto::attachment::{FailureReason, Status};
use attachments::proto::purge_attachments_request::Group;
use attachments::proto::{
    Attachment, GetAttachmentRequest, ListAttachmentsRequest, PurgeAttachmentsRequest,
    RegisterAttachmentRequest, SourceReference, get_attachment_request::Key,
};
use tonic::Code;

/// The same Slack file in this message.
fn shared(file_id: &str, address: &str, message_id: &str) -> RegisterAttachmentRequest {
    RegisterAttachmentRequest {
        message_id: message_id.to_owned(),
        ..slack(file_id, address)
    }
}

async fn of_message(app: &TestApp, message_id: &str) -> Vec<Attachment> {
    let request = ListAttachmentsRequest {
        message_ids: vec![message_id.to_owned()],
        ..ListAttachmentsRequest::default()
    };
    app.client(TENANT)
        .list_attachments(request)
        .await
        .unwrap()
        .into_inner()
        .attachments
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_slack_file_in_two_messages_lives_and_ends_twice() {
    let app = TestApp::start().await;
    let address = app.slack_plays("F1", &[]);
    let first = app.ingest(shared("F1", &address, "M1")).await;
    let second = app.ingest(shared("F1", &address, "M2")).await;
    assert_ne!(first.attachment_id, second.attachment_id);
    assert_eq!(
        (first.status(), second.status()),
        (Status::Stored, Status::Stored)
    );
    for (message, attachment) in [("M1", &first), ("M2", &second)] {
        let listed = of_message(&app, message).await;
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].attachment_id, attachment.attachment_id);
    }

    let purge = PurgeAttachmentsRequest {
        group: Some(Group::MessageId("M1".to_owned())),
        ..PurgeAttachmentsRequest::default()
    };
    let purged = app.client(TENANT).purge_attachments(purge).await.unwrap();
    let purged = purged.into_inner();
    assert_eq!((purged.deleted_count, purged.done), (1, true));

    let gone = app.wait_final(TENANT, &first.attachment_id).await;
    assert_eq!(gone.status(), Status::Deleted);
    let kept = app.wait_final(TENANT, &second.attachment_id).await;
    assert_eq!(kept.status(), Status::Stored);
    let bytes = reqwest::get(app.link(&kept.attachment_id).await)
        .await
        .unwrap();
    assert_eq!(bytes.status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ended_in_one_message_bars_no_other() {
    let app = TestApp::start().await;
    let address = app.slack_plays("F1", &[]);
    let first = app.ingest(shared("F1", &address, "M1")).await;
    app.delete(&first.attachment_id).await;
    let again = app.ingest(shared("F1", &address, "M2")).await;
    assert_eq!(again.status(), Status::Stored);
    // The same occurrence stays what it became.
    let repeat = app.register(shared("F1", &address, "M1")).await;
    assert_eq!(repeat.attachment_id, first.attachment_id);
    assert_eq!(repeat.status(), Status::Deleted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_url_in_two_messages_is_two_attachments() {
    let app = TestApp::start().await;
    let in_message = |message: &str| RegisterAttachmentRequest {
        message_id: message.to_owned(),
        ..url("https://example.com/a.png")
    };
    let first = app.register(in_message("M1")).await;
    let second = app.register(in_message("M2")).await;
    let repeat = app.register(in_message("M1")).await;
    assert_ne!(first.attachment_id, second.attachment_id);
    assert_eq!(first.attachment_id, repeat.attachment_id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn line_names_one_message_whatever_ours_is_called() {
    let app = TestApp::start().await;
    app.line_plays("1001", &[]);
    let first = app.register(crate::support::line("1001")).await;
    let other = RegisterAttachmentRequest {
        message_id: "another-name".to_owned(),
        ..crate::support::line("1001")
    };
    assert_eq!(app.register(other).await.attachment_id, first.attachment_id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_is_found_by_its_source() {
    let app = TestApp::start().await;
    let address = app.slack_plays("F1", &[]);
    let first = app.register(shared("F1", &address, "M1")).await;
    let second = app.register(shared("F1", &address, "M2")).await;
    let by_source = |media_id: &str, message_id: &str| GetAttachmentRequest {
        key: Some(Key::Source(SourceReference {
            channel_id: SLACK.to_owned(),
            media_id: media_id.to_owned(),
            message_id: message_id.to_owned(),
            ..SourceReference::default()
        })),
    };
    let mut client = app.client(TENANT);
    for (message, expected) in [("M1", &first), ("M2", &second), ("", &second)] {
        let found = client
            .get_attachment(by_source("F1", message))
            .await
            .unwrap();
        let found = found.into_inner().attachment.unwrap();
        assert_eq!(found.attachment_id, expected.attachment_id, "{message:?}");
    }
    let unknown = client
        .get_attachment(by_source("F2", ""))
        .await
        .unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    let foreign = app
        .client(crate::support::OTHER_TENANT)
        .get_attachment(by_source("F1", ""))
        .await
        .unwrap_err();
    assert_eq!(foreign.code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_of_another_provider_is_refused_with_what_to_do() {
    let app = TestApp::start().await;
    let request = RegisterAttachmentRequest {
        channel_id: SLACK.to_owned(),
        ..crate::support::line("1001")
    };
    let refused = app
        .client(TENANT)
        .register_attachment(request)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("channel_id"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_url_with_a_password_or_without_tls_is_refused() {
    let app = TestApp::start().await;
    for bad in [
        "http://example.com/a.png",
        "foo bar",
        "https://user:pw@host.example/",
        "https://user@host.example/",
    ] {
        let refused = app
            .client(TENANT)
            .register_attachment(url(bad))
            .await
            .unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{bad}");
        assert!(refused.message().contains("url.url"), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_expired_is_deleted_for_every_reader_before_the_sweep() {
    // A sweeper that never comes.
    let app = TestApp::start_with(|config| {
        config.retention.sweep_interval =
            attachments::config::Human(std::time::Duration::from_hours(1));
    })
    .await;
    app.line_plays("1001", &[]);
    let stored = app.ingest(crate::support::line("1001")).await;
    sqlx::query(
        "update attachments set retention = 'ephemeral', expires_at = now() - interval '1 second'
         where id = $1::uuid",
    )
    .bind(&stored.attachment_id)
    .execute(&app.pool)
    .await
    .unwrap();
    let read = app.wait_final(TENANT, &stored.attachment_id).await;
    assert_eq!(read.status(), Status::Deleted);
    assert_eq!(read.failure_reason(), FailureReason::RetentionExpired);
    assert_eq!((read.source, read.file_name.as_str()), (None, ""));
    let listed = |status: Status| ListAttachmentsRequest {
        statuses: vec![status.into()],
        ..ListAttachmentsRequest::default()
    };
    for (status, count) in [(Status::Stored, 0), (Status::Deleted, 1)] {
        let page = app.client(TENANT).list_attachments(listed(status)).await;
        let page = page.unwrap().into_inner().attachments;
        assert_eq!(page.len(), count, "{status:?}");
    }
}
