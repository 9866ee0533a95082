//! Days of events and weeks of attempts are made ahead and dropped when they
//! are old, and nobody waits for that.

use super::{ask, run};
use crate::support::{TENANT, TestApp, line};
use attachments::proto::ExplainAttachmentRequest;
use attachments::proto::attachment::Status;

/// A day that is long over, with a change in it.
const OLD_DAY: [&str; 2] = [
    "select make_partition('events', 'created_at', 'events_20200101',
        '2020-01-01 00:00:00+00', '2020-01-02 00:00:00+00')",
    "insert into events (tenant_id, attachment_id, channel_id, message_id, registered_at, status,
        attempt_count, created_at)
     values ('acme', gen_random_uuid(), 'line', 'm', now(), 'pending', 0, '2020-01-01 12:00+00')",
];
const OLD_WEEK: &str = "
select make_partition('attempts', 'attachment_id', 'attempts_20200106',
    least_uuid('2020-01-06 00:00:00+00')::text, least_uuid('2020-01-13 00:00:00+00')::text)";
const OLD: &str = "select count(*) from pg_class
    where relname in ('events_20200101', 'attempts_20200106')";
const IN_REST: &str =
    "select (select count(*) from events_rest) + (select count(*) from attempts_rest)";

async fn make_old(app: &TestApp) {
    for statement in OLD_DAY.into_iter().chain([OLD_WEEK]) {
        run(app, statement).await;
    }
    assert_eq!(ask::<i64>(app, OLD).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_lies_in_its_day_and_its_week() {
    let app = TestApp::start().await;
    app.line_plays("1", &["503", "ok"]);
    assert_eq!(app.ingest(line("1")).await.status(), Status::Stored);
    assert_eq!(ask::<i64>(&app, IN_REST).await, 0);
    let written =
        "select (select count(*) from events) > 2 and (select count(*) from attempts) = 2";
    assert!(ask::<bool>(&app, written).await);
    // A repeat of an attempt that is on record runs into it.
    let repeat = "insert into attempts select * from attempts on conflict do nothing";
    assert_eq!(run(&app, repeat).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_that_is_lacking_is_made_and_takes_what_came_without_it() {
    let app = TestApp::start().await;
    // As when nobody swept for days.
    let drop_all = "do $$ declare part regclass; begin
        for part in select inhrelid::regclass from pg_inherits
            where inhparent in ('events'::regclass, 'attempts'::regclass)
              and inhrelid::regclass::text not like '%rest' loop
            execute 'drop table ' || part;
        end loop; end $$";
    run(&app, drop_all).await;
    app.line_plays("1", &[]);
    let stored = app.ingest(line("1")).await;
    assert!(ask::<i64>(&app, IN_REST).await > 1);
    assert!(ask::<bool>(&app, "select make_partitions()").await);
    assert_eq!(ask::<i64>(&app, IN_REST).await, 0);
    let request = ExplainAttachmentRequest {
        attachment_id: stored.attachment_id,
    };
    let explained = app.client(TENANT).explain_attachment(request).await;
    assert_eq!(explained.unwrap().into_inner().attempts.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_old_is_dropped_and_what_has_no_partition_is_deleted() {
    let app = TestApp::start().await;
    make_old(&app).await;
    for old in [
        "insert into events (tenant_id, attachment_id, channel_id, message_id, registered_at,
            status, attempt_count, created_at)
         values ('acme', gen_random_uuid(), 'line', 'm', now(), 'pending', 0, '2021-01-01')",
        "insert into attempts (tenant_id, attachment_id, kind, fence, started_at, ended_at, counted,
            worker)
         values ('acme', gen_random_uuid(), 'ingest', 1, '2021-01-01', '2021-01-01', true, 'w')",
    ] {
        run(&app, old).await;
    }
    app.eventually("the old day and week to be gone", || async {
        ask::<i64>(&app, OLD).await == 0 && ask::<i64>(&app, IN_REST).await == 0
    })
    .await;
    // Today's is not.
    app.line_plays("1", &[]);
    app.ingest(line("1")).await;
    assert!(ask::<i64>(&app, "select count(*) from events").await > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_a_day_to_be_dropped() {
    let app = TestApp::start().await;
    // Somebody is long about a look at something in both.
    let mut reader = app.pool.begin().await.unwrap();
    sqlx::query("lock table only events, only attempts in access share mode")
        .execute(&mut *reader)
        .await
        .unwrap();
    make_old(&app).await;
    app.line_plays("1", &[]);
    assert_eq!(app.ingest(line("1")).await.status(), Status::Stored);
    assert_eq!(ask::<i64>(&app, OLD).await, 2);
    reader.rollback().await.unwrap();
    app.eventually("the old day and week to be gone", || async {
        ask::<i64>(&app, OLD).await == 0
    })
    .await;
}
