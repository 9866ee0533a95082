//! Of all replicas one sweeps; another takes its place when its lease is over.

use super::{ask, run};
use crate::support::TestApp;
use attachments::config::Role;

/// Whoever it is of, the lease ends in two seconds.
const ANOTHERS: &str = "
update leases set holder = 'another', ends_at = now() + interval '2 seconds' where name = 'sweep'";
const HOLDER: &str = "select coalesce((select holder from leases where name = 'sweep'), '')";
/// Something to sweep.
const OLD_TOMBSTONE: &str = "
insert into tombstones (tenant_id, channel_id, media_id, cause, created_at)
values ('acme', 'line', 'old', 'SOURCE_DELETED', now() - interval '31 days')";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_replica_sweeps_and_the_next_one_when_it_has_gone() {
    let app = TestApp::start().await;
    app.eventually("one to sweep", || async {
        !ask::<String>(&app, HOLDER).await.is_empty()
    })
    .await;
    let first: String = ask(&app, HOLDER).await;
    let another = app.another(Role::Api).await;
    run(&app, OLD_TOMBSTONE).await;
    app.eventually("it to be swept", || async {
        ask::<i64>(&app, "select count(*) from tombstones").await == 0
    })
    .await;
    assert_eq!(ask::<String>(&app, HOLDER).await, first);
    // Which stops: its lease is given back, and the other has it at once.
    let TestApp {
        app: service, pool, ..
    } = app;
    service.shutdown().await;
    let holder = || async {
        let holder: String = sqlx::query_scalar(HOLDER).fetch_one(&pool).await.unwrap();
        holder
    };
    let deadline = std::time::Instant::now() + crate::support::PATIENCE;
    while [String::new(), first.clone()].contains(&holder().await) {
        assert!(std::time::Instant::now() < deadline, "nobody sweeps");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    another.shutdown().await;
    assert_eq!(holder().await, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_swept_while_another_holds_the_lease() {
    let app = TestApp::start().await;
    app.eventually("one to sweep", || async { run(&app, ANOTHERS).await == 1 })
        .await;
    // One may have been in the middle of a pass.
    app.eventually("the lease to be another's", || async {
        run(&app, ANOTHERS).await;
        ask::<String>(&app, HOLDER).await == "another"
    })
    .await;
    let ends: time::OffsetDateTime = ask(&app, "select ends_at from leases").await;
    app.eventually("the lease to be over", || async {
        ask::<String>(&app, HOLDER).await != "another"
    })
    .await;
    assert!(ask::<time::OffsetDateTime>(&app, "select now()").await >= ends);
}
