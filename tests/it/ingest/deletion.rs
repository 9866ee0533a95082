//! Deletion wins over every state, and leaves no object behind.

use super::{STORED, deleted, end_of, failed};
use crate::support::{TENANT, TestApp, impatient, line};
use attachments::dev::object_store::{Fault, Operation};
use attachments::proto::{Attachment, AttachmentStatus, FailureReason as R};
use reqwest::StatusCode;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_still_waits_is_never_downloaded() {
    let app = TestApp::start_with(|config| {
        config.limits.ingest_concurrency = 1;
        impatient(config);
    })
    .await;
    app.line_plays("1", &["stall", "ok"]);
    app.line_plays("2", &["ok"]);
    let ahead = app.begin(line("1")).await;
    let waiting = app.register(line("2")).await;
    assert_eq!(waiting.status(), AttachmentStatus::Pending);

    assert_deleted(&app, &waiting).await;
    // The one ahead of it comes to its end; it is not asked for any more.
    let ahead = app.wait_final(TENANT, &ahead.attachment_id).await;
    assert_eq!(end_of(&ahead), STORED);
    assert_eq!(app.simulator.requests_for("/message/2/"), 0);
    app.eventually_objects(vec![ahead.storage_key]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_being_downloaded_is_dropped() {
    let app = TestApp::start().await;
    app.line_plays("1", &["stall", "ok"]);
    let running = app.begin(line("1")).await;

    assert_deleted(&app, &running).await;
    assert_eq!(app.work_rows().await, 0);
    assert_eq!(app.simulator.journal().len(), 1);
    assert_eq!(app.store.faults().count(Operation::Put), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_being_stored_is_removed_again() {
    let app = TestApp::start().await;
    app.line_plays("1", &["ok"]);
    let delay = Fault::Delay(Duration::from_secs(1));
    app.store.faults().inject(Operation::Put, 1, delay);
    let registered = app.register(line("1")).await;
    app.eventually("the put to begin", || async {
        app.store.faults().count(Operation::Put) == 1
    })
    .await;

    assert_deleted(&app, &registered).await;
    // The late object is put, found to be nobody's, and removed.
    app.eventually("the object to be removed", || async {
        app.store.faults().count(Operation::Delete) > 0
    })
    .await;
    app.eventually_objects(Vec::new()).await;
    app.eventually_nothing_to_remove().await;
    assert_eq!(
        end_of(&app.wait_final(TENANT, &registered.attachment_id).await),
        deleted(R::DeleteRequested)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stored_goes_with_its_object_and_its_links() {
    let app = TestApp::start().await;
    app.line_plays("1", &["ok"]);
    app.line_plays("2", &["ok"]);
    let (stored, other) = (app.ingest(line("1")).await, app.ingest(line("2")).await);
    let link = app.link(&stored.attachment_id).await;
    assert_eq!(status_of(&link).await, StatusCode::OK);

    let gone = assert_deleted(&app, &stored).await;
    assert_eq!((gone.storage_key, gone.file_name), Default::default());
    assert_eq!(app.objects().await, [other.storage_key]);
    assert_eq!(status_of(&link).await, StatusCode::NOT_FOUND);
    // Once more is as good as once.
    assert_deleted(&app, &stored).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_failed_is_deleted_too() {
    let app = TestApp::start().await;
    app.line_plays("1", &["404"]);
    let gone = app.ingest(line("1")).await;
    assert_eq!(end_of(&gone), failed(R::SourceNotFound));
    assert_deleted(&app, &gone).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redelivery_does_not_bring_a_deleted_file_back() {
    let app = TestApp::start().await;
    app.line_plays("1", &["ok"]);
    let stored = app.ingest(line("1")).await;
    assert_deleted(&app, &stored).await;
    let again = app.register(line("1")).await;
    assert_eq!(again.attachment_id, stored.attachment_id);
    assert_eq!(end_of(&again), deleted(R::DeleteRequested));
    assert_eq!(app.work_rows().await, 0);
}

async fn assert_deleted(app: &TestApp, attachment: &Attachment) -> Attachment {
    let gone = app.delete(&attachment.attachment_id).await;
    assert_eq!(end_of(&gone), deleted(R::DeleteRequested));
    assert!(!gone.retryable);
    gone
}

async fn status_of(url: &str) -> StatusCode {
    reqwest::get(url).await.unwrap().status()
}
