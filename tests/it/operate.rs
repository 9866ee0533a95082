//! What an operator and a provider do to attachments afterwards: retry,
//! redrive, delete by source, purge; and watching all of it.

use crate::support::{
    LINE, OTHER_TENANT, PATIENCE, TENANT, TestApp, channel, line, next_change, put_channel, within,
};
use attachments::dev::client::Attachments;
use attachments::dev::simulator::{Fixture, LINE_DEV_TOKEN, Media};
use attachments::proto::delete_attachment_request::Target;
use attachments::proto::purge_attachments_request::Group;
use attachments::proto::{
    Attachment, DeleteAttachmentRequest, GetUsageRequest, PurgeAttachmentsRequest,
    RedriveAttachmentsRequest, RegisterAttachmentRequest, RetryAttachmentRequest, SourceReference,
    WatchAttachmentsRequest, WatchAttachmentsResponse, attachment::FailureReason,
    attachment::Status as AttachmentStatus, channel::Provider,
};
use tonic::{Code, Streaming};

async fn register(client: &mut Attachments, request: RegisterAttachmentRequest) -> Attachment {
    client
        .register_attachment(request)
        .await
        .unwrap()
        .into_inner()
        .attachment
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_attachment_is_retried_with_a_fresh_budget() {
    let app = TestApp::start().await;
    let mut client = app.client(TENANT);
    let id = register(&mut client, line("404")).await.attachment_id;
    let failed = app.wait_final(TENANT, &id).await;
    assert_eq!(failed.failure_reason(), FailureReason::SourceNotFound);

    app.simulator
        .put_line_message("404", Media::fixture(Fixture::Png));
    let request = RetryAttachmentRequest {
        attachment_id: id.clone(),
    };
    let retried = client
        .retry_attachment(request.clone())
        .await
        .unwrap()
        .into_inner()
        .attachment
        .unwrap();
    assert_eq!(
        (retried.status(), retried.attempt_count),
        (AttachmentStatus::Pending, 0)
    );
    let stored = app.wait_final(TENANT, &id).await;
    assert_eq!(
        (stored.status(), stored.attempt_count),
        (AttachmentStatus::Stored, 1)
    );

    let refused = client.retry_attachment(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
}

/// Whatever hand left it there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_is_there_already_makes_way_for_a_retry() {
    let app = TestApp::start().await;
    let mut client = app.client(TENANT);
    app.simulator.put_line_message(
        "r1",
        Media::fixture(Fixture::Png).script(["404", "ok"]).unwrap(),
    );
    let id = register(&mut client, line("r1")).await.attachment_id;
    app.wait_final(TENANT, &id).await;
    sqlx::query(
        "insert into work (attachment_id, tenant_id, kind, max_attempts, attempt_count, fence)
         select id, tenant_id, 'ingest', max_attempts, max_attempts, 7000 from attachments",
    )
    .execute(&app.pool)
    .await
    .unwrap();
    let request = RetryAttachmentRequest {
        attachment_id: id.clone(),
    };
    client.retry_attachment(request).await.unwrap();
    let stored = app.wait_final(TENANT, &id).await;
    assert_eq!(stored.status(), AttachmentStatus::Stored);
    assert_eq!(stored.attempt_count, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redrive_puts_back_what_matches_and_says_so() {
    let app = TestApp::start().await;
    let (mut client, mut admin) = (app.client(TENANT), app.admin(TENANT));
    let mut ids = Vec::new();
    for n in 0..7 {
        let message = format!("gone-{n}");
        ids.push(register(&mut client, line(&message)).await.attachment_id);
    }
    for id in &ids {
        app.wait_final(TENANT, id).await;
    }
    let not_these = RedriveAttachmentsRequest {
        failure_reasons: vec![FailureReason::SourceForbidden.into()],
        ..RedriveAttachmentsRequest::default()
    };
    let none = admin
        .redrive_attachments(not_these)
        .await
        .unwrap()
        .into_inner();
    assert_eq!((none.matched_count, none.redriven_count), (0, 0));
    let these = RedriveAttachmentsRequest {
        channel_id: LINE.to_owned(),
        failure_reasons: vec![FailureReason::SourceNotFound.into()],
        dry_run: true,
        ..RedriveAttachmentsRequest::default()
    };
    let dry = admin
        .redrive_attachments(these.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!((dry.matched_count, dry.redriven_count), (7, 0));

    for n in 0..7 {
        app.simulator
            .put_line_message(&format!("gone-{n}"), Media::fixture(Fixture::Png));
    }
    let wet = RedriveAttachmentsRequest {
        dry_run: false,
        ..these
    };
    let done = admin.redrive_attachments(wet).await.unwrap().into_inner();
    assert_eq!((done.matched_count, done.redriven_count), (7, 7));
    for id in &ids {
        let stored = app.wait_final(TENANT, id).await;
        assert_eq!(stored.status(), AttachmentStatus::Stored);
    }
    let recorded: (String, i64) =
        sqlx::query_as("select subject, redriven_count from redrives where redriven_count > 0")
            .fetch_one(&app.pool)
            .await
            .unwrap();
    assert_eq!(recorded, ("test".to_owned(), 7));

    let usage = admin
        .get_usage(GetUsageRequest {})
        .await
        .unwrap()
        .into_inner()
        .by_status;
    assert_eq!(usage.len(), 1);
    assert_eq!(
        (usage[0].status(), usage[0].count),
        (AttachmentStatus::Stored, 7)
    );
    assert_eq!(usage[0].size_bytes, 7 * size_of(Fixture::Png));
    let theirs = app
        .admin(OTHER_TENANT)
        .get_usage(GetUsageRequest {})
        .await
        .unwrap();
    assert!(theirs.into_inner().by_status.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unsent_message_is_deleted_before_and_after_it_comes() {
    let app = TestApp::start().await;
    let mut client = app.client(TENANT);
    let unsend = |media_id: &str| DeleteAttachmentRequest {
        target: Some(Target::Source(SourceReference {
            channel_id: LINE.to_owned(),
            media_id: media_id.to_owned(),
            ..SourceReference::default()
        })),
        ..DeleteAttachmentRequest::default()
    };
    // Unsent before the event came: nothing is ever asked of LINE.
    app.simulator
        .put_line_message("early", Media::fixture(Fixture::Png));
    let answer = client
        .delete_attachment(unsend("early"))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.attachments, []);
    assert!(answer.tombstoned && answer.done);
    let late = register(&mut client, line("early")).await;
    assert_eq!(late.status(), AttachmentStatus::Deleted);
    assert_eq!(late.failure_reason(), FailureReason::DeleteRequested);
    assert_eq!(app.simulator.requests_for("early"), 0);
    // The tombstone is this tenant's own.
    let theirs = register(&mut app.client(OTHER_TENANT), line("early")).await;
    assert_ne!(theirs.status(), AttachmentStatus::Deleted);

    // Unsent after it was stored: the object goes.
    app.simulator
        .put_line_message("late", Media::fixture(Fixture::Png));
    let id = register(&mut client, line("late")).await.attachment_id;
    let stored = app.wait_final(TENANT, &id).await;
    assert_eq!(stored.status(), AttachmentStatus::Stored);
    let deleted = client
        .delete_attachment(unsend("late"))
        .await
        .unwrap()
        .into_inner()
        .attachments
        .remove(0);
    assert_eq!(
        (deleted.attachment_id.as_str(), deleted.status()),
        (&*id, AttachmentStatus::Deleted)
    );
    assert_eq!(deleted.storage_key, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purge_takes_the_whole_group_and_nothing_else() {
    let app = TestApp::start().await;
    let mut client = app.client(TENANT);
    let mut grouped = Vec::new();
    for n in 0..4 {
        let message = format!("in-{n}");
        app.simulator
            .put_line_message(&message, Media::fixture(Fixture::Png));
        let request = RegisterAttachmentRequest {
            correlation_id: "request-a".to_owned(),
            ..line(&message)
        };
        grouped.push(register(&mut client, request).await.attachment_id);
    }
    app.simulator
        .put_line_message("out", Media::fixture(Fixture::Png));
    let outside = RegisterAttachmentRequest {
        correlation_id: "request-ab".to_owned(),
        ..line("out")
    };
    let outside = register(&mut client, outside).await.attachment_id;
    for id in grouped.iter().chain([&outside]) {
        assert_eq!(
            app.wait_final(TENANT, id).await.status(),
            AttachmentStatus::Stored
        );
    }
    let purge = PurgeAttachmentsRequest {
        group: Some(Group::CorrelationId("request-a".to_owned())),
        ..PurgeAttachmentsRequest::default()
    };
    // Another tenant's purge of the same name touches nothing here.
    let theirs = app
        .client(OTHER_TENANT)
        .purge_attachments(purge.clone())
        .await
        .unwrap();
    assert_eq!(theirs.into_inner().deleted_count, 0);

    let size = size_of(Fixture::Png);
    let purged = client
        .purge_attachments(purge.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!((purged.deleted_count, purged.deleted_bytes), (4, 4 * size));
    let again = client.purge_attachments(purge).await.unwrap().into_inner();
    assert_eq!((again.deleted_count, again.already_deleted_count), (0, 4));
    for id in &grouped {
        let gone = app.wait_final(TENANT, id).await;
        assert_eq!(gone.status(), AttachmentStatus::Deleted);
    }
    assert_eq!(
        app.wait_final(TENANT, &outside).await.status(),
        AttachmentStatus::Stored
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_misses_nothing_and_sees_nothing_twice_across_reconnects() {
    let app = TestApp::start().await;
    let mut client = app.client(TENANT);
    let mut first = watch(&mut client, "").await;
    app.simulator.put_line_message(
        "w1",
        Media::fixture(Fixture::Png).script(["500", "ok"]).unwrap(),
    );
    let id = register(&mut client, line("w1")).await.attachment_id;

    let (mut seen, mut cursor) = (Vec::new(), String::new());
    for _ in 0..2 {
        let change = next_change(&mut first).await;
        seen.push(change.attachment.unwrap().status());
        cursor = change.cursor;
    }
    drop(first);
    app.wait_final(TENANT, &id).await;

    // What happened meanwhile comes after the cursor, and only that.
    let mut second = watch(&mut client, &cursor).await;
    while seen.last() != Some(&AttachmentStatus::Stored) {
        let change = next_change(&mut second).await;
        let attachment = change.attachment.unwrap();
        assert_eq!(attachment.attachment_id, id);
        seen.push(attachment.status());
        cursor = change.cursor;
    }
    let expected = ["PENDING", "DOWNLOADING", "FAILED", "DOWNLOADING", "STORED"];
    let names: Vec<_> = seen.iter().map(AttachmentStatus::as_str_name).collect();
    assert_eq!(names, expected);

    // A cursor is of no use to anybody else.
    let request = WatchAttachmentsRequest {
        cursor,
        ..WatchAttachmentsRequest::default()
    };
    let refused = app
        .client(OTHER_TENANT)
        .watch_attachments(request)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
}

/// One who is cut off before the first change goes on from the header.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_that_has_seen_nothing_misses_nothing_either() {
    let app = TestApp::start().await;
    let mut client = app.client(TENANT);
    let request = WatchAttachmentsRequest::default();
    let first = client.watch_attachments(request).await.unwrap();
    let cursor = first.metadata().get("attachments-cursor").unwrap();
    let cursor = cursor.to_str().unwrap().to_owned();
    drop(first);
    app.simulator
        .put_line_message("w1", Media::fixture(Fixture::Png));
    let id = register(&mut client, line("w1")).await.attachment_id;
    app.wait_final(TENANT, &id).await;
    let mut second = watch(&mut client, &cursor).await;
    let change = next_change(&mut second).await.attachment.unwrap();
    assert_eq!(change.attachment_id, id);
    assert_eq!(change.status(), AttachmentStatus::Pending);
}

/// A deletion of many begins before what others make of a file, and is told
/// before it; it is the last that a watcher hears all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_hears_of_a_deletion_last() {
    let app = TestApp::start().await;
    let mut client = app.client(TENANT);
    let mut stream = watch(&mut client, "").await;
    let mut purge = app.pool.begin().await.unwrap();
    sqlx::query("select pg_current_xact_id()")
        .execute(&mut *purge)
        .await
        .unwrap();
    app.simulator.put_line_message(
        "w1",
        Media::fixture(Fixture::Png).script(["500", "ok"]).unwrap(),
    );
    let id = register(&mut client, line("w1")).await.attachment_id;
    app.wait_final(TENANT, &id).await;
    sqlx::query(
        "with emptied as (delete from objects where attachment_id = $1::uuid)
         update attachments set status = 'deleted', failure_reason = 'DELETE_REQUESTED',
             source = null, sender_id = null, file_name = '' where id = $1::uuid",
    )
    .bind(&id)
    .execute(&mut *purge)
    .await
    .unwrap();
    purge.commit().await.unwrap();

    app.simulator
        .put_line_message("w2", Media::fixture(Fixture::Png));
    let other = register(&mut client, line("w2")).await.attachment_id;
    let mut heard = Vec::new();
    loop {
        let attachment = next_change(&mut stream).await.attachment.unwrap();
        if attachment.attachment_id == other {
            break;
        }
        heard.push(attachment.status());
    }
    assert_eq!(heard, [AttachmentStatus::Deleted]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watchers_see_every_change_once_while_many_are_written() {
    const FILES: usize = 60;
    let app = TestApp::start().await;
    let mut client = app.client(TENANT);
    let mut stream = watch(&mut client, "").await;
    for n in 0..FILES {
        app.simulator
            .put_line_message(&format!("m{n}"), Media::fixture(Fixture::Png));
    }
    let writers = (0..FILES).map(|n| {
        let mut client = app.client(TENANT);
        async move { register(&mut client, line(&format!("m{n}"))).await }
    });
    futures::future::join_all(writers).await;
    let mut counts = std::collections::HashMap::new();
    let mut stored = 0;
    while stored < FILES {
        let attachment = next_change(&mut stream).await.attachment.unwrap();
        stored += usize::from(attachment.status() == AttachmentStatus::Stored);
        *counts
            .entry((attachment.attachment_id, attachment.status))
            .or_insert(0) += 1;
    }
    assert_eq!(
        counts.len(),
        3 * FILES,
        "pending, downloading and stored of each"
    );
    assert!(counts.values().all(|count| *count == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopping_service_ends_its_watchers_at_once() {
    let mut app = TestApp::start_with(|config| {
        config.server.grace = attachments::config::Human(PATIENCE * 10);
    })
    .await;
    let mut client = app.client(TENANT);
    let mut stream = watch(&mut client, "").await;
    let other = app.another(attachments::config::Role::Api).await;
    let stopping = std::mem::replace(&mut app.app, other);
    within(
        "the shutdown does not wait for the watcher",
        stopping.shutdown(),
    )
    .await;
    let ended = within("the watcher is told", stream.message()).await;
    assert_eq!(ended.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_credential_puts_back_what_failed_for_want_of_one() {
    let app = TestApp::start().await;
    let (mut client, mut admin) = (app.client(TENANT), app.admin(TENANT));
    put_channel(&mut admin, channel(LINE, Provider::Line), "a-dead-token").await;
    app.simulator
        .put_line_message("c1", Media::fixture(Fixture::Png));
    let id = register(&mut client, line("c1")).await.attachment_id;
    let failed = app.wait_final(TENANT, &id).await;
    assert_eq!(failed.failure_reason(), FailureReason::SourceAuthFailed);
    put_channel(&mut admin, channel(LINE, Provider::Line), LINE_DEV_TOKEN).await;
    let stored = app
        .wait(TENANT, &id, |a| a.status() == AttachmentStatus::Stored)
        .await;
    assert_eq!(stored.attempt_count, 1);
}

fn size_of(fixture: Fixture) -> i64 {
    i64::try_from(Media::fixture(fixture).size_bytes()).unwrap()
}

async fn watch(client: &mut Attachments, cursor: &str) -> Streaming<WatchAttachmentsResponse> {
    let request = WatchAttachmentsRequest {
        cursor: cursor.to_owned(),
        ..WatchAttachmentsRequest::default()
    };
    client
        .watch_attachments(request)
        .await
        .unwrap()
        .into_inner()
}
