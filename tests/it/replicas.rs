//! Several replicas on one database and one bucket.

use crate::support::{TestApp, line};
use attachments::config::{Human, Role};
use attachments::proto::attachment::Status as AttachmentStatus;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_hears_of_work_that_another_took_in() {
    let app = TestApp::start_with(|config| {
        // Nobody would find anything by looking, not even for a lease that ends.
        config.retry.lease = Human(Duration::from_hours(1));
        config.retry.poll_interval = Human(Duration::from_hours(1));
        config.egress.idle_timeout = Human(Duration::from_hours(1));
        config.egress.total_timeout = Human(Duration::from_hours(1));
        config.limits.ingest_concurrency = 1;
        config.limits.tenant_concurrency = 1;
    })
    .await;
    app.line_plays("slow", &["hang"]);
    app.begin(line("slow")).await;
    let idle = app.another(Role::Worker).await;
    app.eventually("it listens", || async {
        let listening: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity
             where datname = current_database() and query ilike 'listen %'",
        )
        .fetch_one(&app.pool)
        .await
        .unwrap();
        listening == 2
    })
    .await;

    app.line_plays("quick", &["ok"]);
    let stored = app.ingest(line("quick")).await;
    assert_eq!(stored.status(), AttachmentStatus::Stored);
    idle.shutdown().await;
}
