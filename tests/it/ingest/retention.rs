//! Ephemeral files live as long as their channel says, and no longer.

use super::{STORED, deleted, end_of};
use crate::support::{TENANT, TestApp, channel, line};
use attachments::dev::simulator::LINE_DEV_TOKEN;
use attachments::proto::{
    Attachment, Channel, RegisterAttachmentRequest, attachment::FailureReason as R,
    channel::Provider, channel::Retention,
};
use prost_types::Duration;

const CHANNEL: &str = "ephemeral";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ephemeral_file_lies_apart_and_says_when_it_goes() {
    let app = TestApp::start().await;
    put(&app, Some(3600)).await;
    app.line_plays("1", &["ok"]);
    app.line_plays("2", &["ok"]);

    let brief = app.ingest(ephemeral("1")).await;
    assert_eq!(end_of(&brief), STORED);
    let prefix = format!("attachments/ephemeral/{TENANT}/");
    assert!(brief.storage_key.starts_with(&prefix), "{brief:#?}");
    assert_eq!(lifetime(&brief), Some(3600));

    let durable = app.ingest(line("2")).await;
    let prefix = format!("attachments/durable/{TENANT}/");
    assert!(durable.storage_key.starts_with(&prefix), "{durable:#?}");
    assert_eq!(lifetime(&durable), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ephemeral_file_lives_a_day_unless_told_otherwise() {
    let app = TestApp::start().await;
    put(&app, None).await;
    app.line_plays("1", &["ok"]);
    let stored = app.ingest(ephemeral("1")).await;
    assert_eq!(lifetime(&stored), Some(24 * 3600));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_and_object_go_when_the_time_is_over() {
    let app = TestApp::start().await;
    put(&app, Some(3600)).await;
    app.line_plays("1", &["ok"]);
    app.line_plays("2", &["ok"]);
    let brief = app.ingest(ephemeral("1")).await;
    let durable = app.ingest(line("2")).await;
    assert_eq!(app.objects().await.len(), 2);

    let moved = sqlx::query("update attachments set expires_at = now() where channel_id = $1")
        .bind(CHANNEL)
        .execute(&app.pool)
        .await
        .unwrap();
    assert_eq!(moved.rows_affected(), 1);
    expired(&app, &brief.attachment_id).await;
    app.eventually_objects(vec![durable.storage_key]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_is_a_second_by_the_databases_clock() {
    let app = TestApp::start().await;
    put(&app, Some(1)).await;
    app.line_plays("1", &["ok"]);
    let registered = app.register(ephemeral("1")).await;
    expired(&app, &registered.attachment_id).await;
    app.eventually_objects(Vec::new()).await;
    app.eventually_nothing_to_remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_expires_on_its_way_is_halted() {
    let app = TestApp::start().await;
    put(&app, Some(1)).await;
    app.line_plays("1", &["500"]);
    let registered = app.register(ephemeral("1")).await;
    expired(&app, &registered.attachment_id).await;
    // Readers see the expiry before the sweeper makes it.
    app.eventually("the work to be gone", || async {
        app.work_rows().await == 0
    })
    .await;
    assert_eq!(app.objects().await, [""; 0]);
}

async fn put(app: &TestApp, ttl_seconds: Option<i64>) {
    let channel = Channel {
        retention: Retention::Ephemeral.into(),
        ephemeral_ttl: ttl_seconds.map(|seconds| Duration { seconds, nanos: 0 }),
        ..channel(CHANNEL, Provider::Line)
    };
    app.put_channel(channel, LINE_DEV_TOKEN).await;
}

fn ephemeral(message_id: &str) -> RegisterAttachmentRequest {
    RegisterAttachmentRequest {
        channel_id: CHANNEL.to_owned(),
        ..line(message_id)
    }
}

async fn expired(app: &TestApp, id: &str) {
    let over = deleted(R::RetentionExpired);
    app.wait(TENANT, id, |attachment| end_of(attachment) == over)
        .await;
}

/// Seconds from registration to expiry.
fn lifetime(attachment: &Attachment) -> Option<i64> {
    let created = attachment.create_time.unwrap();
    let expires = attachment.expire_time?;
    assert_eq!(created.nanos, expires.nanos);
    Some(expires.seconds - created.seconds)
}
