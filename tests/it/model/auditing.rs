//! The audit and attachments of many objects: what was made of a file is looked
//! at as the file is, and mended without it where that can be.

use super::renditions::put_thumbnail;
use crate::audit::{assert_found, audit, auditor};
use crate::support::{TENANT, TestApp, line};
use attachments::audit::{Check, Repair};
use attachments::proto::Attachment;
use attachments::proto::attachment::Status;
use attachments::proto::processed_content::Status as Processing;

/// A stored attachment with a thumbnail; gives the thumbnail's key, too.
async fn with_thumbnail(app: &TestApp) -> (Attachment, String) {
    app.line_plays("1001", &[]);
    let stored = app.ingest(line("1001")).await;
    assert_eq!(stored.status(), Status::Stored);
    let thumbnail = put_thumbnail(app, &stored.attachment_id, b"a small picture").await;
    (stored, thumbnail)
}

async fn assert_clean(app: &TestApp) {
    app.eventually_nothing_to_remove().await;
    let report = auditor(app).await.deep().run(Repair::No).await.unwrap();
    assert_found(&report, &[]);
}

/// That a repair finds these and leaves nothing of them.
async fn assert_repaired(app: &TestApp, expected: &[(Check, u64)]) {
    assert_found(&audit(app, Repair::No).await, expected);
    let report = audit(app, Repair::Yes).await;
    assert_found(&report, expected);
    assert!(report.is_clean(), "{report}");
}

