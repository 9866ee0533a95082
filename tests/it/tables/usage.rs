//! What a tenant has is counted as it changes, and not by looking at all of it.

use super::{ask, run};
use crate::audit::{assert_found, audit};
use crate::support::{TENANT, TestApp, line};
use attachments::audit::{Check, Repair};
use attachments::config::Human;
use attachments::proto::attachment::Status;
use attachments::proto::delete_attachment_request::Target;
use attachments::proto::{DeleteAttachmentRequest, GetUsageRequest};
use std::time::Duration;
use tonic::Code;
use tonic_types::StatusExt as _;

/// As two registrations under way at once.
const UNDER_WAY: &str = "
insert into attachments (tenant_id, id, channel_id, media_id, part, occurrence, source, message_id,
    file_name, declared_content_type, retention, status, max_attempts)
values ('acme', '0198c0de-0000-7000-8000-000000000000', 'line', 'under-way', '', '', '{}',
    'under-way', '', '', 'durable', 'open', 5)";

async fn usage(app: &TestApp) -> Vec<(Status, i64, i64)> {
    let request = GetUsageRequest {};
    let usage = app.admin(TENANT).get_usage(request).await.unwrap();
    let by_status = usage.into_inner().by_status.into_iter();
    by_status
        .map(|usage| (usage.status(), usage.count, usage.size_bytes))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn usage_follows_what_happens_and_is_added_up() {
    let app = TestApp::start().await;
    for n in ["1", "2", "3"] {
        app.line_plays(n, &[]);
    }
    app.line_plays("gone", &["404"]);
    app.line_plays("hangs", &["hang"]);
    let first = app.ingest(line("1")).await;
    for n in ["2", "3", "gone"] {
        app.ingest(line(n)).await;
    }
    let hangs = app.register(line("hangs")).await.attachment_id;
    app.wait(TENANT, &hangs, |read| read.status() == Status::Downloading)
        .await;
    let size = first.size_bytes;
    let expected = [
        (Status::Downloading, 1, 0),
        (Status::Failed, 1, 0),
        (Status::Stored, 3, 3 * size),
    ];
    assert_eq!(usage(&app).await, expected);

    let target = Some(Target::AttachmentId(first.attachment_id));
    let delete = DeleteAttachmentRequest {
        target,
        ..DeleteAttachmentRequest::default()
    };
    app.client(TENANT).delete_attachment(delete).await.unwrap();
    let expected = [
        (Status::Deleted, 1, 0),
        (Status::Downloading, 1, 0),
        (Status::Failed, 1, 0),
        (Status::Stored, 2, 2 * size),
    ];
    assert_eq!(usage(&app).await, expected);
    app.eventually("the changes to be added up", || async {
        ask::<i64>(&app, "select count(*) from usage_deltas").await == 0
    })
    .await;
    assert_eq!(usage(&app).await, expected);
    let missing: i64 = ask(&app, "select count(*) from usage_missing").await;
    assert_eq!(missing, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registrations_of_one_tenant_do_not_wait_for_each_other() {
    let app = TestApp::start().await;
    app.line_plays("1", &[]);
    app.ingest(line("1")).await;
    let mut other = app.pool.begin().await.unwrap();
    sqlx::query(UNDER_WAY).execute(&mut *other).await.unwrap();
    // While that one has not ended.
    app.line_plays("2", &[]);
    assert_eq!(app.ingest(line("2")).await.status(), Status::Stored);
    app.eventually("what has ended to be added up", || async {
        ask::<i64>(&app, "select count(*) from usage_deltas").await == 0
    })
    .await;
    other.rollback().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_takes_too_long_is_not_to_be_repeated() {
    let app = TestApp::start_with(|config| {
        config.database.statement_timeout = Human(Duration::from_millis(300));
        config.retention.sweep_interval = Human(Duration::from_hours(1));
    })
    .await;
    let mut other = app.pool.begin().await.unwrap();
    for table in ["lock table attachments", "lock table usage_deltas"] {
        sqlx::query(table).execute(&mut *other).await.unwrap();
    }
    let usage = app.admin(TENANT).get_usage(GetUsageRequest {}).await;
    let refused = usage.unwrap_err();
    assert_eq!(refused.code(), Code::DeadlineExceeded, "{refused}");
    let details = refused.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "DATABASE_TOO_SLOW");
    assert!(details.retry_info().is_none());
    other.rollback().await.unwrap();
    assert!(
        app.admin(TENANT)
            .get_usage(GetUsageRequest {})
            .await
            .is_ok()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_audit_sets_counters_right() {
    let app = TestApp::start().await;
    app.line_plays("1", &[]);
    let stored = app.ingest(line("1")).await;
    let expected = [(Status::Stored, 1, stored.size_bytes)];
    run(
        &app,
        "insert into usage_deltas (tenant_id, status, files, size_bytes)
         values ('acme', 'stored', 5, -7), ('acme', 'rejected', 1, 0)",
    )
    .await;
    assert_ne!(usage(&app).await, expected);
    let found = [(Check::UsageIsCounted, 2)];
    assert_found(&audit(&app, Repair::No).await, &found);
    let report = audit(&app, Repair::Yes).await;
    assert!(report.is_clean(), "{report}");
    assert_found(&audit(&app, Repair::No).await, &[]);
    assert_eq!(usage(&app).await, expected);
}
