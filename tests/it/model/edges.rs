//! Where two rules meet: expiry and lists, repeats and repeats, one redrive and
//! another.

use super::renditions::put_thumbnail;
use crate::support::{LINE, TENANT, TestApp, channel, line, next_change};
use crate::surface::status::{reason, violated};
use attachments::config::Human;
use attachments::proto::attachment::{FailureReason, Status};
use attachments::proto::channel::Provider;
use attachments::proto::get_attachment_request::Key;
use attachments::proto::purge_attachments_request::Group;
use attachments::proto::{
    BatchRegisterAttachmentsRequest, Channel, DeleteAttachmentRequest, GetAttachmentRequest,
    Limits, ListAttachmentsRequest, PurgeAttachmentsRequest, PutTenantRequest,
    RedriveAttachmentsRequest, RegisterAttachmentRequest, RetryAttachmentRequest, SourceReference,
    Tenant, WatchAttachmentsRequest, delete_attachment_request,
};
use std::time::Duration;
use tonic::Code;

/// Nothing is swept while a test looks.
async fn unswept() -> TestApp {
    TestApp::start_with(|config| {
        config.retention.sweep_interval = Human(Duration::from_hours(1));
    })
    .await
}

async fn expire(app: &TestApp, id: &str) {
    let expire = "update attachments
        set retention = 'ephemeral', expires_at = now() - interval '1 second'
        where id = $1::uuid";
    let expired = sqlx::query(expire).bind(id).execute(&app.pool).await;
    assert_eq!(expired.unwrap().rows_affected(), 1);
}

