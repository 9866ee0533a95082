//! A credential that its provider refuses or slows down costs few calls and
//! nobody else anything.

use super::{STORED, end_of, failed};
use crate::support::{LINE, OTHER_TENANT, TENANT, TestApp, channel, line, serve, slack, within};
use attachments::dev::simulator::{Fixture, Grant, LINE_DEV_TOKEN};
use attachments::proto::{
    BatchRegisterAttachmentsRequest, attachment::FailureReason as R,
    attachment::Status as AttachmentStatus, channel::Provider,
};
use axum::Router;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::sync::Semaphore;

const FILES: usize = 30;
/// Attempts of one tenant that are under way when the first answer comes.
const AT_ONCE: usize = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_token_costs_a_handful_of_calls_and_parks_every_file() {
    let app = start().await;
    app.simulator
        .put_token(LINE_DEV_TOKEN, Grant::line().revoked());
    register_all(&app, TENANT).await;
    wait_for(
        &app,
        "status = 'failed' and failure_reason = 'SOURCE_AUTH_FAILED'",
    )
    .await;
    assert_eq!(app.work_rows().await, 0, "parked, not waiting");
    let calls = app.simulator.journal().len();
    assert!(calls < FILES / 2, "{calls} calls with a dead token");
    let spared = details(&app, "%was not asked again").await;
    assert_eq!(spared, FILES - calls);

    // Another one begins with a clean record.
    app.simulator.put_token("another-token", Grant::line());
    app.put_channel(channel(LINE, Provider::Line), "another-token")
        .await;
    wait_for(&app, "status = 'stored' and attempt_count = 1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_token_stops_neither_another_channel_nor_another_tenant() {
    let app = start().await;
    // The same token under the same channel id; only the other channel of the
    // first tenant and the other tenant may read.
    app.simulator.put_token("dead", Grant::line().revoked());
    app.put_channel(channel(LINE, Provider::Line), "dead").await;
    register_all(&app, TENANT).await;
    wait_for(
        &app,
        "status = 'failed' and failure_reason = 'SOURCE_AUTH_FAILED'",
    )
    .await;

    let address = app.slack_plays("F1", &["ok"]);
    assert_eq!(end_of(&app.ingest(slack("F1", &address)).await), STORED);
    register_all(&app, OTHER_TENANT).await;
    wait_for(
        &app,
        "tenant_id = 'globex' and status = 'stored' and attempt_count = 1",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_works_again_is_found_out_and_brings_in_what_was_parked() {
    let app = start().await;
    app.simulator
        .put_token(LINE_DEV_TOKEN, Grant::line().revoked());
    register_all(&app, TENANT).await;
    wait_for(&app, "status = 'failed'").await;
    app.line_plays("late", &["ok"]);

    app.simulator.put_token(LINE_DEV_TOKEN, Grant::line());
    let late = app.register(line("late")).await.attachment_id;
    let retry = attachments::proto::RetryAttachmentRequest {
        attachment_id: late.clone(),
    };
    within("one looks", async {
        while app.wait_final(TENANT, &late).await.status() != AttachmentStatus::Stored {
            app.client(TENANT)
                .retry_attachment(retry.clone())
                .await
                .unwrap();
        }
    })
    .await;
    // Nobody has to ask for the others.
    wait_for(&app, "status = 'stored' and message_id like 'c%'").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_down_burns_the_attempts_of_those_who_asked_and_of_nobody_else() {
    let provider = Arc::new(Limited::default());
    let answer = provider.clone();
    let router = Router::new().fallback(async move || answer.answer());
    let (address, _server) = serve(router).await;
    let app = TestApp::start_with(|config| {
        config.limits.tenant_concurrency = u32::try_from(AT_ONCE).unwrap();
        config.line.content_url = format!("http://{address}");
    })
    .await;
    provider.limits.store(true, Ordering::SeqCst);
    register_all(&app, TENANT).await;
    app.eventually("everybody waits", || async {
        let waiting: i64 = sqlx::query_scalar(
            "select count(*) from work where failure_reason = 'SOURCE_RATE_LIMITED'",
        )
        .fetch_one(&app.pool)
        .await
        .unwrap();
        usize::try_from(waiting).unwrap() == FILES
    })
    .await;
    let refused = provider.refused.load(Ordering::SeqCst);
    assert!(
        refused < FILES / 2,
        "{refused} calls after being told to slow down"
    );

    provider.limits.store(false, Ordering::SeqCst);
    wait_for(&app, "status = 'stored'").await;
    let counted: i64 = sqlx::query_scalar("select sum(attempt_count)::bigint from attachments")
        .fetch_one(&app.pool)
        .await
        .unwrap();
    let refused = provider.refused.load(Ordering::SeqCst);
    assert_eq!(usize::try_from(counted).unwrap(), FILES + refused);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_that_comes_while_the_old_one_is_refused_is_used() {
    let asked = Arc::new(Semaphore::new(0));
    let released = Arc::new(Semaphore::new(0));
    let (tell, wait) = (asked.clone(), released.clone());
    let router = Router::new().fallback(async move |headers: HeaderMap| {
        if headers[AUTHORIZATION] == "Bearer new-token" {
            return picture();
        }
        tell.add_permits(1);
        wait.acquire().await.unwrap().forget();
        StatusCode::UNAUTHORIZED.into_response()
    });
    let (address, _server) = serve(router).await;
    let app = TestApp::start_with(|config| {
        config.line.content_url = format!("http://{address}");
        // Longer than the test takes to put the channel.
        config.egress.first_byte_timeout.0 = crate::support::PATIENCE;
    })
    .await;
    let id = app.register(line("1")).await.attachment_id;
    within("the old one is tried", asked.acquire())
        .await
        .unwrap()
        .forget();
    // It wakes nothing: the attempt is still running.
    app.put_channel(channel(LINE, Provider::Line), "new-token")
        .await;
    released.add_permits(1);

    let stored = app
        .wait(TENANT, &id, |now| now.status() == AttachmentStatus::Stored)
        .await;
    assert_eq!(stored.attempt_count, 1);
    assert_eq!(app.explain(&id).await.len(), 1, "nobody was sent away");

    // One that is refused with the credential that is still there stays parked.
    app.put_channel(channel(LINE, Provider::Line), "bad-token")
        .await;
    released.add_permits(1);
    let parked = app.ingest(line("2")).await;
    assert_eq!(end_of(&parked), failed(R::SourceAuthFailed));
    assert_eq!(app.work_rows().await, 0);
}

/// A provider that asks to slow down for as long as the test says.
#[derive(Default)]
struct Limited {
    limits: AtomicBool,
    refused: AtomicUsize,
}

impl Limited {
    fn answer(&self) -> Response {
        if self.limits.load(Ordering::SeqCst) {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, "1")]).into_response();
        }
        picture()
    }
}

fn picture() -> Response {
    let png = Fixture::Png;
    ([(CONTENT_TYPE, png.content_type())], png.bytes()).into_response()
}

async fn start() -> TestApp {
    TestApp::start_with(|config| {
        config.limits.tenant_concurrency = u32::try_from(AT_ONCE).unwrap();
    })
    .await
}

/// Registers all the files of a tenant in one call.
async fn register_all(app: &TestApp, tenant: &str) {
    let ids: Vec<_> = (0..FILES).map(|n| format!("c{n}")).collect();
    for id in &ids {
        app.line_plays(id, &["ok"]);
    }
    let requests = ids.iter().map(|id| line(id)).collect();
    app.client(tenant)
        .batch_register_attachments(BatchRegisterAttachmentsRequest { requests })
        .await
        .unwrap();
}

/// Waits until as many attachments as one tenant has are so.
async fn wait_for(app: &TestApp, condition: &'static str) {
    app.eventually(condition, || async {
        let count: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
            "select count(*) from attachments where {condition}"
        )))
        .fetch_one(&app.pool)
        .await
        .unwrap();
        usize::try_from(count).unwrap() == FILES
    })
    .await;
}

/// Attempts whose detail is like this.
async fn details(app: &TestApp, like: &str) -> usize {
    let count: i64 = sqlx::query_scalar("select count(*) from attempts where detail like $1")
        .bind(like)
        .fetch_one(&app.pool)
        .await
        .unwrap();
    usize::try_from(count).unwrap()
}
