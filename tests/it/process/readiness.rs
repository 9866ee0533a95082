//! `/readyz` and gRPC health: what the service uses, tried.

use super::pooler::{Pooler, Startup};
use super::reading::wait_stored;
use super::running_service::{Ground, RunningService, said};
use super::sandbox::eventually;
use crate::support::{ANY_PORT, database, get_request, line};
use attachments::dev::object_store::Fault;
use attachments::dev::simulator::{Fixture, Media};
use attachments::proto::attachment::Status as AttachmentStatus;
use reqwest::StatusCode;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use std::fs;
use std::net::TcpListener;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// Waits until `/readyz` answers this, with this of a dependency.
async fn wait_for(service: &RunningService, code: u16, name: &str, condition: &str) -> Value {
    let is_so =
        |(status, body): &(u16, Value)| *status == code && body["checks"][name] == condition;
    let look = async || service.readyz().await.filter(is_so);
    eventually(&format!("{code} and {name} {condition}"), async || {
        look().await.is_some()
    })
    .await;
    // It may have been the last look that showed it.
    look().await.map_or(Value::Null, |(_, body)| body)
}

async fn execute(url: &str, statement: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
        .execute(&mut connection)
        .await
        .unwrap();
}

/// The name of the database in its URL.
fn name(url: &str) -> &str {
    url.split(['/', '?']).nth(3).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serve_waits_for_its_tables_and_says_so() {
    let mut ground = Ground::on(&database::create_empty().await).await;
    let service = ground.serve(&[]).await;

    let body = wait_for(&service, 503, "migrations", "unavailable").await;
    assert_eq!(body["status"], "unavailable", "{body}");
    assert_eq!(body["checks"]["database"], "ok", "{body}");
    assert_eq!(body["checks"]["object_storage"], "ok", "{body}");
    assert_eq!(health(&service).await, ServingStatus::NotServing);
    ground
        .sandbox
        .set("ATTACHMENTS_SERVER_ADMIN_LISTEN", service.admin);
    let unwell = ground.sandbox.run(&["healthcheck"]).await;
    assert_eq!(unwell.code, Some(1), "{unwell:?}");
    assert!(
        unwell.stderr.contains(r#""migrations":"unavailable""#),
        "{unwell:?}"
    );

    let migrated = ground.sandbox.run(&["migrate"]).await;
    assert_eq!(migrated.code, Some(0), "{migrated:?}");

    let body = wait_for(&service, 200, "migrations", "ok").await;
    assert_eq!(body["status"], "ok", "{body}");
    eventually("gRPC health follows", async || {
        health(&service).await == ServingStatus::Serving
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
async fn tables_of_an_older_version_are_not_ready() {
    let url = database::create().await;
    let last = "delete from _sqlx_migrations
        where version = (select max(version) from _sqlx_migrations)";
    execute(&url, last).await;
    let ground = Ground::on(&url).await;
    let service = ground.serve(&["--role=worker"]).await;
    wait_for(&service, 503, "migrations", "unavailable").await;
    assert!(
        service
            .process
            .stderr()
            .contains("run `attachments migrate`"),
        "{}",
        service.process.stderr()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_may_not_write_is_not_ready() {
    let url = database::create().await;
    let role = format!("reader_{}", name(&url));
    execute(
        &url,
        &format!(
            "create role {role} login; grant select on all tables in schema public to {role};
             grant insert, update, delete on attachments, attempts, events, removals to {role}"
        ),
    )
    .await;
    let mut ground = Ground::on(&url).await;
    let database_url = url.replace("postgres@", &format!("{role}@"));
    ground.sandbox.set("DATABASE_URL", database_url);
    let service = ground.serve(&["--role=api"]).await;
    wait_for(&service, 503, "migrations", "unavailable").await;
    assert!(
        service.process.stderr().contains("lacks insert on work"),
        "{}",
        service.process.stderr()
    );
}

/// A store that never was there is a fault of the configuration; one that
/// becomes unavailable later is so for all replicas, and registration does without it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_goes_away_later_does_not_stop_registration() {
    let mut ground = Ground::new().await;
    ground
        .simulator
        .put_line_message("1001", Media::fixture(Fixture::Png));
    let service = ground.serve(&[]).await;
    service.wait_ready().await;
    let full = Fault::Status(StatusCode::SERVICE_UNAVAILABLE);
    ground.store.faults().inject(None, usize::MAX, full);

    let body = wait_for(&service, 200, "object_storage", "unavailable").await;
    assert_eq!(
        (&body["status"], &body["ok"]),
        (&"degraded".into(), &true.into()),
        "{body}"
    );
    assert_eq!(health(&service).await, ServingStatus::Serving);
    let mut client = service.client_with_line(&ground.token()).await;
    let registered = client
        .register_attachment(line("1001"))
        .await
        .unwrap()
        .into_inner();
    let request = get_request(registered.attachment.unwrap().attachment_id);
    let found = client.get_attachment(request).await.unwrap().into_inner();
    let found = found.attachment.unwrap();
    assert_ne!(found.status(), AttachmentStatus::Stored);
    ground.store.faults().clear();
    let body = wait_for(&service, 200, "object_storage", "ok").await;
    assert_eq!(body["status"], "ok", "{body}");
    assert!(said(&service.process, "a dependency works again").is_some());

    let nobody = TcpListener::bind(ANY_PORT).unwrap().local_addr().unwrap();
    ground
        .sandbox
        .set("ATTACHMENTS_S3_ENDPOINT", format!("http://{nobody}"));
    let newcomer = ground.serve(&["--role=api"]).await;
    wait_for(&newcomer, 503, "object_storage", "unavailable").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_only_reads_is_found_out() {
    let url = database::create().await;
    let only_reads = |on: &str| {
        let name = name(&url);
        format!(
            "begin read write;
             alter database {name} set default_transaction_read_only = {on};
             commit;
             select pg_terminate_backend(pid) from pg_stat_activity
             where datname = '{name}' and pid <> pg_backend_pid()"
        )
    };
    let ground = Ground::on(&url).await;
    let service = ground.serve(&["--role=api"]).await;
    service.wait_ready().await;

    execute(&url, &only_reads("on")).await;
    let body = wait_for(&service, 200, "database", "unavailable").await;
    assert_eq!(body["status"], "degraded", "{body}");
    assert_eq!(health(&service).await, ServingStatus::Serving);
    eventually("the log says so", async || {
        service.process.stderr().contains("this server only reads")
    })
    .await;
    // A replica that comes up now has never been of use.
    let newcomer = ground.serve(&["--role=api"]).await;
    wait_for(&newcomer, 503, "database", "unavailable").await;
    assert_eq!(health(&newcomer).await, ServingStatus::NotServing);

    execute(&url, &only_reads("off")).await;
    wait_for(&service, 200, "database", "ok").await;
    newcomer.wait_ready().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_mixes_up_prepared_statements_is_found_out() {
    let url = database::create().await;
    let pooler = Pooler::start(&url, Startup::Ignored).await;
    let mut ground = Ground::on(&url).await;
    ground.sandbox.set(
        "DATABASE_URL",
        format!("postgres://postgres@{}/{}", pooler.address, name(&url)),
    );
    let service = ground.serve(&["--role=api"]).await;
    wait_for(&service, 503, "database", "unavailable").await;
    let log = service.process.stderr();
    assert!(log.contains("mixes up prepared statements"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spool_that_is_not_there_is_a_fault_of_the_workers_own() {
    let mut ground = Ground::new().await;
    let spool = ground.sandbox.path("spool");
    ground
        .sandbox
        .set("ATTACHMENTS_LIMITS_SPOOL_DIR", spool.display());
    let service = ground.serve(&[]).await;
    let body = wait_for(&service, 503, "spool", "unavailable").await;
    assert_eq!(body["checks"]["database"], "ok", "{body}");
    let log = service.process.stderr();
    assert!(log.contains(&spool.display().to_string()), "{log}");
    fs::create_dir(&spool).unwrap();
    service.wait_ready().await;
    // Another replica's may be there, so this one takes no calls meanwhile.
    fs::remove_dir(&spool).unwrap();
    wait_for(&service, 503, "spool", "unavailable").await;
    eventually("gRPC health follows", async || {
        health(&service).await == ServingStatus::NotServing
    })
    .await;
    // An API spools nothing.
    let api = ground.serve(&["--role=api"]).await;
    api.wait_ready().await;
    let (_, body) = api.readyz().await.unwrap();
    assert_eq!(body["checks"]["spool"], Value::Null, "{body}");
}

async fn health(service: &RunningService) -> ServingStatus {
    let grpc = service.grpc.unwrap();
    let channel = tonic::transport::Endpoint::from_shared(format!("http://{grpc}")).unwrap();
    let mut client = HealthClient::new(channel.connect_lazy());
    let request = HealthCheckRequest {
        service: "attachments.v1.AttachmentService".to_owned(),
    };
    client.check(request).await.unwrap().into_inner().status()
}
