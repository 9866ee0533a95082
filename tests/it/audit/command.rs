//! The command: its text, its JSON, its exit codes.

use crate::ground::running_service::Ground;
use serde_json::Value;

/// Of an attachment that never was.
const TRACE: &str = "insert into attempts (tenant_id, attachment_id, kind, fence, started_at,
        counted, worker)
    values ('acme', '0198c0de-0000-7000-8000-000000000000', 'ingest', 1, now(), true, 'nobody')";
/// Of one that has no work.
const LOST: &str = "insert into attachments (tenant_id, id, channel_id, media_id, part,
        occurrence, source, message_id, file_name, declared_content_type, retention, status, max_attempts, created_at)
    values ('acme', '0198c0de-1111-7000-8000-000000000000', 'line-main', '1', '', '',
        '{\"kind\":\"line\"}', 'm', '', '', 'durable', 'open', 5, now() - interval '1 day')";

async fn execute(ground: &Ground, statement: &'static str) {
    let pool = sqlx::PgPool::connect(&ground.database_url).await.unwrap();
    sqlx::query(statement).execute(&pool).await.unwrap();
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_exits_with_one_when_something_is_left() {
    let ground = Ground::new().await;
    let clean = ground.sandbox.run(&["audit"]).await;
    assert_eq!(clean.code, Some(0), "{clean:?}");
    assert!(clean.stdout.ends_with("nothing is wrong\n"), "{clean:?}");

    execute(&ground, LOST).await;
    let broken = ground.sandbox.run(&["audit"]).await;
    assert_eq!(broken.code, Some(1), "{broken:?}");
    assert!(
        broken.stdout.contains("I2 1 open attachments without work"),
        "{broken:?}"
    );
    assert!(broken.stdout.contains("0198c0de-1111"), "{broken:?}");

    let mended = ground.sandbox.run(&["audit", "--repair"]).await;
    assert_eq!(mended.code, Some(0), "{mended:?}");
    assert!(
        mended.stdout.contains("mended: put back into the queue"),
        "{mended:?}"
    );

    execute(&ground, TRACE).await;
    let left = ground.sandbox.run(&["audit", "--repair", "--deep"]).await;
    assert_eq!(left.code, Some(1), "{left:?}");
    assert!(
        left.stdout
            .contains("cannot be mended: a row cannot be made up"),
        "{left:?}"
    );
    assert!(left.stdout.ends_with("something is left\n"), "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_gets_one_object() {
    let ground = Ground::new().await;
    let clean = ground.sandbox.run(&["audit", "--json"]).await;
    let report: Value = serde_json::from_str(&clean.stdout).unwrap();
    assert_eq!((&report["clean"], clean.code), (&true.into(), Some(0)));

    execute(&ground, TRACE).await;
    execute(&ground, LOST).await;
    let broken = ground.sandbox.run(&["audit", "--json", "--repair"]).await;
    assert_eq!(broken.code, Some(1), "{broken:?}");
    let report: Value = serde_json::from_str(&broken.stdout).unwrap();
    assert_eq!(report["clean"], false);
    let findings: Vec<_> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| {
            (
                &finding["invariant"],
                &finding["check"],
                &finding["count"],
                &finding["mended"],
            )
        })
        .collect();
    let (one, none) = (&1.into(), &0.into());
    assert_eq!(
        findings,
        [
            (&"I1".into(), &"row_is_there".into(), one, none),
            (&"I2".into(), &"open_has_work".into(), one, one),
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_away_is_said_and_not_taken_for_an_empty_one() {
    let mut ground = Ground::new().await;
    ground
        .sandbox
        .set("ATTACHMENTS_S3_ENDPOINT", "http://127.0.0.1:9");
    let failed = ground.sandbox.run(&["audit"]).await;
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(
        failed.stdout.ends_with(
            "broken off when 0 of 0 were compared: object storage is not available (list)\n"
        ),
        "{failed:?}"
    );
    assert!(
        failed.stderr.contains("object storage is not available"),
        "{failed:?}"
    );
}

/// Stored, as their rows say; the bucket has none of them.
const GONE: &str = "
with made as (
    insert into attachments (tenant_id, id, channel_id, media_id, part, occurrence, source,
        message_id, file_name, declared_content_type, retention, status, max_attempts, created_at,
        stored_at)
    select 'acme', gen_random_uuid(), 'line-main', n::text, '', '', '{\"kind\":\"line\"}', 'm', '',
        '', 'durable', 'stored', 5, now() - interval '1 day', now()
    from generate_series(1, 101) as n
    returning id
)
insert into objects (tenant_id, attachment_id, rendition, storage_key, content_type, size_bytes,
    checksum_sha256)
select 'acme', id, 'original', 'attachments/durable/acme/m/' || id || '/1-x.png', 'image/png', 1,
    decode(repeat('00', 32), 'hex')
from made";

async fn count(ground: &Ground, query: &'static str) -> i64 {
    let pool = sqlx::PgPool::connect(&ground.database_url).await.unwrap();
    let count = sqlx::query_scalar(query).fetch_one(&pool).await.unwrap();
    pool.close().await;
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_has_lost_everything_is_taken_for_the_wrong_one() {
    let ground = Ground::new().await;
    execute(&ground, GONE).await;
    let open = "select count(*) from attachments where status = 'open'";

    let refused = ground.sandbox.run(&["audit", "--repair"]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let hint = "Is this the right bucket for this database? If so: --repair-at-most 101";
    assert!(refused.stderr.contains(hint), "{refused:?}");
    assert_eq!(count(&ground, open).await, 0);

    let flags = ["audit", "--repair", "--repair-at-most", "101"];
    let mended = ground.sandbox.run(&flags).await;
    assert_eq!(mended.code, Some(0), "{mended:?}");
    assert_eq!(count(&ground, open).await, 101);
    // Should they lie elsewhere after all, nobody removes them there.
    let doomed = count(&ground, "select count(*) from removals").await;
    assert_eq!(doomed, 0);
}
