//! Attachment failure does not drop message persistence.

use super::persisted;
use crate::support::{ANY_PORT, TENANT, TestApp, TestGateway};
use attachments::dev::simulator::webhook::LineEvent;
use attachments::proto::{attachment::FailureReason, attachment::Status as AttachmentStatus};
use reqwest::StatusCode;
use std::net::SocketAddr;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_download_leaves_the_message_with_a_reason() {
    let app = TestApp::start().await;
    let gateway = TestGateway::start(&app).await;
    app.line_plays("1", &["404"]);

    let failed = persisted(&app, &gateway, "1", LineEvent::image("1")).await;
    assert_eq!(failed.status(), AttachmentStatus::Failed);
    assert_eq!(failed.failure_reason(), FailureReason::SourceNotFound);
    assert!(!failed.failure_message.is_empty());
    assert!(!failed.retryable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_temporary_failure_is_marked_retryable_until_it_is_over() {
    let app = TestApp::start().await;
    let gateway = TestGateway::start(&app).await;
    // Failed for as long as LINE asks to wait.
    app.line_plays("1", &["429:2", "ok"]);

    assert_eq!(
        gateway.post_line(LineEvent::image("1")).await,
        StatusCode::OK
    );
    let id = gateway.attachment_of("1").await;
    let failed = app
        .wait(TENANT, &id, |attachment| {
            attachment.status() == AttachmentStatus::Failed
        })
        .await;
    assert_eq!(failed.failure_reason(), FailureReason::SourceRateLimited);
    assert!(failed.retryable && failed.next_attempt_time.is_some());
    let stored = app.wait_final(TENANT, &id).await;
    assert_eq!(stored.status(), AttachmentStatus::Stored);
    assert_eq!(stored.failure_reason(), FailureReason::Unspecified);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_down_costs_the_webhook_nothing() {
    let app = TestApp::start().await;
    let road = Road::closed_to(app.app.grpc_addr).await;
    let gateway = TestGateway::start_before(&app, road.address).await;
    app.line_plays("1", &["ok"]);

    let answer = gateway.post_line(LineEvent::image("1")).await;
    assert_eq!(answer, StatusCode::OK);
    let message = gateway.message("1").await;
    assert_eq!(message["payload"]["message"]["type"], "image");
    assert_eq!(message["attachment_ids"].as_array().unwrap().len(), 0);
    assert_eq!(gateway.pending_calls().await, 1);

    road.open();
    let id = gateway.attachment_of("1").await;
    let stored = app.wait_final(TENANT, &id).await;
    assert_eq!(stored.status(), AttachmentStatus::Stored);
    assert_eq!(gateway.pending_calls().await, 0);
}

/// A way to the service that can be closed: connections are made and dropped,
/// as those to a service that is being restarted.
pub struct Road {
    pub address: SocketAddr,
    is_open: watch::Sender<bool>,
    _task: AbortOnDropHandle<()>,
}

impl Road {
    pub async fn closed_to(service: SocketAddr) -> Self {
        let listener = TcpListener::bind(ANY_PORT).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (is_open, open) = watch::channel(false);
        let task = tokio::spawn(async move {
            while let Ok((mut from, _)) = listener.accept().await {
                if *open.borrow() {
                    tokio::spawn(async move {
                        let mut to = TcpStream::connect(service).await.unwrap();
                        copy_bidirectional(&mut from, &mut to).await
                    });
                }
            }
        });
        Self {
            address,
            is_open,
            _task: AbortOnDropHandle::new(task),
        }
    }

    pub fn open(&self) {
        self.is_open.send_replace(true);
    }
}
