//! What is our own store's or disk's fault costs no file its attempts.

use crate::support::{TENANT, TestApp, line};
use attachments::dev::object_store::{Fault, Operation};
use attachments::dev::simulator::{Fixture, Media};
use attachments::proto::{
    BatchRegisterAttachmentsRequest, RetryAttachmentRequest, attachment::FailureReason,
    attachment::Status as AttachmentStatus,
};
use http::StatusCode;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_the_store_outlasts_every_budget_and_costs_nothing() {
    const FILES: usize = 8;
    let app = TestApp::start_with(|config| config.retry.max_attempts = 2).await;
    let unavailable = Fault::Status(StatusCode::SERVICE_UNAVAILABLE);
    app.store
        .faults()
        .inject(Operation::Put, usize::MAX, unavailable);
    for n in 0..FILES {
        app.simulator
            .put_line_message(&format!("o{n}"), Media::fixture(Fixture::Png));
    }
    let requests = (0..FILES).map(|n| line(&format!("o{n}"))).collect();
    let batch = BatchRegisterAttachmentsRequest { requests };
    app.client(TENANT)
        .batch_register_attachments(batch)
        .await
        .unwrap();

    // More claims than any budget has, and nothing has ended.
    app.eventually("everything has been claimed often", || async {
        let (open, least): (i64, i64) =
            sqlx::query_as("select count(*), coalesce(min(fence), 0) from work")
                .fetch_one(&app.pool)
                .await
                .unwrap();
        assert_eq!(
            usize::try_from(open).unwrap(),
            FILES,
            "one has ended in an outage of ours"
        );
        least >= 3
    })
    .await;
    let asked = app.simulator.requests_for("/o");
    assert!(
        asked < FILES * 3,
        "{asked} downloads for bytes that had nowhere to go"
    );

    app.store.faults().clear();
    app.eventually("everything is stored", || async {
        let stored: i64 =
            sqlx::query_scalar("select count(*) from attachments where status = 'stored'")
                .fetch_one(&app.pool)
                .await
                .unwrap();
        usize::try_from(stored).unwrap() == FILES
    })
    .await;
}

/// It answers for its bucket, and a lone file has no attempt to spare.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_takes_no_object_costs_not_one_attempt() {
    a_lone_file_waits_and_is_not_counted(Some(Operation::Put), StatusCode::FORBIDDEN).await;
}

