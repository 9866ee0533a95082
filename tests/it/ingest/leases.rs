//! Workers that died, and work that was lost: found and ended by others.

use super::{STORED, end_of, failed};
use crate::support::{TENANT, TestApp, line};
use attachments::dev::object_store::{Fault, Operation};
use attachments::proto::{attachment::FailureReason as R, attachment::Status as AttachmentStatus};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_lease_is_an_attempt_that_was_interrupted() {
    let app = TestApp::start().await;
    app.line_plays("1", &["hang", "ok"]);
    let id = app.begin(line("1")).await.attachment_id;
    app.take_over_by_a_dead_worker(&id, false).await;

    let stored = app.wait_final(TENANT, &id).await;
    assert_eq!(end_of(&stored), STORED);
    // The death counted.
    assert_eq!(stored.attempt_count, 2);
    let attempts = app.explain(&id).await;
    let [dead, last] = attempts.as_slice() else {
        panic!("{attempts:#?}");
    };
    assert_eq!(dead.outcome(), AttachmentStatus::Failed);
    assert_eq!(dead.failure_reason(), R::Interrupted);
    assert_eq!(dead.worker, "ghost");
    assert_ne!(last.worker, "ghost");
    app.eventually_objects(vec![stored.storage_key]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_kills_its_last_worker_is_ended() {
    let app = TestApp::start().await;
    app.line_plays("1", &["hang"]);
    let id = app.begin(line("1")).await.attachment_id;
    app.take_over_by_a_dead_worker(&id, true).await;

    let ended = app.wait_final(TENANT, &id).await;
    assert_eq!(end_of(&ended), failed(R::Interrupted));
    assert_eq!(ended.attempt_count, ended.max_attempts);
    assert!(!ended.retryable);
    assert_eq!(app.work_rows().await, 0);
    let attempts = app.explain(&id).await;
    assert_eq!(attempts.last().unwrap().worker, "ghost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_was_lost_is_found_again() {
    let app = TestApp::start().await;
    app.line_plays("1", &["hang", "ok"]);
    let id = app.begin(line("1")).await.attachment_id;
    let removed = sqlx::query("delete from work").execute(&app.pool).await;
    assert_eq!(removed.unwrap().rows_affected(), 1);

    let stored = app.wait_final(TENANT, &id).await;
    assert_eq!(end_of(&stored), STORED);
    assert_eq!(app.simulator.journal().len(), 2);
    app.eventually_objects(vec![stored.storage_key]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_lost_its_lease_leaves_nothing() {
    // It does not find out before it has come to its end.
    let app = TestApp::start_with(|config| config.retry.lease.0 = Duration::from_mins(1)).await;
    // The next one is still at it then, and holds a lease of its own.
    app.line_plays("1", &["drip:4", "stall", "ok"]);
    let id = app.begin(line("1")).await.attachment_id;
    app.take_over_by_a_dead_worker(&id, false).await;

    let stored = app.wait_final(TENANT, &id).await;
    assert_eq!(end_of(&stored), STORED);
    // What it put all the same was announced with its claim, and goes.
    app.eventually_nothing_to_remove().await;
    app.eventually_objects(vec![stored.storage_key]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_put_after_the_lease_was_lost_is_removed() {
    let app = TestApp::start_with(|config| config.retry.lease.0 = Duration::from_mins(1)).await;
    app.line_plays("1", &["ok"]);
    let late = Fault::Delay(Duration::from_secs(3));
    app.store.faults().inject(Operation::Put, 1, late);
    let id = app.begin(line("1")).await.attachment_id;
    let puts = || app.store.faults().count(Operation::Put);
    app.eventually("the put is under way", || async { puts() == 1 })
        .await;
    app.take_over_by_a_dead_worker(&id, false).await;

    let stored = app.wait_final(TENANT, &id).await;
    assert_eq!(end_of(&stored), STORED);
    // Once when its announcement is due, and again when it has come after all.
    let removals = || app.store.faults().count(Operation::Delete);
    app.eventually("the late object's removal", || async { removals() >= 2 })
        .await;
    app.eventually_objects(vec![stored.storage_key.clone()])
        .await;
    app.eventually_nothing_to_remove().await;
    assert_eq!(app.wait_final(TENANT, &id).await, stored);
    assert_eq!(app.explain(&id).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_is_announced_for_as_long_as_its_attempt_may_settle() {
    let app = TestApp::start().await;
    app.line_plays("1", &["ok"]);
    // Far longer than an announcement lasts.
    let slow = Fault::Delay(Duration::from_secs(3));
    app.store.faults().inject(Operation::Put, 1, slow);
    let id = app.begin(line("1")).await.attachment_id;
    app.eventually("it is announced and due", || async {
        let due: i64 = sqlx::query_scalar(
            "select count(*) from removals where attachment_id = $1::uuid and due_at < now()",
        )
        .bind(&id)
        .fetch_one(&app.pool)
        .await
        .unwrap();
        due == 1
    })
    .await;
    let stored = app.wait_final(TENANT, &id).await;
    assert_eq!(end_of(&stored), STORED);
    assert_eq!(app.store.faults().count(Operation::Delete), 0);
    app.eventually_nothing_to_remove().await;
    app.eventually_objects(vec![stored.storage_key]).await;
}

/// A network may hold an announcement back until its repetition has led to a
/// settlement.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_announcement_that_comes_too_late_removes_nothing() {
    let app = TestApp::start().await;
    app.line_plays("1", &["ok"]);
    let stored = app.ingest(line("1")).await;
    sqlx::query(
        "insert into removals (storage_key, tenant_id, attachment_id, kind, fence, due_at)
         select storage_key, tenant_id, attachment_id, 'ingest', 1, now() from objects",
    )
    .execute(&app.pool)
    .await
    .unwrap();
    app.eventually_nothing_to_remove().await;
    assert_eq!(app.store.faults().count(Operation::Delete), 0);
    assert_eq!(app.objects().await, [stored.storage_key]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_whose_answer_was_lost_takes_no_place_for_ever() {
    let app = TestApp::start_with(|config| {
        config.limits.ingest_concurrency = 2;
        config.limits.tenant_concurrency = 1;
    })
    .await;
    app.line_plays("1", &["hang", "ok"]);
    let id = app.begin(line("1")).await.attachment_id;
    // The worker claimed it once more, and the database died with the answer.
    let lost = sqlx::query(
        "update work set fence = fence + 1, due_at = now() - interval '1 second'
         where attachment_id = $1::uuid and leased_by is not null",
    )
    .bind(&id)
    .execute(&app.pool)
    .await
    .unwrap();
    assert_eq!(lost.rows_affected(), 1);
    let stored = app.wait_final(TENANT, &id).await;
    assert_eq!(end_of(&stored), STORED);
}
