//! A repeat that knows more than the first fills in what was empty.

use crate::support::{FIGURES_TOLD_WITHIN, TENANT, TestApp, line, slack};
use attachments::config::Human;
use attachments::proto::attachment::{Kind, Source, Status};
use attachments::proto::register_attachment_request::Source as NewSource;
use attachments::proto::{LineSource, RegisterAttachmentRequest, SlackSource};
use prost_types::Timestamp;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_full_event_completes_what_an_id_began() {
    let app = TestApp::start().await;
    // A provider that says nothing keeps the record open.
    let address = app.slack_plays("F1", &["503", "503", "503", "503", "503"]);
    let bare = RegisterAttachmentRequest {
        source: Some(NewSource::Slack(SlackSource {
            file_id: "F1".to_owned(),
            ..SlackSource::default()
        })),
        ..slack("F1", "")
    };
    let first = app.register(bare).await;
    let sent = Timestamp {
        seconds: 1_700_000_000,
        nanos: 0,
    };
    let full = RegisterAttachmentRequest {
        file_name: "report.png".to_owned(),
        declared_content_type: "image/png".to_owned(),
        declared_size_bytes: Some(506),
        message_time: Some(sent),
        sender_id: "U1".to_owned(),
        ..slack("F1", &address)
    };
    let repeat = app.register(full).await;
    assert_eq!(repeat.attachment_id, first.attachment_id);
    if repeat.status() == Status::Failed && !repeat.retryable {
        return; // It had ended before the repeat came, and stays as it was.
    }
    let read = app.wait(TENANT, &first.attachment_id, |_| true).await;
    for record in [repeat, read] {
        assert_eq!(record.file_name, "report.png");
        assert_eq!(record.declared_content_type, "image/png");
        assert_eq!(record.declared_size_bytes, Some(506));
        assert_eq!(record.message_time, Some(sent));
        assert_eq!(record.kind(), Kind::Image);
        let Some(Source::Slack(source)) = record.source else {
            panic!("no source");
        };
        assert_eq!(source.url_private_download, address);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_said_first_stays() {
    let app = TestApp::start().await;
    app.line_plays("1001", &["stall"]);
    let named = |name: &str| RegisterAttachmentRequest {
        file_name: name.to_owned(),
        ..line("1001")
    };
    app.register(named("first.png")).await;
    let repeat = app.register(named("second.png")).await;
    assert_eq!(repeat.file_name, "first.png");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_ended_learns_nothing_more() {
    let app = TestApp::start().await;
    app.line_plays("1001", &[]);
    let stored = app.ingest(line("1001")).await;
    let repeat = RegisterAttachmentRequest {
        file_name: "late.png".to_owned(),
        ..line("1001")
    };
    assert_eq!(app.register(repeat).await, stored);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_message_type_tells_the_kind_before_any_byte() {
    let app = TestApp::start().await;
    for (id, message_type, kind) in [
        ("1", "image", Kind::Image),
        ("2", "video", Kind::Video),
        ("3", "audio", Kind::Audio),
        ("4", "file", Kind::Unspecified),
    ] {
        app.line_plays(id, &["stall"]);
        let request = RegisterAttachmentRequest {
            source: Some(NewSource::Line(LineSource {
                message_id: id.to_owned(),
                message_type: message_type.to_owned(),
                ..LineSource::default()
            })),
            ..line(id)
        };
        let registered = app.register(request).await;
        assert_eq!(registered.kind(), kind, "{message_type}");
        let Some(Source::Line(source)) = registered.source else {
            panic!("no source");
        };
        assert_eq!(source.message_type, message_type);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redelivery_costs_one_statement() {
    const REDELIVERIES: i64 = 600;
    let app = TestApp::start_with(|config| {
        let rarely = Human(Duration::from_hours(1));
        config.retry.poll_interval = rarely;
        config.retention.sweep_interval = rarely;
    })
    .await;
    app.line_plays("1001", &[]);
    let first = app.ingest(line("1001")).await;
    tokio::time::sleep(FIGURES_TOLD_WITHIN).await;
    let before = app.transactions().await;
    for _ in 0..REDELIVERIES {
        let again = app.register(line("1001")).await;
        assert_eq!(again.attachment_id, first.attachment_id);
    }
    tokio::time::sleep(FIGURES_TOLD_WITHIN).await;
    let made = app.transactions().await - before;
    // The rest is of a process that looks after itself meanwhile.
    assert!(made >= REDELIVERIES, "{made} were counted");
    assert!(made < REDELIVERIES * 3 / 2, "{made} for {REDELIVERIES}");
}
