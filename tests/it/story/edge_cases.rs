//! The story's edge cases: corrupted file, duplicate media id, large image
//! causing timeout.

use crate::support::{TENANT, TestApp, impatient, line};
use attachments::dev::object_store::Operation;
use attachments::dev::simulator::{Fixture, Media};
use attachments::proto::{attachment::FailureReason, attachment::Status as AttachmentStatus};
use futures::future::join_all;
use std::collections::HashSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_corrupted_file_is_rejected() {
    let app = TestApp::start().await;
    for (id, fixture) in [
        ("1", Fixture::Png),
        ("2", Fixture::Jpeg),
        ("3", Fixture::Gif),
    ] {
        // Its end is missing, and it was sent whole.
        let half = Media::fixture_of_size(fixture, 40_000).unwrap();
        let half = half.script(["lying:-20000"]).unwrap();
        app.simulator.put_line_message(id, half);
        let rejected = app.ingest(line(id)).await;
        assert_eq!(rejected.status(), AttachmentStatus::Rejected, "{fixture:?}");
        assert_eq!(rejected.failure_reason(), FailureReason::Corrupted);
    }
    assert_eq!(app.objects().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_duplicate_media_id_is_one_attachment_however_many_register_it() {
    let app = TestApp::start().await;
    app.line_plays("1", &["ok"]);
    let client = app.client(TENANT);
    let calls = (0..100).map(|_| {
        let mut client = client.clone();
        async move { client.register_attachment(line("1")).await }
    });
    let answers: Vec<_> = join_all(calls)
        .await
        .into_iter()
        .map(|answer| answer.unwrap().into_inner())
        .collect();

    let duplicates = answers.iter().filter(|answer| answer.duplicate).count();
    assert_eq!(duplicates, 99);
    let ids: HashSet<_> = answers
        .into_iter()
        .map(|answer| answer.attachment.unwrap().attachment_id)
        .collect();
    assert_eq!(ids.len(), 1);
    let stored = app.wait_final(TENANT, ids.iter().next().unwrap()).await;
    assert_eq!(stored.status(), AttachmentStatus::Stored);

    let rows: i64 = sqlx::query_scalar("select count(*) from attachments")
        .fetch_one(&app.pool)
        .await
        .unwrap();
    assert_eq!(rows, 1);
    assert_eq!(app.work_rows().await, 0);
    assert_eq!(app.simulator.journal().len(), 1);
    assert_eq!(app.store.faults().count(Operation::Put), 1);
    assert_eq!(app.objects().await, [stored.storage_key]);

    // A redelivery after the end begins nothing either.
    let again = app.register(line("1")).await;
    assert_eq!(again.status(), AttachmentStatus::Stored);
    assert_eq!(app.work_rows().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_image_that_stalls_times_out_and_is_tried_again() {
    let app = TestApp::start_with(impatient).await;
    let image = Media::fixture_of_size(Fixture::Jpeg, 2_000_000).unwrap();
    let sent = image.checksum_sha256();
    let image = image.script(["stall:1500000", "ok"]).unwrap();
    app.simulator.put_line_message("1", image);

    let stored = app.ingest(line("1")).await;
    assert_eq!(stored.status(), AttachmentStatus::Stored, "{stored:#?}");
    assert_eq!(stored.checksum_sha256, sent);
    let attempts = app.explain(&stored.attachment_id).await;
    let received: Vec<_> = attempts.iter().map(|one| one.received_bytes).collect();
    assert_eq!(received, [1_500_000, 2_000_000]);
    assert_eq!(attempts[0].failure_reason(), FailureReason::SourceTimeout);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_image_that_never_comes_is_a_timeout_for_good() {
    let app = TestApp::start_with(|config| {
        config.retry.max_attempts = 2;
        impatient(config);
    })
    .await;
    let image = Media::fixture_of_size(Fixture::Jpeg, 2_000_000).unwrap();
    let image = image.script(["stall"]).unwrap();
    app.simulator.put_line_message("1", image);

    let failed = app.ingest(line("1")).await;
    assert_eq!(failed.status(), AttachmentStatus::Failed);
    assert_eq!(failed.failure_reason(), FailureReason::SourceTimeout);
    assert_eq!(failed.attempt_count, 2);
    assert_eq!(app.objects().await, [""; 0]);
}
