//! Whatever goes wrong, its cause is in the log, with where it was, what to do
//! and whose call or attempt it was; and no secret is.

use super::pooler::{Pooler, Startup};
use super::running_service::{Ground, RunningService};
use super::sandbox::eventually;
use crate::support::{ANY_PORT, TENANT, database, line};
use attachments::dev::simulator::{Fixture, Media};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use std::net::TcpListener;
use tonic::{Code, Request};

/// The password of [`Ground::on`] is too short to be looked for.
const PASSWORD: &str = "canary-of-a-password";

/// All lines of the log so far.
fn log(service: &RunningService) -> Vec<Value> {
    let log = service.process.stderr();
    log.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// The first line that `is_it`, as soon as there is one.
async fn logged(service: &RunningService, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
    let find = || log(service).into_iter().find(&is_it);
    eventually(what, async || find().is_some()).await;
    find().unwrap()
}

/// What is told of this dependency.
async fn told_of(service: &RunningService, dependency: &str) -> Value {
    logged(service, dependency, |line| {
        line["message"] == "a dependency does not work" && line["dependency.name"] == dependency
    })
    .await
}

fn assert_told(line: &Value, causes: &[&str]) {
    let error = line["error"].as_str().unwrap_or_default();
    for cause in causes {
        assert!(error.contains(cause), "{cause}: {line}");
    }
}

/// `url` with another user.
fn as_user(url: &str, user: &str) -> String {
    url.replace("postgres@", &format!("{user}:{PASSWORD}@"))
}

async fn execute(url: &str, statement: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
        .execute(&mut connection)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_does_not_do_is_told_with_code_place_and_cure() {
    let url = database::create().await;
    let name = url.split(['/', '?']).nth(3).unwrap().to_owned();
    let crowded = format!("crowded_{name}");
    execute(
        &url,
        &format!("create role {crowded} login connection limit 0"),
    )
    .await;
    let pooler = Pooler::start(&url, Startup::Refused).await;
    let nobody = TcpListener::bind(ANY_PORT).unwrap().local_addr().unwrap();
    let mut ground = Ground::on(&url).await;
    for (database_url, address, dependency, causes) in [
        (
            as_user(&url, "no_such_role"),
            name.as_str(),
            "database",
            &[
                "role \"no_such_role\" does not exist",
                "SQLSTATE 28000",
                "pg_hba.conf",
            ][..],
        ),
        (
            as_user(&url, "postgres").replace(&name, "no_such_database"),
            "no_such_database",
            "database",
            &[
                "database \"no_such_database\" does not exist",
                "SQLSTATE 3D000",
                "create the database",
            ],
        ),
        (
            as_user(&url, &crowded),
            name.as_str(),
            "database",
            &[
                "too many connections",
                "SQLSTATE 53300",
                "database.max_connections",
            ],
        ),
        (
            format!("postgres://me:{PASSWORD}@{}/{name}", pooler.address),
            &format!("{}/{name}", pooler.address),
            "database",
            &[
                "unsupported startup parameter: options",
                "SQLSTATE 08P01",
                "ignore_startup_parameters",
            ],
        ),
        (
            format!("postgres://me:{PASSWORD}@{nobody}/{name}"),
            &format!("{nobody}/{name}"),
            "database",
            &["the database is not available", "Connection refused"],
        ),
        (
            as_user(&database::create_empty().await, "postgres"),
            "empty_",
            "migrations",
            &[
                "_sqlx_migrations",
                "SQLSTATE 42P01",
                "run `attachments migrate`",
            ],
        ),
    ] {
        ground.sandbox.set("DATABASE_URL", &database_url);
        let service = ground.serve(&["--role=worker"]).await;
        let line = told_of(&service, dependency).await;
        assert_told(&line, causes);
        let told = line["dependency.address"].as_str().unwrap();
        assert!(told.contains(address), "{line}");
        let log = service.process.stderr();
        assert!(!log.contains(PASSWORD), "{log}");

        // A command that needs the database tells the same.
        if dependency == "database" {
            let finished = ground.sandbox.run(&["redrive", "--tenant=acme"]).await;
            assert_eq!(finished.code, Some(1), "{finished:?}");
            assert_eq!(finished.stderr.lines().count(), 1, "{finished:?}");
            let finished = ground.sandbox.run(&["migrate"]).await;
            assert_eq!(finished.code, Some(1), "{finished:?}");
            assert!(finished.stderr.contains(address), "{finished:?}");
            for cause in causes {
                assert!(
                    cause.starts_with("the database") || finished.stderr.contains(cause),
                    "{cause}: {finished:?}"
                );
            }
            assert!(!finished.stderr.contains(PASSWORD), "{finished:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_not_there_is_told_with_place_and_cause() {
    let mut ground = Ground::new().await;
    let nobody = TcpListener::bind(ANY_PORT).unwrap().local_addr().unwrap();
    let there = format!("http://{}", ground.store.local_addr());
    for (endpoint, bucket, causes) in [
        (
            format!("http://{nobody}"),
            "bucket",
            &["dispatch failure", "Connection refused"][..],
        ),
        (
            there,
            "nowhere",
            &["bucket nowhere", "there is no such bucket"],
        ),
    ] {
        ground
            .sandbox
            .set("ATTACHMENTS_S3_ENDPOINT", &endpoint)
            .set("ATTACHMENTS_S3_BUCKET", bucket);
        let service = ground.serve(&["--role=api"]).await;
        let line = told_of(&service, "object_storage").await;
        assert_told(&line, causes);
        assert_eq!(line["dependency.address"], endpoint);
        let log = service.process.stderr();
        assert!(!log.contains("the secret of the store"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_names_the_call_it_happened_in() {
    let mut ground = Ground::on(&database::create_empty().await).await;
    // Whatever is filtered, an error does not lose its call.
    ground
        .sandbox
        .set("ATTACHMENTS_TELEMETRY_LOG_FILTER", "error,attachments=info");
    let service = ground.serve(&["--role=api"]).await;
    let (mut client, _) = service.clients(&ground.token());
    let mut call = Request::new(line("1001"));
    call.metadata_mut()
        .insert("x-request-id", "request-of-the-gateway".parse().unwrap());
    let refused = client.register_attachment(call).await.unwrap_err();
    assert_eq!(refused.code(), Code::Internal, "{refused}");
    let unnamed = client.register_attachment(line("1002")).await.unwrap_err();
    assert_eq!(unnamed.code(), Code::Internal, "{unnamed}");

    let failed = |line: &Value| line["message"] == "the database failed";
    let line = logged(&service, "the failure", |line| failed(line)).await;
    assert_told(&line, &["SQLSTATE 42P01", "run `attachments migrate`"]);
    let span = &line["span"];
    assert_eq!(
        span["rpc.method"],
        "attachments.v1.AttachmentService/RegisterAttachment"
    );
    assert_eq!(span["tenant.id"], TENANT);
    assert_eq!(span["request.id"], "request-of-the-gateway");
    // Whoever gives its request no name finds it under one of its own.
    let other = logged(&service, "the other failure", |line| {
        failed(line) && line["span"]["request.id"] != "request-of-the-gateway"
    })
    .await;
    let id = other["span"]["request.id"].as_str().unwrap();
    assert_eq!(id.parse::<uuid::Uuid>().unwrap().get_version_num(), 7);
    // A refusal is a call too, of nobody's.
    let (mut stranger, _) = service.clients("no.good.token");
    let request = crate::support::line("1003");
    stranger.register_attachment(request).await.unwrap_err();
    let refusal = logged(&service, "the refusal", |line| {
        line["message"] == "token refused"
    })
    .await;
    assert_eq!(refusal["span"]["tenant.id"], Value::Null, "{refusal}");
    assert!(refusal["span"]["request.id"].is_string(), "{refusal}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_names_the_attempt_it_happened_in_and_its_worker() {
    let mut ground = Ground::new().await;
    let nobody = TcpListener::bind(ANY_PORT).unwrap().local_addr().unwrap();
    ground
        .sandbox
        .set("ATTACHMENTS_S3_ENDPOINT", format!("http://{nobody}"));
    ground
        .simulator
        .put_line_message("1001", Media::fixture(Fixture::Png));
    let service = ground.serve(&[]).await;
    let mut client = service.client_with_line(&ground.token()).await;
    let registered = client.register_attachment(line("1001")).await.unwrap();
    let id = registered.into_inner().attachment.unwrap().attachment_id;

    let line = logged(&service, "the attempt fails", |line| {
        line["message"] == "object storage failed" && line["s3.operation"] == "put"
    })
    .await;
    assert_told(&line, &["dispatch failure", "Connection refused"]);
    let span = &line["span"];
    assert_eq!(span["attachment.id"], id, "{line}");
    assert_eq!(span["tenant.id"], TENANT, "{line}");
    let serving = logged(&service, "serving", |line| line["message"] == "serving").await;
    assert_eq!(span["worker.name"], serving["worker.name"], "{line}");
}