async fn count(app: &TestApp, query: &'static str) -> i64 {
    sqlx::query_scalar(query)
        .fetch_one(&app.pool)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_several_statuses_has_what_expired_once() {
    let app = unswept().await;
    app.line_plays("1", &[]);
    app.line_plays("2", &["404"]);
    for message in ["1", "2"] {
        let ended = app.ingest(line(message)).await;
        expire(&app, &ended.attachment_id).await;
    }
    let request = ListAttachmentsRequest {
        statuses: [Status::Stored, Status::Failed, Status::Deleted]
            .map(i32::from)
            .to_vec(),
        ..ListAttachmentsRequest::default()
    };
    let page = app.client(TENANT).list_attachments(request).await.unwrap();
    let listed = page.into_inner().attachments;
    let messages: Vec<_> = listed.iter().map(|found| &found.message_id).collect();
    assert_eq!(messages, ["2", "1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_expired_is_not_put_back_and_keeps_its_reason() {
    let app = TestApp::start_with(|config| {
        config.retention.sweep_interval = Human(Duration::from_hours(1));
        config.retry.retry_after_cap = Human(Duration::from_hours(1));
    })
    .await;
    app.line_plays("1", &["503:3600"]);
    let waits = app.register(line("1")).await.attachment_id;
    app.wait(TENANT, &waits, |found| found.retryable).await;
    expire(&app, &waits).await;
    let retry = RetryAttachmentRequest {
        attachment_id: waits.clone(),
    };
    let refused = app.client(TENANT).retry_attachment(retry).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(reason(&refused), "ATTACHMENT_NOT_RETRYABLE");

    let deleted = app.delete(&waits).await;
    assert_eq!(deleted.failure_reason(), FailureReason::RetentionExpired);
    assert_eq!(
        count(
            &app,
            "select count(*) from attachments where status = 'deleted'"
        )
        .await,
        1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeats_of_one_batch_fill_in_after_each_other() {
    let app = TestApp::start().await;
    app.line_plays("1001", &["stall"]);
    let bare = line("1001");
    let request = BatchRegisterAttachmentsRequest {
        requests: vec![
            bare.clone(),
            RegisterAttachmentRequest {
                file_name: "report.pdf".to_owned(),
                ..bare.clone()
            },
            RegisterAttachmentRequest {
                declared_size_bytes: Some(7),
                ..bare
            },
        ],
    };
    let answer = app.client(TENANT).batch_register_attachments(request).await;
    assert_eq!(answer.unwrap().into_inner().results.len(), 3);
    let known: (String, Option<i64>) =
        sqlx::query_as("select file_name, declared_size_bytes from attachments")
            .fetch_one(&app.pool)
            .await
            .unwrap();
    assert_eq!(known, ("report.pdf".to_owned(), Some(7)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purge_that_another_one_overtakes_is_not_done_too_early() {
    let app = unswept().await;
    let request = RegisterAttachmentRequest {
        channel_id: "nobodys".to_owned(),
        correlation_id: "C1".to_owned(),
        ..line("1")
    };
    app.ingest(request).await;
    // More than one statement deletes.
    let more = "insert into attachments (tenant_id, id, channel_id, media_id, part, occurrence,
            source, message_id, correlation_id, file_name, declared_content_type, retention,
            max_attempts, status, failure_reason)
        select tenant_id, gen_random_uuid(), channel_id, media_id || n, part, occurrence, source,
            message_id, correlation_id, file_name, declared_content_type, retention,
            max_attempts, status, failure_reason
        from attachments, generate_series(1, 700) n";
    sqlx::query(more).execute(&app.pool).await.unwrap();
    let mut other = app.pool.begin().await.unwrap();
    let first = "update attachments set status = 'deleted', failure_reason = 'DELETE_REQUESTED',
            source = null, file_name = ''
        where id in (select id from attachments order by id limit 500)";
    sqlx::query(first).execute(&mut *other).await.unwrap();
    let purge = PurgeAttachmentsRequest {
        group: Some(Group::CorrelationId("C1".to_owned())),
        ..PurgeAttachmentsRequest::default()
    };
    let commits = async {
        app.eventually_somebody_waits().await;
        other.commit().await.unwrap();
    };
    let mut client = app.client(TENANT);
    let (purged, ()) = tokio::join!(client.purge_attachments(purge), commits);
    let purged = purged.unwrap().into_inner();
    assert!(purged.done);
    assert_eq!(purged.deleted_count, 201);
    let left = "select count(*) from attachments where status <> 'deleted'";
    assert_eq!(count(&app, left).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_id_is_one_redrive_and_no_other() {
    let app = TestApp::start().await;
    let redrive = |status: Status| RedriveAttachmentsRequest {
        statuses: vec![status.into()],
        request_id: "monday".to_owned(),
        ..RedriveAttachmentsRequest::default()
    };
    let mut admin = app.admin(TENANT);
    for _ in 0..2 {
        let again = admin.redrive_attachments(redrive(Status::Failed)).await;
        assert!(again.unwrap().into_inner().done);
    }
    let other = admin.redrive_attachments(redrive(Status::Rejected)).await;
    let refused = other.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(violated(&refused), ["request_id"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redrive_puts_back_no_more_files_than_there_is_room_for() {
    let app = TestApp::start().await;
    let limited = |files| Channel {
        limits: Some(Limits {
            max_files_per_message: Some(files),
            ..Limits::default()
        }),
        ..channel(LINE, Provider::Line)
    };
    app.put_channel(limited(1), "").await;
    for id in ["1", "2", "3"] {
        app.line_plays(id, &[]);
        let request = RegisterAttachmentRequest {
            message_id: "M1".to_owned(),
            ..line(id)
        };
        app.ingest(request).await;
    }
    let turned_away = "select count(*) from attachments where failure_reason = 'TOO_MANY_FILES'";
    assert_eq!(count(&app, turned_away).await, 2);
    app.put_channel(limited(2), "").await;
    let redrive = |dry_run| RedriveAttachmentsRequest {
        statuses: vec![Status::Rejected.into()],
        dry_run,
        ..RedriveAttachmentsRequest::default()
    };
    let mut admin = app.admin(TENANT);
    let would = admin.redrive_attachments(redrive(true)).await.unwrap();
    assert_eq!(would.into_inner().matched_count, 1);
    let redriven = admin.redrive_attachments(redrive(false)).await.unwrap();
    assert_eq!(redriven.into_inner().redriven_count, 1);
    assert_eq!(count(&app, turned_away).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_message_is_found_by_whatever_we_call_it() {
    let app = TestApp::start().await;
    app.line_plays("1001", &[]);
    let named = |message: &str| RegisterAttachmentRequest {
        message_id: message.to_owned(),
        ..line("1001")
    };
    let first = app.ingest(named("m-1")).await;
    let repeat = app.register(named("m-2")).await;
    assert_eq!(repeat.attachment_id, first.attachment_id);
    for message in ["", "m-1", "m-2"] {
        let request = GetAttachmentRequest {
            key: Some(Key::Source(SourceReference {
                channel_id: LINE.to_owned(),
                media_id: "1001".to_owned(),
                message_id: message.to_owned(),
                ..SourceReference::default()
            })),
        };
        let found = app.client(TENANT).get_attachment(request).await.unwrap();
        let found = found.into_inner().attachment.unwrap();
        assert_eq!(found.attachment_id, first.attachment_id, "{message:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tombstone_is_remembered_from_the_last_time_it_was_asked_for() {
    let app = unswept().await;
    let delete = || DeleteAttachmentRequest {
        target: Some(delete_attachment_request::Target::Source(SourceReference {
            channel_id: LINE.to_owned(),
            media_id: "1001".to_owned(),
            ..SourceReference::default()
        })),
        ..DeleteAttachmentRequest::default()
    };
    let mut client = app.client(TENANT);
    client.delete_attachment(delete()).await.unwrap();
    let old = "update tombstones set created_at = now() - interval '40 days'";
    sqlx::query(old).execute(&app.pool).await.unwrap();
    client.delete_attachment(delete()).await.unwrap();
    let fresh = "select count(*) from tombstones where created_at > now() - interval '30 days'";
    assert_eq!(count(&app, fresh).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_that_wants_no_files_has_its_content_made_anew() {
    let app = TestApp::start().await;
    app.line_plays("1001", &[]);
    app.ingest(line("1001")).await;
    let request = PutTenantRequest {
        tenant: Some(Tenant {
            limits: Some(Limits {
                max_files_per_message: Some(0),
                ..Limits::default()
            }),
            ..Tenant::default()
        }),
        ..PutTenantRequest::default()
    };
    let mut admin = app.admin(TENANT);
    admin.put_tenant(request).await.unwrap();
    let content = RedriveAttachmentsRequest {
        content: true,
        ..RedriveAttachmentsRequest::default()
    };
    let redriven = admin.redrive_attachments(content).await.unwrap();
    assert_eq!(redriven.into_inner().redriven_count, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_is_told_of_no_rendition_before_the_file_was_stored() {
    let app = TestApp::start().await;
    let listed = app
        .client(TENANT)
        .list_attachments(ListAttachmentsRequest::default())
        .await;
    let cursor = listed.unwrap().into_inner().watch_cursor;
    app.line_plays("1001", &[]);
    let stored = app.ingest(line("1001")).await;
    put_thumbnail(&app, &stored.attachment_id, b"a small picture").await;
    let request = WatchAttachmentsRequest {
        cursor,
        ..WatchAttachmentsRequest::default()
    };
    let mut watch = app.watch(request).await;
    let mut told = Vec::new();
    while told
        .last()
        .is_none_or(|(status, _)| *status != Status::Stored)
    {
        let heard = next_change(&mut watch).await.attachment.unwrap();
        told.push((heard.status(), heard.renditions.len()));
    }
    let expected = [
        (Status::Pending, 0),
        (Status::Downloading, 0),
        (Status::Stored, 1),
    ];
    assert_eq!(told, expected);
}
