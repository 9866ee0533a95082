//! What storage does wrong is mended, and leaves no object behind.

use super::{STORED, end_of, failed};
use crate::support::{TENANT, TestApp, line};
use attachments::dev::object_store::{Fault, Operation};
use attachments::dev::simulator::{Fixture, Media};
use attachments::proto::purge_attachments_request::Group;
use attachments::proto::{
    PurgeAttachmentsRequest, RegisterAttachmentRequest, attachment::FailureReason as R,
    attachment::Status as AttachmentStatus,
};
use reqwest::StatusCode;
use std::time::Duration;

const DOWN: Fault = Fault::Status(StatusCode::SERVICE_UNAVAILABLE);

/// The client repeats a refused request once by itself.
const REQUESTS_OF_A_PUT: usize = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_put_that_fails_is_made_again_and_leaves_one_object() {
    let app = TestApp::start_with(|config| {
        config.s3.operation_timeout.0 = Duration::from_secs(1);
    })
    .await;
    let cases = [
        Fault::Status(StatusCode::INTERNAL_SERVER_ERROR),
        DOWN,
        Fault::Status(StatusCode::FORBIDDEN),
        Fault::Delay(Duration::from_secs(3)),
        Fault::Cut { after_bytes: 0 },
        Fault::Cut {
            after_bytes: 30_000,
        },
        // The object is put, and nobody hears of it.
        Fault::Cut {
            after_bytes: u64::MAX,
        },
    ];
    let mut expected = Vec::new();
    for (n, fault) in cases.into_iter().enumerate() {
        let id = n.to_string();
        let image = Media::fixture_of_size(Fixture::Png, 60_000).unwrap();
        app.simulator.put_line_message(&id, image);
        app.store
            .faults()
            .inject(Operation::Put, REQUESTS_OF_A_PUT, fault);
        let stored = app.ingest(line(&id)).await;
        assert_eq!(end_of(&stored), STORED, "{fault:?}");
        let attempts = app.explain(&stored.attachment_id).await;
        assert_eq!(
            attempts[0].failure_reason(),
            R::StorageUnavailable,
            "{fault:?}"
        );
        app.store.faults().clear();
        expected.push(stored.storage_key);
        app.eventually_objects(expected.clone()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_down_for_a_while_costs_nothing_but_time() {
    let app = TestApp::start_with(|config| config.retry.max_attempts = 100).await;
    app.store.faults().inject(None, usize::MAX, DOWN);
    app.line_plays("1", &["ok"]);

    let id = app.register(line("1")).await.attachment_id;
    let failing = app
        .wait(TENANT, &id, |attachment| attachment.retryable)
        .await;
    assert_eq!(end_of(&failing), failed(R::StorageUnavailable));
    app.store.faults().clear();
    let stored = app.wait_final(TENANT, &id).await;
    assert_eq!(end_of(&stored), STORED);
    app.eventually_objects(vec![stored.storage_key]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_cannot_be_removed_now_is_removed_later() {
    let app = TestApp::start().await;
    app.line_plays("1", &["ok"]);
    let stored = app.ingest(line("1")).await;
    app.store
        .faults()
        .inject(Operation::Delete, 3 * REQUESTS_OF_A_PUT, DOWN);

    let deleted = app.delete(&stored.attachment_id).await;
    assert_eq!(deleted.status(), AttachmentStatus::Deleted);
    assert_eq!(app.objects().await, [stored.storage_key]);
    app.eventually_objects(Vec::new()).await;
    app.eventually_nothing_to_remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_the_store_keeps_is_not_forgotten() {
    let app = TestApp::start_with(|config| {
        // The purge has it for itself.
        config.retention.sweep_interval.0 = Duration::from_hours(1);
    })
    .await;
    let mut keys = Vec::new();
    for n in ["1", "2"] {
        app.line_plays(n, &["ok"]);
        let request = RegisterAttachmentRequest {
            correlation_id: "request".to_owned(),
            ..line(n)
        };
        keys.push(app.ingest(request).await.storage_key);
    }
    app.store
        .faults()
        .inject(Operation::Delete, 1, Fault::DenyFirstKey);

    let purge = PurgeAttachmentsRequest {
        group: Some(Group::CorrelationId("request".to_owned())),
        ..PurgeAttachmentsRequest::default()
    };
    let purged = app.client(TENANT).purge_attachments(purge).await.unwrap();
    assert_eq!(purged.into_inner().deleted_count, 2);
    let kept = app.objects().await;
    assert!(kept.len() == 1 && keys.contains(&kept[0]), "{kept:?}");
    let removals: Vec<String> = sqlx::query_scalar("select storage_key from removals")
        .fetch_all(&app.pool)
        .await
        .unwrap();
    assert_eq!(removals, kept);
}
