//! `attachments dev`: what it says, what it survives, and whom it refuses.

use super::leftovers::{descendants, postmasters, wait_gone};
use super::reading::wait_stored;
use super::running_dev::{DEV, RunningDev};
use super::sandbox::{Process, Sandbox, eventually};
use crate::ground::byte_stream;
use crate::support::{ANY_PORT, get_request, line};
use attachments::dev::simulator::{self, Fixture, Media, Simulator};
use attachments::proto::{
    BatchRegisterAttachmentsRequest, ListChannelsRequest, RegisterAttachmentRequest,
    batch_register_attachments_response::result::Result as ItemResult,
};
use nix::sys::signal::Signal;
use sha2::{Digest as _, Sha256};
use std::os::unix::fs::PermissionsExt as _;
use tonic::Code;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dev_says_where_it_is_and_each_token_does_its_role() {
    let sandbox = Sandbox::new();
    let dev = RunningDev::start(&sandbox).await;

    for name in [
        "grpc",
        "http",
        "s3",
        "simulator",
        "database_url",
        "issuer",
        "audience",
        "tenant",
    ] {
        assert_ne!(dev.text(name), "", "{name}: {:#}", dev.ready);
    }
    assert_eq!(dev.text("http"), format!("http://{}", dev.text("grpc")));
    let mode = sandbox
        .path("ready.json")
        .metadata()
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600, "it holds tokens");
    sqlx::PgPool::connect(dev.text("database_url"))
        .await
        .unwrap();

    let unknown = || get_request("01890000-0000-7000-8000-000000000000".to_owned());
    let channels = ListChannelsRequest::default;
    let malformed = RegisterAttachmentRequest::default;
    // What a scope allows fails for another reason than the scope.
    for (role, may_register, may_read, may_administer) in [
        ("gateway", true, false, false),
        ("bff", false, true, false),
        ("agent", false, true, false),
        ("admin", true, true, true),
    ] {
        let (mut client, mut admin) = dev.clients(role);
        let registered = client.register_attachment(malformed()).await;
        let read = client.get_attachment(unknown()).await;
        let administered = admin.list_channels(channels()).await;
        let denied = |allowed, otherwise| {
            if allowed {
                otherwise
            } else {
                Code::PermissionDenied
            }
        };
        assert_eq!(
            code(registered),
            denied(may_register, Code::InvalidArgument),
            "{role}"
        );
        assert_eq!(code(read), denied(may_read, Code::NotFound), "{role}");
        assert_eq!(
            code(administered),
            denied(may_administer, Code::Ok),
            "{role}"
        );
    }

    let family = descendants(dev.process.pid());
    dev.process.signal(Signal::SIGTERM);
    let finished = dev.process.finish().await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(
        finished.stdout.contains("grpcurl -plaintext"),
        "{finished:?}"
    );
    wait_gone(&family).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_dev_stored_survives_kill_9() {
    let sandbox = Sandbox::new();
    let mut dev = RunningDev::start(&sandbox).await;
    let sent = dev.put_line_message("1001", r#"{"fixture":"png"}"#).await;
    let (mut gateway, _) = dev.clients("gateway");
    let registered = gateway.register_attachment(on_line_dev("1001")).await;
    let id = registered
        .unwrap()
        .into_inner()
        .attachment
        .unwrap()
        .attachment_id;
    let (mut reader, _) = dev.clients("bff");
    let stored = wait_stored(&mut reader, &id).await;
    let logged = |process: &Process| process.stderr().contains("stored").then_some(());
    dev.process.wait_for("its log says so", logged).await;
    let log = dev.process.stderr();
    assert!(!log.contains('\x1b'), "colours in a file: {log}");
    let family = descendants(dev.process.pid());
    assert_eq!(postmasters(&family).len(), 1, "{family:#?}");

    dev.process.kill().await;
    wait_gone(&family).await;

    let dev = RunningDev::start(&sandbox).await;
    let (mut reader, _) = dev.clients("bff");
    let request = get_request(id.clone());
    let found = reader
        .get_attachment(request)
        .await
        .unwrap()
        .into_inner()
        .attachment
        .unwrap();
    // Its content may have been made since.
    assert_eq!(found.status(), stored.status());
    assert_eq!(found.storage_key, stored.storage_key);
    assert_eq!(found.checksum_sha256, stored.checksum_sha256);
    assert_eq!(
        hex::encode(Sha256::digest(
            byte_stream::whole(&mut reader, &id).await.unwrap()
        )),
        sent
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn downloads_in_flight_at_kill_9_are_done_by_the_next_run() {
    const FILES: usize = 20;
    let simulator = Simulator::start(simulator::Settings { listen: ANY_PORT })
        .await
        .unwrap();
    let mut sandbox = Sandbox::new();
    sandbox
        .set("ATTACHMENTS_LINE_CONTENT_URL", simulator.line_content_url())
        .set("ATTACHMENTS_LIMITS_INGEST_CONCURRENCY", FILES)
        .set("ATTACHMENTS_RETRY_LEASE", "2s")
        .set("ATTACHMENTS_RETRY_BASE", "20ms");
    let ids: Vec<_> = (0..FILES).map(|n| format!("30{n:02}")).collect();
    for id in &ids {
        // Stalls until the process dies, and comes whole after that.
        let file = Media::fixture_of_size(Fixture::Png, 100_000).unwrap();
        simulator.put_line_message(id, file.script(["stall", "ok"]).unwrap());
    }
    let dev = RunningDev::start(&sandbox).await;
    let (mut gateway, _) = dev.clients("gateway");
    let request = BatchRegisterAttachmentsRequest {
        requests: ids.iter().map(|id| on_line_dev(id)).collect(),
    };
    let results = gateway
        .batch_register_attachments(request)
        .await
        .unwrap()
        .into_inner()
        .results;
    let registered: Vec<_> = results
        .into_iter()
        .map(|result| match result.result {
            Some(ItemResult::Response(response)) => response.attachment.unwrap(),
            refused => panic!("{refused:?}"),
        })
        .collect();
    eventually("all are in flight", async || {
        simulator.requests_for("/content") == FILES
    })
    .await;

    dev.process.kill().await;
    let dev = RunningDev::start(&sandbox).await;

    let (mut reader, _) = dev.clients("bff");
    for attachment in &registered {
        let stored = wait_stored(&mut reader, &attachment.attachment_id).await;
        assert!(stored.attempt_count <= stored.max_attempts, "{stored:#?}");
        assert!(
            stored.attempt_count >= 2,
            "the one that was killed counts: {stored:#?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_dev_on_the_same_directory_is_refused() {
    let mut sandbox = Sandbox::new();
    // Without Postgres of its own, whose lock would keep it out as well.
    sandbox.set(
        "DATABASE_URL",
        crate::support::database::create_empty().await,
    );
    let dev = RunningDev::start(&sandbox).await;

    let arguments: Vec<_> = DEV
        .iter()
        .copied()
        .filter(|flag| !flag.contains("ready"))
        .collect();
    let second = sandbox.run(&arguments).await;

    assert_eq!(second.code, Some(78), "{second:?}");
    let line = "config: --data-dir: data is in use by another `attachments dev`\n";
    assert_eq!(second.stderr, line);
    let (mut reader, _) = dev.clients("bff");
    let still = reader.list_attachments(attachments::proto::ListAttachmentsRequest::default());
    still.await.unwrap();
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_and_nobody_is_told_ready() {
    let taken = std::net::TcpListener::bind(ANY_PORT).unwrap();
    let address = taken.local_addr().unwrap();
    let sandbox = Sandbox::new();
    sandbox.write("ready.json", "of an earlier run");
    let flag = format!("--listen={address}");
    let mut arguments = DEV.to_vec();
    arguments[1] = &flag;
    let finished = sandbox.run(&arguments).await;
    assert_eq!(finished.code, Some(78), "{finished:?}");
    let told = format!("config: --listen: {address} ");
    assert!(finished.stderr.starts_with(&told), "{finished:?}");
    assert!(!sandbox.path("ready.json").exists());
}

fn on_line_dev(id: &str) -> RegisterAttachmentRequest {
    RegisterAttachmentRequest {
        channel_id: "line-dev".to_owned(),
        ..line(id)
    }
}

fn code<T>(answer: Result<T, tonic::Status>) -> Code {
    answer.err().map_or(Code::Ok, |status| status.code())
}
