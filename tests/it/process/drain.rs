//! SIGTERM while work is under way.

use super::reading::wait_stored;
use super::running_service::{Ground, said};
use super::sandbox::eventually;
use crate::ground::byte_stream;
use crate::support::line;
use attachments::dev::simulator::{Fixture, Media};
use attachments::proto::WatchAttachmentsRequest;
use nix::sys::signal::Signal;
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;
use tonic::Code;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_end_whole_and_downloads_are_given_back_not_counted() {
    let mut ground = Ground::new().await;
    ground
        .sandbox
        .set("ATTACHMENTS_SERVER_GRACE", "5s")
        .set("ATTACHMENTS_EGRESS_IDLE_TIMEOUT", "120s");
    // More than what lies between a server and a client that does not read.
    let large = Media::fixture_of_size(Fixture::Png, 9_000_000).unwrap();
    let sent = large.checksum_sha256();
    let stalled = Media::fixture_of_size(Fixture::Png, 100_000).unwrap();
    ground.simulator.put_line_message("1001", large);
    ground
        .simulator
        .put_line_message("1002", stalled.script(["stall"]).unwrap());
    let service = ground.serve(&[]).await;
    service.wait_ready().await;
    let mut client = service.client_with_line(&ground.token()).await;
    let mut register = async |id: &str| {
        let registered = client.register_attachment(line(id)).await.unwrap();
        registered.into_inner().attachment.unwrap().attachment_id
    };
    let (large, stalled) = (register("1001").await, register("1002").await);
    wait_stored(&mut client, &large).await;
    eventually("the download stalls", async || {
        ground.simulator.requests_for("1002") == 1
    })
    .await;
    let stream = byte_stream::begin(&mut client, &large).await.unwrap();

    service.process.signal(Signal::SIGTERM);

    eventually("readiness says that it drains", async || {
        let answer = service.readyz().await;
        answer.is_some_and(|(status, body)| {
            status == 503 && body["checks"]["accepting"] == "unavailable"
        })
    })
    .await;
    eventually("new connections are refused", async || {
        tokio::net::TcpStream::connect(service.grpc.unwrap())
            .await
            .is_err()
    })
    .await;
    let bytes = byte_stream::rest(stream).await.unwrap();
    assert_eq!(hex::encode(Sha256::digest(bytes)), sent);
    let finished = service.process.finish().await;
    assert_eq!(finished.code, Some(0), "{finished:?}");

    let pool = PgPool::connect(&ground.database_url).await.unwrap();
    let (attempt_count, leased_by): (i16, Option<String>) =
        sqlx::query_as("select attempt_count, leased_by from work where attachment_id = $1")
            .bind(stalled.parse::<Uuid>().unwrap())
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!((attempt_count, leased_by), (0, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_that_ends_within_the_grace_is_stored() {
    let mut ground = Ground::new().await;
    ground.sandbox.set("ATTACHMENTS_SERVER_GRACE", "60s");
    // Comes slowly, and is under way when the signal does.
    let slow = Media::fixture(Fixture::Txt).script(["drip:20"]).unwrap();
    ground.simulator.put_line_message("1001", slow);
    let service = ground.serve(&[]).await;
    let mut client = service.client_with_line(&ground.token()).await;
    let registered = client.register_attachment(line("1001")).await.unwrap();
    let id = registered.into_inner().attachment.unwrap().attachment_id;
    eventually("it is under way", async || {
        let journal = ground.simulator.journal();
        journal.iter().any(|entry| entry.bytes_sent > 0)
    })
    .await;

    service.process.signal(Signal::SIGTERM);
    let finished = service.process.finish().await;

    assert_eq!(finished.code, Some(0), "{finished:?}");
    let pool = PgPool::connect(&ground.database_url).await.unwrap();
    let (status, attempts): (String, i16) =
        sqlx::query_as("select status, attempt_count from attachments where id = $1")
            .bind(id.parse::<Uuid>().unwrap())
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!((status.as_str(), attempts), ("stored", 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_does_not_wait_for_the_grace() {
    let mut ground = Ground::new().await;
    // Longer than any test waits.
    ground
        .sandbox
        .set("ATTACHMENTS_SERVER_GRACE", "1h")
        .set("ATTACHMENTS_EGRESS_IDLE_TIMEOUT", "1h")
        .set("ATTACHMENTS_EGRESS_TOTAL_TIMEOUT", "1h");
    let stalled = Media::fixture(Fixture::Png).script(["hang"]).unwrap();
    ground.simulator.put_line_message("1001", stalled);
    let mut service = ground.serve(&[]).await;
    let mut client = service.client_with_line(&ground.token()).await;
    client.register_attachment(line("1001")).await.unwrap();
    eventually("it is under way", async || {
        ground.simulator.requests_for("1001") == 1
    })
    .await;

    service.process.signal(Signal::SIGTERM);
    let stopping = |process: &_| said(process, "stopping");
    service
        .process
        .wait_for("it says that it stops", stopping)
        .await;
    service.process.signal(Signal::SIGTERM);

    let finished = service.process.finish().await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_does_not_hold_up_the_drain() {
    let mut ground = Ground::new().await;
    // Longer than any test waits.
    ground.sandbox.set("ATTACHMENTS_SERVER_GRACE", "1h");
    let service = ground.serve(&[]).await;
    let (mut client, _) = service.clients(&ground.token());
    let request = WatchAttachmentsRequest::default();
    let mut changes = client
        .watch_attachments(request)
        .await
        .unwrap()
        .into_inner();
    client.register_attachment(line("1001")).await.unwrap();
    changes.message().await.unwrap().unwrap();

    service.process.signal(Signal::SIGTERM);

    let finished = service.process.finish().await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    loop {
        match changes.message().await {
            Ok(Some(_)) => {}
            // To be taken up elsewhere, from the last cursor.
            Err(status) => break assert_eq!(status.code(), Code::Unavailable, "{status:?}"),
            Ok(None) => panic!("it looks as if there were no more to come"),
        }
    }
}