/// A store that takes others has something against this one: it is too large
/// for what is left of a quota, say.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_the_store_refuses_alone_uses_up_its_attempts_and_leaves_nothing() {
    let app = TestApp::start().await;
    let large = Media::fixture_of_size(Fixture::Png, 9_000_000).unwrap();
    app.simulator.put_line_message("1", large);
    let denied = Fault::Status(StatusCode::FORBIDDEN);
    app.store
        .faults()
        .inject(Operation::CreateUpload, usize::MAX, denied);
    let failed = app.ingest(line("1")).await;
    assert_eq!(failed.failure_reason(), FailureReason::StorageUnavailable);
    assert_eq!(failed.attempt_count, failed.max_attempts);
    assert!(!failed.retryable);
    // What was tried out is gone.
    app.eventually_objects(Vec::new()).await;
    app.eventually_nothing_to_remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_spool_is_waited_for_and_not_counted() {
    let app = TestApp::start_with(|config| {
        config.retry.max_attempts = 1;
        config.limits.spool_memory_bytes = 10_000;
        config.limits.spool_disk_bytes = 300_000;
    })
    .await;
    let of_size = |size| Media::fixture_of_size(Fixture::Png, size).unwrap();
    let stalls = of_size(200_000).script(["stall:150000"]).unwrap();
    app.simulator.put_line_message("first", stalls);
    app.simulator.put_line_message("second", of_size(200_000));
    app.simulator.put_line_message("large", of_size(400_000));
    let first = app.begin(line("first")).await.attachment_id;
    app.eventually("the first has its room", || async {
        let journal = app.simulator.journal();
        journal.iter().any(|entry| entry.bytes_sent > 100_000)
    })
    .await;

    let second = app.register(line("second")).await.attachment_id;
    let waiting = app
        .wait(TENANT, &second, |attachment| attachment.retryable)
        .await;
    assert_eq!(waiting.failure_reason(), FailureReason::StorageUnavailable);
    assert_eq!(waiting.attempt_count, 0);

    // What the whole disk could not hold is too large, whatever a channel allows.
    let large = app.ingest(line("large")).await;
    assert_eq!(large.failure_reason(), FailureReason::TooLarge);
    app.delete(&first).await;
    let stored = app.wait_final(TENANT, &second).await;
    assert_eq!(stored.status(), AttachmentStatus::Stored);
    assert_eq!(stored.attempt_count, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spool_disk_that_fails_is_waited_for_and_not_counted() {
    let disk = tempfile::tempdir().unwrap();
    let mount = disk.path().join("spool");
    std::fs::create_dir(&mount).unwrap();
    let app = TestApp::start_with(|config| {
        config.retry.max_attempts = 1;
        config.limits.spool_memory_bytes = 10_000;
        config.limits.spool_dir = Some(mount.clone());
    })
    .await;
    std::fs::remove_dir(&mount).unwrap();
    let large = Media::fixture_of_size(Fixture::Png, 200_000).unwrap();
    app.simulator.put_line_message("1", large);
    let id = app.register(line("1")).await.attachment_id;
    let waiting = app
        .wait(TENANT, &id, |attachment| attachment.retryable)
        .await;
    assert_eq!(waiting.failure_reason(), FailureReason::StorageUnavailable);
    assert_eq!(waiting.attempt_count, 0);

    std::fs::create_dir(&mount).unwrap();
    let request = RetryAttachmentRequest {
        attachment_id: id.clone(),
    };
    app.client(TENANT).retry_attachment(request).await.unwrap();
    let stored = app.wait_final(TENANT, &id).await;
    assert_eq!(stored.status(), AttachmentStatus::Stored);
}

/// Nothing is claimed but what goes to look whether the store is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_does_not_churn_the_queue() {
    const FILES: usize = 200;
    let app = TestApp::start_with(|config| config.limits.ingest_concurrency = 4).await;
    let unavailable = Fault::Status(StatusCode::SERVICE_UNAVAILABLE);
    app.store.faults().inject(None, usize::MAX, unavailable);
    for n in 0..FILES {
        app.line_plays(&format!("c{n}"), &["ok"]);
    }
    for n in 0..FILES {
        app.register(line(&format!("c{n}"))).await;
    }
    // The fourth look comes after 1 + 2 + 4 s.
    app.eventually("somebody has looked a few times", || async {
        app.simulator.requests_for("/c") >= 8
    })
    .await;
    let claims: i64 = sqlx::query_scalar("select sum(fence)::bigint from work")
        .fetch_one(&app.pool)
        .await
        .unwrap();
    assert!(usize::try_from(claims).unwrap() < FILES, "{claims} claims");
}

/// A worker that is the first to meet an outage, as all are for a lone file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_failure_in_an_outage_costs_nothing() {
    a_lone_file_waits_and_is_not_counted(None, StatusCode::SERVICE_UNAVAILABLE).await;
}

/// Its only attempt is there yet when the store answers otherwise again.
async fn a_lone_file_waits_and_is_not_counted(operation: Option<Operation>, answer: StatusCode) {
    let app = TestApp::start_with(|config| config.retry.max_attempts = 1).await;
    let faults = app.store.faults();
    faults.inject(operation, usize::MAX, Fault::Status(answer));
    app.line_plays("1", &["ok"]);
    let id = app.register(line("1")).await.attachment_id;
    let waiting = app
        .wait(TENANT, &id, |attachment| attachment.retryable)
        .await;
    assert_eq!(waiting.failure_reason(), FailureReason::StorageUnavailable);
    assert_eq!(waiting.attempt_count, 0);

    faults.clear();
    let stored = app.wait_final(TENANT, &id).await;
    assert_eq!(stored.status(), AttachmentStatus::Stored);
    assert_eq!(stored.attempt_count, 1);
}
