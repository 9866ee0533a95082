//! What `/metrics` tells of the queue. In a process of its own: metrics are
//! the process's, and the other tests share one.

use super::running_service::Ground;
use super::sandbox::eventually;
use attachments::dev::object_store::{Fault, Operation};
use reqwest::StatusCode;

/// Open attachments of a tenant without a channel, that only workers would touch.
const WORK: &str = "
with opened as (
    insert into attachments (tenant_id, id, channel_id, media_id, part, source, message_id,
        file_name, declared_content_type, retention, status, max_attempts)
    select 'acme', gen_random_uuid(), 'line-main', n::text, '', '{\"kind\":\"line\"}', 'm', '', '',
        'durable', 'open', 5 from generate_series(1, 5) as n
    returning id, media_id
)
insert into work (attachment_id, tenant_id, max_attempts, due_at, leased_by, started_at)
select id, 'acme', 5, case when media_id > '3' then now() + interval '1 hour'
        else now() - interval '2 hours' end,
    case when media_id > '3' then 'somebody' end, case when media_id > '3' then now() end
from opened";

/// More than a pass takes on while the store is away, and one that was tried often.
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
    let away = Fault::Status(StatusCode::SERVICE_UNAVAILABLE);
    let faults = ground.store.faults();
    faults.inject(Operation::Delete, usize::MAX, away);
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
