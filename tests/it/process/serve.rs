//! `attachments serve` and `healthcheck`: roles, readiness, health.

use super::reading::wait_stored;
use super::running_service::{Ground, Secrets, said};
use super::sandbox::eventually;
use crate::support::{ANY_PORT, database, get_request, line};
use attachments::dev::object_store::{Fault, Operation};
use attachments::dev::simulator::{Fixture, Media};
use attachments::proto::attachment::Status as AttachmentStatus;
use reqwest::StatusCode;
use std::net::TcpListener;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

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
    let pid = format!("{}-", worker.process.pid());
    assert!(
        workers.len() == 1 && workers[0].starts_with(&pid),
        "{workers:?}, not {pid}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serve_waits_for_its_tables_and_says_so() {
    let secrets = Secrets {
        s3: "the secret of the store".to_owned(),
        database_password: "any".to_owned(),
        signing_key: "a signing key of 32 characters or more".to_owned(),
        sealing_key: [7; 32],
    };
    let mut ground = Ground::with(&database::create_empty().await, &secrets).await;
    let service = ground.serve(&[]).await;

    let (status, body) = service.readyz().await.unwrap();
    assert_eq!(
        (status, &body["checks"]["database"]),
        (503, &"unavailable".into()),
        "{body}"
    );
    assert_eq!(body["checks"]["object_storage"], "ok", "{body}");
    assert_eq!(
        health(service.grpc.unwrap()).await,
        ServingStatus::NotServing
    );
    ground
        .sandbox
        .set("ATTACHMENTS_SERVER_ADMIN_LISTEN", service.admin);
    let unwell = ground.sandbox.run(&["healthcheck"]).await;
    assert_eq!(unwell.code, Some(1), "{unwell:?}");
    assert!(
        unwell.stderr.contains(r#""database":"unavailable""#),
        "{unwell:?}"
    );

    let migrated = ground.sandbox.run(&["migrate"]).await;
    assert_eq!(migrated.code, Some(0), "{migrated:?}");

    service.wait_ready().await;
    eventually("gRPC health follows", async || {
        health(service.grpc.unwrap()).await == ServingStatus::Serving
    })
    .await;
    let well = ground.sandbox.run(&["healthcheck"]).await;
    assert_eq!((well.code, well.stderr.as_str()), (Some(0), ""));
    // Work goes on as if the tables had always been there.
    ground
        .simulator
        .put_line_message("1001", Media::fixture(Fixture::Png));
    let mut client = service.client_with_line(&ground.token()).await;
    let registered = client
        .register_attachment(line("1001"))
        .await
        .unwrap()
        .into_inner();
    let id = registered.attachment.unwrap().attachment_id;
    wait_stored(&mut client, &id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_away_does_not_stop_registration() {
    let mut ground = Ground::new().await;
    let nobody = TcpListener::bind(ANY_PORT).unwrap().local_addr().unwrap();
    ground
        .sandbox
        .set("ATTACHMENTS_S3_ENDPOINT", format!("http://{nobody}"));
    ground
        .simulator
        .put_line_message("1001", Media::fixture(Fixture::Png));
    let service = ground.serve(&[]).await;

    let (status, body) = service.readyz().await.unwrap();
    assert_eq!(
        (status, &body["checks"]["object_storage"]),
        (200, &"unavailable".into()),
        "{body}"
    );
    let mut client = service.client_with_line(&ground.token()).await;
    let registered = client
        .register_attachment(line("1001"))
        .await
        .unwrap()
        .into_inner();
    let request = get_request(registered.attachment.unwrap().attachment_id);
    let found = client
        .get_attachment(request)
        .await
        .unwrap()
        .into_inner()
        .attachment
        .unwrap();
    assert_ne!(found.status(), AttachmentStatus::Stored);
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

async fn health(grpc: std::net::SocketAddr) -> ServingStatus {
    let channel = tonic::transport::Endpoint::from_shared(format!("http://{grpc}")).unwrap();
    let mut client = HealthClient::new(channel.connect_lazy());
    let request = HealthCheckRequest {
        service: "attachments.v1.AttachmentService".to_owned(),
    };
    client.check(request).await.unwrap().into_inner().status()
}
