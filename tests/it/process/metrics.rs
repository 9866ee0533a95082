//! What `/metrics` tells of the queue. In a process of its own: metrics are
//! the process's, and the other tests share one.

use super::running_service::{Ground, RunningService};
use super::sandbox::eventually;
use crate::support::line;
use attachments::dev::client::Attachments;
use attachments::dev::object_store::{Fault, Operation};
use attachments::dev::simulator::{Fixture, Media};
use attachments::proto::WatchAttachmentsRequest;
use reqwest::StatusCode;

/// Open attachments of a tenant without a channel, that only workers would touch.
const WORK: &str = "
with opened as (
    insert into attachments (tenant_id, id, channel_id, media_id, part, occurrence, source,
        message_id, file_name, declared_content_type, retention, status, max_attempts)
    select 'acme', gen_random_uuid(), 'line-main', n::text, '', '', '{\"kind\":\"line\"}', 'm', '', '',
        'durable', 'open', 5 from generate_series(1, 5) as n
    returning id, media_id
)
insert into work (attachment_id, tenant_id, kind, max_attempts, ready, due_at, leased_by, started_at)
select id, 'acme', 'ingest', 5, media_id <= '3', case when media_id > '3' then now() + interval '1 hour'
        else now() - interval '2 hours' end,
    case when media_id > '3' then 'somebody' end, case when media_id > '3' then now() end
from opened";

/// More than a pass takes on while the store is unavailable, and one that was tried often.
const REMOVALS: &str = "
insert into removals (storage_key, tenant_id, due_at, attempt_count)
select 'attachments/durable/acme/m/x/' || n, 'acme',
    case when n = 0 then now() + interval '1 hour' else now() - interval '2 hours' end,
    case when n = 0 then 5 else 0 end
