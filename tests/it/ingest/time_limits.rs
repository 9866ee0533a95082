//! Each time limit ends an attempt by itself and says that it was the one.

use super::{STORED, end_of, failed};
use crate::support::{ANY_PORT, TestApp, line};
use attachments::config::{Config, Human};
use attachments::proto::{attachment::FailureReason as R, attachment::Status as AttachmentStatus};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

const SHORT: Human = Human(Duration::from_millis(500));

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_takes_no_connection_is_too_slow() {
    let hole = BlackHole::new().await;
    let app = with(|config| {
        config.egress.connect_timeout = SHORT;
        config.line.content_url = format!("http://{}", hole.address);
    })
    .await;
    assert_ends(&app, "ok", R::SourceTimeout, "egress.connect_timeout").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_refuses_the_connection_is_unavailable() {
    let listener = TcpListener::bind(ANY_PORT).await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let app = with(|config| config.line.content_url = format!("http://{address}")).await;
    assert_ends(&app, "ok", R::SourceUnavailable, "no connection").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_does_not_answer_is_too_slow() {
    let app = with(|config| config.egress.first_byte_timeout = SHORT).await;
    assert_ends(&app, "hang", R::SourceTimeout, "egress.first_byte_timeout").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_falls_silent_is_too_slow_and_one_that_ends_is_incomplete() {
    let app = with(|config| config.egress.idle_timeout = SHORT).await;
    assert_ends(&app, "stall:100", R::SourceTimeout, "egress.idle_timeout").await;
    assert_ends(
        &app,
        "cut:100",
        R::DownloadIncomplete,
        "before the file did",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_drips_is_too_slow_although_it_is_never_silent() {
    let app = with(|config| config.egress.min_rate_window = SHORT).await;
    let limit = "egress.min_bytes_per_second";
    assert_ends(&app, "drip", R::SourceTimeout, limit).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_has_the_time_that_its_size_needs_and_no_more() {
    let app = with(|config| config.egress.total_timeout = SHORT).await;
    assert_ends(&app, "drip", R::SourceTimeout, "egress.total_timeout").await;

    // The same limit, and a speed at which this file may take most of a minute.
    let patient = with(|config| {
        config.egress.total_timeout = SHORT;
        config.egress.total_bytes_per_second = 10;
    })
    .await;
    patient.line_plays("1", &["drip:2"]);
    assert_eq!(end_of(&patient.ingest(line("1")).await), STORED);
}

/// One attempt, and every limit out of the way but those of the test.
async fn with(adjust: impl FnOnce(&mut Config)) -> TestApp {
    TestApp::start_with(|config| {
        config.retry.max_attempts = 1;
        adjust(config);
    })
    .await
}

/// A file that behaves so ends for this reason, and its journal says more.
async fn assert_ends(app: &TestApp, step: &str, reason: R, detail: &str) {
    let id = step.replace(':', "-");
    app.line_plays(&id, &[step]);
    let ended = app.ingest(line(&id)).await;
    assert_eq!(end_of(&ended), failed(reason), "{step}");
    let [attempt] = app.explain(&ended.attachment_id).await.try_into().unwrap();
    assert!(attempt.detail.contains(detail), "{step}: {attempt:#?}");
    assert_eq!(ended.status(), AttachmentStatus::Failed);
}

/// A listener whose queue is full: whoever connects waits for ever.
struct BlackHole {
    address: SocketAddr,
    _listener: TcpListener,
    _queued: Vec<TcpStream>,
}

impl BlackHole {
    async fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(ANY_PORT).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        while let Ok(connected) = timeout(SHORT.0, TcpStream::connect(address)).await {
            queued.push(connected.unwrap());
            assert!(queued.len() < 100, "the queue does not fill");
        }
        Self {
            address,
            _listener: listener,
            _queued: queued,
        }
    }
}
