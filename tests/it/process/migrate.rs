//! `attachments migrate`.

use super::sandbox::Sandbox;
use crate::support::database;
use sqlx::{Connection as _, PgConnection};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_at_once_wait_for_each_other_as_long_as_it_takes() {
    let url = database::create_empty().await;
    let mut sandbox = Sandbox::new();
    // A migration is no request, and these limits are not for it.
    sandbox
        .set("DATABASE_URL", &url)
        .set("ATTACHMENTS_DATABASE_STATEMENT_TIMEOUT", "100ms")
        .set("ATTACHMENTS_DATABASE_ACQUIRE_TIMEOUT", "100ms");
    let mut other = PgConnection::connect(&url).await.unwrap();
    let mut observer = PgConnection::connect(&url).await.unwrap();
    // A table of the same name, not yet committed, holds up the first migration.
    let mut blocking = other.begin().await.unwrap();
    sqlx::query("create table attachments ()")
        .execute(&mut *blocking)
        .await
        .unwrap();

    let all: Vec<_> = (0..4).map(|_| sandbox.start(&["migrate"])).collect();
    // Longer than the lock time-out of requests.
    let waiting = "select count(*) from pg_stat_activity where datname = current_database()
        and wait_event_type = 'Lock' and now() - query_start > interval '2.5 seconds'";
    let deadline = tokio::time::Instant::now() + crate::support::PATIENCE;
    loop {
        let count: i64 = sqlx::query_scalar(waiting)
            .fetch_one(&mut observer)
            .await
            .unwrap();
        if count == 4 {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{count} of 4 wait");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    blocking.rollback().await.unwrap();

    for process in all {
        let finished = process.finish().await;
        assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""));
    }
    let again = sandbox.run(&["migrate"]).await;
    assert_eq!(again.code, Some(0), "{again:?}");
    let applied: i64 = sqlx::query_scalar("select count(*) from _sqlx_migrations where success")
        .fetch_one(&mut observer)
        .await
        .unwrap();
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap();
    assert_eq!(usize::try_from(applied).unwrap(), files.count());
}

#[tokio::test]
async fn a_database_that_is_away_is_named_as_such() {
    let nobody = std::net::TcpListener::bind(crate::support::ANY_PORT)
        .unwrap()
        .local_addr()
        .unwrap();
    let mut sandbox = Sandbox::new();
    sandbox.set(
        "DATABASE_URL",
        format!("postgres://me:hush-hush@{nobody}/x"),
    );
    let finished = sandbox.run(&["migrate"]).await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(
        finished
            .stderr
            .starts_with(&format!("the database cannot be reached at {nobody}/x: ")),
        "{finished:?}"
    );
    assert!(finished.stderr.contains("refused"), "{finished:?}");
    assert!(!finished.stderr.contains("hush-hush"), "{finished:?}");
}
