//! `attachments serve` and `healthcheck`: roles, and what is told at the start.

use super::reading::wait_stored;
use super::running_service::{Ground, RunningService, said};
use super::sandbox::eventually;
use crate::support::{ANY_PORT, line};
use attachments::dev::object_store::{Fault, Operation};
use attachments::dev::simulator::{Fixture, Media};
use reqwest::StatusCode;
use std::net::TcpListener;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_takes_in_and_the_worker_downloads() {
    let ground = Ground::new().await;
    ground
        .simulator
        .put_line_message("1001", Media::fixture(Fixture::Png));
    let api = ground.serve(&["--role=api"]).await;
    let mut client = api.client_with_line(&ground.token()).await;
    let registered = client
        .register_attachment(line("1001"))
        .await
        .unwrap()
        .into_inner();
    let id = registered.attachment.unwrap().attachment_id;

    // A worker that bound its gRPC address would fail: it is taken.
    let taken = TcpListener::bind(ANY_PORT).unwrap();
    let listen = format!("--listen={}", taken.local_addr().unwrap());
    let worker = ground.serve(&["--role=worker", &listen]).await;
    assert_eq!(worker.grpc, None);
    worker.wait_ready().await;

    wait_stored(&mut client, &id).await;
    let pool = sqlx::PgPool::connect(&ground.database_url).await.unwrap();
    let workers: Vec<String> = sqlx::query_scalar("select worker from attempts")
        .fetch_all(&pool)
        .await
        .unwrap();
    // By its name the attempt leads to the process, and that to its host.
    let name = |service: &RunningService| {
        said(&service.process, "serving").unwrap()["worker.name"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(workers, [name(&worker)]);
    assert_ne!(name(&worker), name(&api));
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    for service in [&worker, &api] {
        let prefix = format!("{}-", host.trim());
        assert!(name(service).starts_with(&prefix), "{}", name(service));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_takes_no_rules_is_its_owners_to_mend() {
    let ground = Ground::new().await;
    let unable = Fault::Status(StatusCode::NOT_IMPLEMENTED);
    ground
        .store
        .faults()
        .inject(Operation::GetLifecycle, usize::MAX, unable);
    let service = ground.serve(&["--role", "worker"]).await;
    let warnings = || {
        let log = service.process.stderr();
        let warnings = log.lines().filter(|line| line.contains("WARN"));
        let warnings = warnings.filter(|line| line.contains("lifecycle"));
        warnings.map(str::to_owned).collect::<Vec<_>>()
    };
    eventually("it says so", async || !warnings().is_empty()).await;
    let [warning] = &warnings()[..] else {
        panic!("{:#?}", warnings());
    };
    for told in [
        "attachments/ephemeral/",
        "incomplete multipart uploads under attachments/",
        "s3.manage_lifecycle = false",
    ] {
        assert!(warning.contains(told), "{warning}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_taken_is_named_with_its_flag() {
    let ground = Ground::new().await;
    let taken = TcpListener::bind(ANY_PORT).unwrap();
    let address = taken.local_addr().unwrap();
    for flag in ["--listen", "--admin-listen"] {
        let argument = format!("{flag}={address}");
        let finished = ground.sandbox.run(&["serve", &argument]).await;
        assert_eq!(finished.code, Some(1), "{finished:?}");
        let last = finished.stderr.lines().last().unwrap_or_default();
        assert!(last.starts_with(&address.to_string()), "{last}");
        assert!(last.contains(&format!("; {flag}, ")), "{last}");
        assert!(last.contains("in use"), "{last}");
    }
}

#[tokio::test]
async fn healthcheck_fails_where_nobody_listens() {
    let nobody = TcpListener::bind(ANY_PORT).unwrap().local_addr().unwrap();
    let sandbox = super::sandbox::Sandbox::new();
    let flag = format!("--admin-listen={nobody}");
    let finished = sandbox.run(&["healthcheck", &flag]).await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(
        finished.stderr.contains(&nobody.to_string()),
        "{finished:?}"
    );
    assert_eq!(finished.stderr.lines().count(), 1, "{finished:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serve_does_not_take_a_token_of_dev() {
    let ground = Ground::new().await;
    let service = ground.serve(&[]).await;
    // `token` finds the issuer's key in the directory, and calls it `dev`.
    let minted = ground.sandbox.run(&["token", "--data-dir=."]).await;
    assert_eq!(minted.code, Some(0), "{minted:?}");
    let (mut client, _) = service.clients(minted.stdout.trim());
    let refused = client.register_attachment(line("1001")).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unauthenticated);
    assert!(said(&service.process, "serving").is_some());
}