/// The attachment as it is now, without the thumbnail.
async fn assert_only_original(app: &TestApp, id: &str) -> Attachment {
    let stored = app.wait_final(TENANT, id).await;
    assert_eq!(stored.status(), Status::Stored);
    assert_eq!(stored.renditions, []);
    app.eventually_objects(vec![stored.storage_key.clone()])
        .await;
    assert_clean(app).await;
    stored
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rendition_that_is_missing_or_wrong_is_forgotten_and_the_file_is_not() {
    let app = TestApp::start().await;
    let (stored, mut key) = with_thumbnail(&app).await;
    assert_clean(&app).await;
    let report = audit(&app, Repair::No).await;
    assert_eq!((report.attachments, report.objects), (1, 2));

    let id = &stored.attachment_id;
    for (wrong, check) in [
        (None, Check::StoredHasObject),
        (Some(b"short".as_slice()), Check::ObjectHasSize),
    ] {
        match wrong {
            None => app.remove_object(&key).await,
            Some(bytes) => app.put_object(&key, bytes).await,
        }
        assert_repaired(&app, &[(check, 1)]).await;
        let left = assert_only_original(&app, id).await;
        assert_eq!(left.storage_key, stored.storage_key, "not downloaded again");
        key = put_thumbnail(&app, id, b"a small picture").await;
    }
    app.put_object(&key, b"other bytes ...").await;
    assert_found(&audit(&app, Repair::No).await, &[]);
    let deep = auditor(&app).await.deep().run(Repair::Yes).await.unwrap();
    assert_found(&deep, &[(Check::ObjectHasChecksum, 1)]);
    assert!(deep.is_clean(), "{deep}");
    assert_only_original(&app, id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_original_that_is_missing_takes_what_was_made_of_it_along() {
    let app = TestApp::start().await;
    let (stored, _) = with_thumbnail(&app).await;
    app.remove_object(&stored.storage_key).await;
    assert_repaired(&app, &[(Check::StoredHasObject, 1)]).await;
    let again = assert_only_original(&app, &stored.attachment_id).await;
    assert_ne!(again.storage_key, stored.storage_key);

    // Both at once are mended both.
    let thumbnail = put_thumbnail(&app, &again.attachment_id, b"a small picture").await;
    app.remove_object(&thumbnail).await;
    app.remove_object(&again.storage_key).await;
    assert_repaired(&app, &[(Check::StoredHasObject, 2)]).await;
    assert_only_original(&app, &again.attachment_id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rendition_without_a_row_is_removed() {
    let app = TestApp::start().await;
    let (stored, thumbnail) = with_thumbnail(&app).await;
    let stray = thumbnail.replace("/1-", "/2-");
    app.put_object(&stray, b"nobody's").await;
    assert_repaired(&app, &[(Check::ObjectHasRow, 1)]).await;
    app.eventually_objects(vec![stored.storage_key, thumbnail])
        .await;
    assert_clean(&app).await;
}

/// What made it can make it again; nothing makes any yet, so the work ends as
/// it did before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_is_made_anew_where_an_object_of_it_is_missing() {
    let app = TestApp::with_content().await;
    app.line_plays("1001", &[]);
    let stored = app.ingest(line("1001")).await;
    let done = |read: &Attachment| read.processing_status() == Processing::Success;
    let id = &stored.attachment_id;
    app.wait(TENANT, id, done).await;
    let thumbnail: String =
        sqlx::query_scalar("select storage_key from objects where rendition = 'thumbnail'")
            .fetch_one(&app.pool)
            .await
            .unwrap();
    app.remove_object(&thumbnail).await;
    assert_repaired(&app, &[(Check::StoredHasObject, 1)]).await;
    app.eventually("another attempt at the content", async || {
        app.explain(id).await.len() == 3
    })
    .await;
    app.wait(TENANT, id, done).await;
    assert_eq!(app.work_rows().await, 0);
    app.eventually("the original and a new thumbnail", async || {
        app.objects().await.len() == 2
    })
    .await;
}

async fn forget_record(app: &TestApp, id: &str, rendition: &str) {
    sqlx::query("delete from objects where attachment_id = $1::uuid and rendition = $2")
        .bind(id)
        .bind(rendition)
        .execute(&app.pool)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_record_of_an_original_is_told_and_its_object_kept() {
    let app = TestApp::start().await;
    let (stored, thumbnail) = with_thumbnail(&app).await;
    forget_record(&app, &stored.attachment_id, "original").await;
    let report = audit(&app, Repair::Yes).await;
    assert_found(
        &report,
        &[(Check::ObjectRowIsThere, 1), (Check::StoredHasRecord, 1)],
    );
    assert!(!report.is_clean());
    app.eventually_nothing_to_remove().await;
    let mut kept = vec![stored.storage_key, thumbnail];
    kept.sort();
    assert_eq!(app.objects().await, kept);
}

/// By hand, past every trigger: the counters are off as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_of_what_is_not_stored_are_found_and_removed() {
    let app = TestApp::start().await;
    let (stored, _) = with_thumbnail(&app).await;
    let mut hand = app.pool.begin().await.unwrap();
    for statement in [
        "set local session_replication_role = replica",
        "update attachments set status = 'deleted', failure_reason = 'DELETE_REQUESTED',
            source = null, sender_id = null, file_name = ''",
    ] {
        sqlx::query(statement).execute(&mut *hand).await.unwrap();
    }
    hand.commit().await.unwrap();
    let found = [(Check::ObjectIsStored, 2), (Check::UsageIsCounted, 2)];
    assert_repaired(&app, &found).await;
    app.eventually_objects(Vec::new()).await;
    assert_clean(&app).await;
    drop(stored);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_of_a_lost_row_are_a_trace_of_it() {
    let app = TestApp::start().await;
    let (stored, _) = with_thumbnail(&app).await;
    for statement in [
        "delete from attachments",
        "delete from events",
        "delete from attempts",
    ] {
        sqlx::query(statement).execute(&app.pool).await.unwrap();
    }
    let report = audit(&app, Repair::Yes).await;
    assert_found(&report, &[(Check::RowIsThere, 1)]);
    assert_eq!(report.findings[0].samples, [stored.attachment_id]);
    assert_eq!(app.objects().await.len(), 2, "each may be the last copy");
}