from generate_series(0, 5000) as n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_backlog_shows_in_the_metrics() {
    let mut ground = Ground::new().await;
    ground
        .sandbox
        .set("ATTACHMENTS_RETENTION_SWEEP_INTERVAL", "1s");
    let pool = sqlx::PgPool::connect(&ground.database_url).await.unwrap();
    for statement in [WORK, REMOVALS] {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    let unavailable = Fault::Status(StatusCode::SERVICE_UNAVAILABLE);
    let faults = ground.store.faults();
    faults.inject(Operation::Delete, usize::MAX, unavailable);
    let service = ground.serve(&["--role=api"]).await;
    eventually("the sweeper has passed", || async {
        service.metric("attachments_due_work").await.is_some()
    })
    .await;
    for (name, value) in [
        ("attachments_due_work", 3.0),
        ("attachments_running_attempts", 2.0),
        ("attachments_failing_removals", 1.0),
    ] {
        assert_eq!(service.metric(name).await, Some(value), "{name}");
    }
    for (name, least) in [
        ("attachments_oldest_due_seconds", 7200.0),
        ("attachments_due_removals", 1.0),
        ("attachments_oldest_removal_seconds", 7200.0),
    ] {
        assert!(service.metric(name).await >= Some(least), "{name}");
    }
}

const STORED: &str = r#"attachments_attempts_total{outcome="stored",reason=""}"#;
const FAILED: &str = r#"attachments_attempts_total{outcome="retry",reason="SOURCE_UNAVAILABLE"}"#;
const REFUSED: &str = r#"attachments_attempts_total{outcome="ended",reason="SOURCE_AUTH_FAILED"}"#;
const CIRCUITS: &str =
    r#"attachments_credential_circuits_opened_total{reason="SOURCE_AUTH_FAILED"}"#;
const REQUEUED: &str = r#"attachments_swept_total{what="requeued"}"#;
const EXHAUSTED: &str = r#"attachments_swept_total{what="exhausted"}"#;
const SPOOL_FAILURES: &str = "attachments_spool_failures_total";
const SPOOL_TAKEN: &str = "attachments_spool_taken_bytes";
const OUTAGE: &str = "attachments_storage_outage";

/// A worker died with its last attempt at the first of these, and the second
/// has lost its work.
const ACCIDENTS: &str = "
with opened as (
    insert into attachments (tenant_id, id, channel_id, media_id, part, occurrence, source,
        message_id, file_name, declared_content_type, retention, status, max_attempts, created_at)
    select 'acme', gen_random_uuid(), 'nobody', n, '', '', '{\"kind\":\"line\"}', 'm', '', '',
        'durable', 'open', 5, now() - interval '1 hour' from unnest(array['dead', 'lost']) as n
    returning id, media_id
)
insert into work (attachment_id, tenant_id, kind, attempt_count, max_attempts, due_at)
select id, 'acme', 'ingest', 5, 5, now() from opened where media_id = 'dead'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_alarm_watches_begins_at_nothing_and_moves() {
    let mut ground = Ground::new().await;
    let disk = tempfile::tempdir().unwrap();
    let spool = disk.path().join("spool");
    std::fs::create_dir(&spool).unwrap();
    ground
        .sandbox
        .set("ATTACHMENTS_RETENTION_SWEEP_INTERVAL", "200ms")
        .set("ATTACHMENTS_RETENTION_LOST_AFTER", "1s")
        .set("ATTACHMENTS_RETRY_BASE", "100ms")
        .set("ATTACHMENTS_RETRY_CAP", "200ms")
        .set("ATTACHMENTS_LIMITS_SPOOL_MEMORY_BYTES", "10000")
        .set("ATTACHMENTS_LIMITS_SPOOL_DIR", spool.display())
        .set("ATTACHMENTS_EGRESS_IDLE_TIMEOUT", "120s");
    let large = Media::fixture_of_size(Fixture::Png, 900_000).unwrap();
    for (id, media, script) in [
        ("fails", Media::fixture(Fixture::Png), "503"),
        ("stored", Media::fixture(Fixture::Png), "ok"),
        ("late", Media::fixture(Fixture::Png), "ok"),
        ("large", large.clone(), "stall:800000"),
        ("diskless", large, "ok"),
        ("refused", Media::fixture(Fixture::Png), "401"),
        ("refused-2", Media::fixture(Fixture::Png), "401"),
        ("refused-3", Media::fixture(Fixture::Png), "401"),
    ] {
        let media = media.script([script]).unwrap();
        ground.simulator.put_line_message(id, media);
    }
    let service = ground.serve(&[]).await;
    service.wait_ready().await;
    reaches(&service, REQUEUED, 0.0).await;
    for name in [STORED, FAILED, REFUSED, CIRCUITS, EXHAUSTED, SPOOL_FAILURES] {
        assert_eq!(service.metric(name).await, Some(0.0), "{name}");
    }
    let mut client = service.client_with_line(&ground.token()).await;
    let mut register = async |id: &str| {
        client.register_attachment(line(id)).await.unwrap();
    };

    register("stored").await;
    reaches(&service, STORED, 1.0).await;
    register("fails").await;
    reaches(&service, FAILED, 1.0).await;
    register("large").await;
    // As its bytes come, and not what it is announced with.
    eventually("room in the spool is taken", async || {
        let taken = service.metric(SPOOL_TAKEN).await;
        taken.is_some_and(|taken| (600_000.0..=800_000.0).contains(&taken))
    })
    .await;
    std::fs::remove_dir(&spool).unwrap();
    register("diskless").await;
    reaches(&service, SPOOL_FAILURES, 1.0).await;

    let unavailable = Fault::Status(StatusCode::SERVICE_UNAVAILABLE);
    ground.store.faults().inject(None, usize::MAX, unavailable);
    register("late").await;
    reaches(&service, OUTAGE, 1.0).await;
    ground.store.faults().clear();
    eventually("the store is back", async || {
        service.metric(OUTAGE).await == Some(0.0)
    })
    .await;

    for id in ["refused", "refused-2", "refused-3"] {
        register(id).await;
    }
    reaches(&service, REFUSED, 3.0).await;
    reaches(&service, CIRCUITS, 1.0).await;

    let pool = sqlx::PgPool::connect(&ground.database_url).await.unwrap();
    sqlx::query(ACCIDENTS).execute(&pool).await.unwrap();
    reaches(&service, EXHAUSTED, 1.0).await;
    reaches(&service, REQUEUED, 1.0).await;
}

const STREAMS: &str = "attachments_watch_streams";
const LAG: &str = "attachments_watch_lag_seconds";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watchers_are_counted_and_it_shows_when_they_are_held_up() {
    let ground = Ground::new().await;
    let service = ground.serve(&[]).await;
    service.wait_ready().await;
    for name in [STREAMS, LAG] {
        assert_eq!(service.metric(name).await, Some(0.0), "{name}");
    }
    let mut client = service.client_with_line(&ground.token()).await;
    let watch = async |client: &mut Attachments| {
        let request = WatchAttachmentsRequest::default();
        let stream = client.watch_attachments(request).await;
        stream.unwrap().into_inner()
    };
    let mut first = watch(&mut client).await;
    let second = watch(&mut client).await;
    assert_eq!(service.metric(STREAMS).await, Some(2.0));
    drop(second);
    let fell = async || service.metric(STREAMS).await == Some(1.0);
    eventually("one has left", fell).await;

    // A transaction that began before a change, and stays open.
    let pool = sqlx::PgPool::connect(&ground.database_url).await.unwrap();
    let mut open = pool.begin().await.unwrap();
    let began = sqlx::query("select pg_current_xact_id()");
    began.execute(&mut *open).await.unwrap();
    // By itself it is no harm.
    assert!(service.metric(LAG).await < Some(1.0));
    client.register_attachment(line("held-up")).await.unwrap();
    reaches(&service, LAG, 1.0).await;
    open.commit().await.unwrap();
    let told = first.message().await.unwrap().unwrap();
    assert_eq!(told.attachment.unwrap().message_id, "held-up");
    let gone = async || service.metric(LAG).await < Some(1.0);
    eventually("nobody is held up", gone).await;
}

/// Waits until a metric is at least this.
async fn reaches(service: &RunningService, name: &str, least: f64) {
    eventually(name, async || service.metric(name).await >= Some(least)).await;
}
