//! Deletion wins over every state, and leaves no object behind.

use super::{STORED, deleted, end_of, failed};
use crate::support::{PATIENCE, TENANT, TestApp, impatient, line, within};
use attachments::dev::object_store::{Fault, Operation};
use attachments::proto::purge_attachments_request::Group;
use attachments::proto::{
    Attachment, PurgeAttachmentsRequest, RegisterAttachmentRequest, attachment::FailureReason as R,
    attachment::Status as AttachmentStatus,
};
use reqwest::StatusCode;
use std::time::Duration;
use uuid::Uuid;

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

/// It may be an unsent message, and its webhook has 2 s.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_waits_for_no_store_that_says_nothing() {
    let app = TestApp::start_with(|config| {
        config.s3.operation_timeout.0 = PATIENCE * 2;
    })
    .await;
    app.line_plays("1", &["ok"]);
    let stored = app.ingest(line("1")).await;
    let silent = Fault::Delay(PATIENCE * 2);
    app.store.faults().inject(Operation::Delete, 1, silent);
    within("the deletion", assert_deleted(&app, &stored)).await;
    app.eventually_objects(Vec::new()).await;
}

/// A settle locks work, then the attachment. Whoever deletes waits for the one
/// before it locks the other, or the two would wait for each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_deletes_does_not_deadlock_with_a_settle() {
    let app = TestApp::start().await;
    for (n, how) in ["by id", "by group", "by expiry"].into_iter().enumerate() {
        let message = n.to_string();
        app.line_plays(&message, &["stall"]);
        let request = RegisterAttachmentRequest {
            correlation_id: message.clone(),
            ..line(&message)
        };
        let open = app.begin(request).await;
        let id: Uuid = open.attachment_id.parse().unwrap();
        let mut settle = app.pool.begin().await.unwrap();
        sqlx::query("select from work where attachment_id = $1 for update")
            .bind(id)
            .fetch_one(&mut *settle)
            .await
            .unwrap();

        let deletes = delete_by(&app, how, &open);
        let settles = async {
            app.eventually_somebody_waits().await;
            sqlx::query("select from attachments where id = $1 for update nowait")
                .bind(id)
                .fetch_one(&mut *settle)
                .await
                .unwrap_or_else(|error| panic!("deleted {how}: {error}"));
            settle.rollback().await.unwrap();
        };
        tokio::join!(deletes, settles);
        let gone = app.wait_final(TENANT, &open.attachment_id).await;
        assert_eq!(gone.status(), AttachmentStatus::Deleted, "{how}");
        app.eventually("the work to be gone", || async {
            app.work_rows().await == 0
        })
        .await;
    }
}

/// A deletion does not see work that comes while it waits for the attachment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_put_back_while_it_is_deleted_leaves_no_work() {
    let app = TestApp::start().await;
    for (n, how) in ["by id", "by group"].into_iter().enumerate() {
        let message = n.to_string();
        app.line_plays(&message, &["404"]);
        let request = RegisterAttachmentRequest {
            correlation_id: message.clone(),
            ..line(&message)
        };
        let failed = app.ingest(request).await;
        let id: Uuid = failed.attachment_id.parse().unwrap();
        let mut retry = app.pool.begin().await.unwrap();
        for statement in [
            "update attachments set status = 'open', failure_reason = null where id = $1",
            "insert into work (attachment_id, tenant_id, kind, ready, max_attempts, due_at)
             select id, tenant_id, 'ingest', false, max_attempts, now() + interval '1 hour'
             from attachments where id = $1",
        ] {
            let statement = sqlx::query(statement).bind(id);
            statement.execute(&mut *retry).await.unwrap();
        }
        let commits = async {
            app.eventually_somebody_waits().await;
            retry.commit().await.unwrap();
        };
        tokio::join!(delete_by(&app, how, &failed), commits);
        let gone = app.wait_final(TENANT, &failed.attachment_id).await;
        assert_eq!(gone.status(), AttachmentStatus::Deleted, "{how}");
        assert_eq!(app.work_rows().await, 0, "{how}");
    }
}

/// A deletion does not see the object that a settlement stores while the
/// deletion waits for it; the object goes all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stored_while_it_is_deleted_leaves_no_object() {
    let app = TestApp::start().await;
    for (n, how) in ["by id", "by group"].into_iter().enumerate() {
        let message = n.to_string();
        app.line_plays(&message, &["stall"]);
        let request = RegisterAttachmentRequest {
            correlation_id: message.clone(),
            ..line(&message)
        };
        let open = app.begin(request).await;
        let id: Uuid = open.attachment_id.parse().unwrap();
        let key = format!("attachments/durable/{TENANT}/{message}/{id}/1-late.png");
        app.put_object(&key, b"late").await;
        let mut settle = app.pool.begin().await.unwrap();
        for statement in [
            "delete from work where attachment_id = $1 and $2 <> ''",
            "update attachments set status = 'stored', stored_at = now() where id = $1 and $2 <> ''",
            "insert into objects (tenant_id, attachment_id, rendition, storage_key, content_type,
                size_bytes, checksum_sha256)
             select tenant_id, id, 'original', $2, 'image/png', 4, sha256('late')
             from attachments where id = $1",
        ] {
            let statement = sqlx::query(statement).bind(id).bind(&key);
            statement.execute(&mut *settle).await.unwrap();
        }
        let commits = async {
            app.eventually_somebody_waits().await;
            settle.commit().await.unwrap();
        };
        tokio::join!(delete_by(&app, how, &open), commits);
        let gone = app.wait_final(TENANT, &open.attachment_id).await;
        assert_eq!(gone.status(), AttachmentStatus::Deleted, "{how}");
        let rows: i64 = sqlx::query_scalar("select count(*) from objects")
            .fetch_one(&app.pool)
            .await
            .unwrap();
        assert_eq!(rows, 0, "{how}");
        app.eventually_objects(Vec::new()).await;
    }
}

async fn delete_by(app: &TestApp, how: &str, open: &Attachment) {
    match how {
        "by id" => drop(app.delete(&open.attachment_id).await),
        "by group" => {
            let group = Group::CorrelationId(open.correlation_id.clone());
            let purge = PurgeAttachmentsRequest {
                group: Some(group),
                ..PurgeAttachmentsRequest::default()
            };
            app.client(TENANT).purge_attachments(purge).await.unwrap();
        }
        _ => {
            let expires = "update attachments set retention = 'ephemeral', expires_at = now()
                where id = $1::uuid";
            let expires = sqlx::query(expires).bind(&open.attachment_id);
            expires.execute(&app.pool).await.unwrap();
        }
    }
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
