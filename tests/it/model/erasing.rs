//! Whatever an attachment was doing when it was deleted or its time was over:
//! no object, no work and no removal is left of it.

use super::renditions::put_thumbnail;
use crate::audit::{assert_found, audit};
use crate::support::{PATIENCE, TENANT, TestApp, line};
use attachments::audit::Repair;
use attachments::config::Human;
use attachments::dev::object_store::{Fault, Operation};
use attachments::proto::attachment::Status;
use attachments::proto::processed_content::Status as Processing;
use attachments::proto::purge_attachments_request::Group;
use attachments::proto::{
    Attachment, PurgeAttachmentsRequest, RedriveAttachmentsRequest, RegisterAttachmentRequest,
};
use std::time::Duration;
use uuid::Uuid;

const CONVERSATION: &str = "a-conversation";

fn said(message_id: &str) -> RegisterAttachmentRequest {
    RegisterAttachmentRequest {
        conversation_id: CONVERSATION.to_owned(),
        ..line(message_id)
    }
}

async fn purge(app: &TestApp) -> i64 {
    let request = PurgeAttachmentsRequest {
        group: Some(Group::ConversationId(CONVERSATION.to_owned())),
        ..PurgeAttachmentsRequest::default()
    };
    let purged = app.client(TENANT).purge_attachments(request).await.unwrap();
    purged.into_inner().deleted_count
}

/// That nothing is left but what the records themselves are.
async fn assert_nothing_is_left(app: &TestApp) {
    app.eventually_nothing_to_remove().await;
    app.eventually_objects(Vec::new()).await;
    assert_eq!(app.work_rows().await, 0);
    let left: i64 = sqlx::query_scalar(
        "select (select count(*) from objects) + (select count(*) from attachments
            where status <> 'deleted' or processing_status is not null)",
    )
    .fetch_one(&app.pool)
    .await
    .unwrap();
    assert_eq!(left, 0);
    assert_found(&audit(app, Repair::No).await, &[]);
}

/// One in each status, one of them with a thumbnail.
async fn one_of_each(app: &TestApp) -> Vec<Attachment> {
    app.line_plays("stored", &[]);
    app.line_plays("failed", &["404"]);
    app.line_plays("rejected", &["endless"]);
    app.line_plays("retried", &["503"]);
    app.line_plays("downloading", &["hang"]);
    app.line_plays("pending", &[]);
    let stored = app.ingest(said("stored")).await;
    put_thumbnail(app, &stored.attachment_id, b"a small picture").await;
    let failed = app.ingest(said("failed")).await;
    let rejected = app.ingest(said("rejected")).await;
    let retried = app.register(said("retried")).await;
    let retried = app
        .wait(TENANT, &retried.attachment_id, |read| {
            read.status() == Status::Failed && read.retryable
        })
        .await;
    let downloading = app.begin(said("downloading")).await;
    let pending = app.register(said("pending")).await;
    let all = vec![stored, failed, rejected, retried, downloading, pending];
    let statuses: Vec<_> = all
        .iter()
        .map(attachments::proto::Attachment::status)
        .collect();
    assert_eq!(
        statuses,
        [
            Status::Stored,
            Status::Failed,
            Status::Rejected,
            Status::Failed,
            Status::Downloading,
            Status::Pending,
        ]
    );
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deletion_in_every_status_leaves_nothing() {
    for by_group in [false, true] {
        let app = TestApp::start_with(|config| {
            // What failed waits, and only one attempt runs.
            config.retry.base = Human(Duration::from_hours(1));
            config.retry.cap = Human(Duration::from_hours(1));
            config.limits.ingest_concurrency = 1;
            config.egress.first_byte_timeout = Human(PATIENCE * 2);
        })
        .await;
        let all = one_of_each(&app).await;
        if by_group {
            assert_eq!(purge(&app).await, 6);
        } else {
            for one in &all {
                app.delete(&one.attachment_id).await;
            }
        }
        for one in &all {
            let gone = app.wait(TENANT, &one.attachment_id, |_| true).await;
            assert_eq!(gone.status(), Status::Deleted, "{one:#?}");
        }
        assert_nothing_is_left(&app).await;
    }
}

/// A stored one whose content is being made and will be for long.
async fn with_content_under_way(app: &TestApp) -> String {
    app.line_plays("1001", &[]);
    let id = app.ingest(said("1001")).await.attachment_id;
    app.wait(TENANT, &id, |read| {
        read.processing_status() == Processing::Success
    })
    .await;
    let slow = Fault::Delay(PATIENCE * 2);
    app.store.faults().inject(Operation::Get, 1, slow);
    let request = RedriveAttachmentsRequest {
        content: true,
        ..RedriveAttachmentsRequest::default()
    };
    app.admin(TENANT)
        .redrive_attachments(request)
        .await
        .unwrap();
    app.wait(TENANT, &id, |read| {
        read.processing_status() == Processing::Processing
    })
    .await;
    id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_while_its_content_is_made_leaves_nothing() {
    for is_expired in [false, true] {
        let app = TestApp::start_with(|config| {
            config.s3.operation_timeout = Human(PATIENCE * 4);
            config.limits.content_concurrency = 4;
        })
        .await;
        let id = with_content_under_way(&app).await;
        if is_expired {
            let expires = "update attachments set retention = 'ephemeral', expires_at = now()";
            sqlx::query(expires).execute(&app.pool).await.unwrap();
        } else {
            assert_eq!(purge(&app).await, 1);
        }
        app.eventually("the row to be deleted", async || {
            let status = "select status = 'deleted' from attachments where id = $1";
            let status = sqlx::query_scalar(status).bind(id.parse::<Uuid>().unwrap());
            status.fetch_one(&app.pool).await.unwrap()
        })
        .await;
        assert_nothing_is_left(&app).await;
    }
}
