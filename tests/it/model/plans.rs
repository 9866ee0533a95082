//! A worker stays quick when what is waiting is not what the database's
//! statistics tell of it.

use crate::support::{TestApp, line};
use attachments::config::Human;
use attachments::proto::attachment::Status;
use std::time::Duration;

/// Due, and nobody's to claim: the statistics know of nothing else.
const DUE: &str = "
insert into work (tenant_id, attachment_id, kind, ready, max_attempts, attempt_count, due_at)
select 'acme', gen_random_uuid(), 'ingest', false, 5, 5, now() - interval '1 hour'
from generate_series(1, 20)";

/// As an outage leaves it: put off, all of it. In small bites, for whoever looks
/// for what is due next meanwhile passes over each row that is not committed.
const PUT_OFF: &str = "
insert into work (tenant_id, attachment_id, kind, ready, max_attempts, due_at)
select 'acme', gen_random_uuid(), 'ingest', false, 5, now() + interval '1 hour'
from generate_series(1, 500)";

/// Times that `work_ready` was looked into, as a claim does, and rows that were
/// read by `work_waiting`.
async fn reads(app: &TestApp) -> (i64, i64) {
    sqlx::query_as(
        "select max(idx_scan) filter (where indexrelname = 'work_ready'),
            max(idx_tup_read) filter (where indexrelname = 'work_waiting')
         from pg_stat_user_indexes",
    )
    .fetch_one(&app.pool)
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_does_not_look_through_what_an_outage_put_off() {
    let app = TestApp::start_with(|config| {
        // Which would end those that are used up.
        config.retention.sweep_interval = Human(Duration::from_hours(1));
    })
    .await;
    for statement in [DUE, "analyze work"].into_iter().chain([PUT_OFF; 100]) {
        sqlx::query(statement).execute(&app.pool).await.unwrap();
    }
    app.line_plays("1001", &[]);
    let (scans, rows) = reads(&app).await;
    assert_eq!(app.ingest(line("1001")).await.status(), Status::Stored);
    // A session tells of both at once, some time after the statement.
    app.eventually("a claim to be counted", async || {
        reads(&app).await.0 > scans + 3
    })
    .await;
    let read = reads(&app).await.1 - rows;
    assert!(read < 50_000, "{read} rows were looked through");
}

/// A tenant each, as an outage of their provider leaves them; in small bites too.
const WAITING_TENANTS: &str = "
insert into work (tenant_id, attachment_id, kind, ready, max_attempts, due_at)
select gen_random_uuid(), gen_random_uuid(), 'ingest', false, 5, now() + interval '1 hour'
from generate_series(1, 200)";

/// Index entries of work that were read.
async fn entries_read(app: &TestApp) -> i64 {
    sqlx::query_scalar(
        "select sum(idx_tup_read)::bigint from pg_stat_user_indexes where relname = 'work'",
    )
    .fetch_one(&app.pool)
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_costs_nothing_for_tenants_that_wait() {
    let app = TestApp::start().await;
    for statement in [WAITING_TENANTS; 50] {
        sqlx::query(statement).execute(&app.pool).await.unwrap();
    }
    app.line_plays("1001", &[]);
    let before = entries_read(&app).await;
    assert_eq!(app.ingest(line("1001")).await.status(), Status::Stored);
    app.eventually("the claim to be counted", async || {
        entries_read(&app).await > before
    })
    .await;
    let read = entries_read(&app).await - before;
    assert!(read < 5_000, "{read} entries were read");
}
