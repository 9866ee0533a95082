//! Work at the content: claimed, retried, exhausted and redriven by the same
//! engine, without a touch of the status.

use crate::support::{TENANT, TestApp, line};
use attachments::proto::attachment::Status;
use attachments::proto::attempt::Work;
use attachments::proto::processed_content::Status as Processing;
use attachments::proto::{Attachment, RedriveAttachmentsRequest, WatchAttachmentsRequest};

async fn redrive_content(app: &TestApp, request_id: &str) -> i64 {
    let request = RedriveAttachmentsRequest {
        content: true,
        request_id: request_id.to_owned(),
        ..RedriveAttachmentsRequest::default()
    };
    let redriven = app.admin(TENANT).redrive_attachments(request).await;
    redriven.unwrap().into_inner().redriven_count
}

async fn processed(app: &TestApp, id: &str) -> Attachment {
    app.wait(TENANT, id, |attachment| {
        matches!(
            attachment.processing_status(),
            Processing::Success | Processing::Partial | Processing::Failed | Processing::Skipped
        )
    })
    .await
}

async fn stored(app: &TestApp, id: &str) -> Attachment {
    app.line_plays(id, &[]);
    let stored = app.ingest(line(id)).await;
    assert_eq!(stored.status(), Status::Stored);
    let processed = processed(app, &stored.attachment_id).await;
    assert_eq!(processed.processing_status(), Processing::Success);
    processed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_is_made_anew_and_touches_no_status() {
    let app = TestApp::with_content().await;
    let before = stored(&app, "1001").await;
    let mut watch = app
        .client(TENANT)
        .watch_attachments(WatchAttachmentsRequest::default())
        .await
        .unwrap()
        .into_inner();

    assert_eq!(redrive_content(&app, "").await, 1);
    // Its end is told, and nothing of the way there.
    let heard = watch.message().await.unwrap().unwrap().attachment.unwrap();
    assert_eq!(
        (heard.status(), heard.processing_status()),
        (Status::Stored, Processing::Success)
    );
    let after = processed(&app, &before.attachment_id).await;
    assert_eq!(
        (after.status(), after.attempt_count),
        (Status::Stored, before.attempt_count)
    );
    let attempts = app.explain(&before.attachment_id).await;
    let works: Vec<_> = attempts
        .iter()
        .map(attachments::proto::Attempt::work)
        .collect();
    assert_eq!(works, [Work::Ingest, Work::Content, Work::Content]);
    assert_eq!(app.work_rows().await, 0);
    // The new thumbnail has taken the old one's place.
    app.eventually("the old one to go", async || app.objects().await.len() == 2)
        .await;

    app.delete(&before.attachment_id).await;
    let heard = watch.message().await.unwrap().unwrap().attachment.unwrap();
    assert_eq!(heard.status(), Status::Deleted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_be_read_is_retried_to_the_cap_and_redriven() {
    let app = TestApp::with_content().await;
    let before = stored(&app, "1001").await;
    app.put_object(&before.storage_key, b"other bytes").await;
    assert_eq!(redrive_content(&app, "first").await, 1);
    let failed = processed(&app, &before.attachment_id).await;
    assert_eq!(failed.processing_status(), Processing::Failed);
    assert_eq!(failed.status(), Status::Stored, "the status is not touched");
    let attempts = app.explain(&before.attachment_id).await;
    let tried = attempts
        .iter()
        .filter(|attempt| attempt.work() == Work::Content);
    assert_eq!(tried.count(), 1 + 5, "{attempts:#?}");
    // The same request is the same redrive; another one is made anew.
    assert_eq!(redrive_content(&app, "first").await, 1);
    assert_eq!(redrive_content(&app, "second").await, 1);
    processed(&app, &before.attachment_id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_is_gone_ends_the_work_at_once() {
    let app = TestApp::with_content().await;
    let before = stored(&app, "1001").await;
    app.remove_object(&before.storage_key).await;
    redrive_content(&app, "").await;
    let failed = processed(&app, &before.attachment_id).await;
    assert_eq!(failed.processing_status(), Processing::Failed);
    let attempts = app.explain(&before.attachment_id).await;
    assert_eq!(attempts.len(), 3, "{attempts:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_workers_content_is_taken_over_and_ends_with_the_last_attempt() {
    let app = TestApp::with_content().await;
    let before = stored(&app, "1001").await;
    // What a worker left that died with its last attempt: at once, or the sweeper
    // takes the work for lost in between.
    let mut left = app.pool.begin().await.unwrap();
    sqlx::query("update attachments set processing_status = 'open' where id = $1::uuid")
        .bind(&before.attachment_id)
        .execute(&mut *left)
        .await
        .unwrap();
    sqlx::query(
        "insert into work (tenant_id, attachment_id, kind, due_at, fence, attempt_count,
            max_attempts, leased_by, started_at)
         values ($1, $2::uuid, 'content', now() - interval '1 second', 5, 5, 5, 'ghost', now())",
    )
    .bind(TENANT)
    .bind(&before.attachment_id)
    .execute(&mut *left)
    .await
    .unwrap();
    left.commit().await.unwrap();
    let failed = processed(&app, &before.attachment_id).await;
    assert_eq!(failed.processing_status(), Processing::Failed);
    assert_eq!(failed.status(), Status::Stored);
}

/// More stored ones than one statement puts back; their objects are gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_a_batch_is_put_back_once_each() {
    let app = TestApp::with_content().await;
    stored(&app, "1001").await;
    for statement in [
        "insert into attachments (tenant_id, id, channel_id, media_id, part, occurrence, source,
            message_id, file_name, declared_content_type, retention, status, max_attempts,
            stored_at)
         select tenant_id, gen_random_uuid(), channel_id, 'more-' || n, part, occurrence, source,
            message_id, file_name, declared_content_type, retention, status, max_attempts,
            stored_at
         from attachments, generate_series(1, 1200) as n",
        "insert into objects (tenant_id, attachment_id, rendition, storage_key, content_type,
            size_bytes, checksum_sha256)
         select a.tenant_id, a.id, o.rendition, 'attachments/durable/acme/m/' || a.id || '/1-x',
            o.content_type, o.size_bytes, o.checksum_sha256
         from attachments a, objects o where a.id <> o.attachment_id and o.rendition = 'original'",
    ] {
        sqlx::query(statement).execute(&app.pool).await.unwrap();
    }
    assert_eq!(redrive_content(&app, "").await, 1201);
    let begun: i64 =
        sqlx::query_scalar("select count(*) from attachments where processing_status is not null")
            .fetch_one(&app.pool)
            .await
            .unwrap();
    assert_eq!(begun, 1201);
}
