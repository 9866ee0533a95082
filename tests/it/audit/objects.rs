//! I4 and I5: rows against objects.

use super::{
    OPEN, alter, assert_found, assert_mended, audit, auditor, start, store, stored_again, tamper,
};
use crate::support::TestApp;
use attachments::audit::{Check, Repair};
use attachments::blob::BlobError;
use attachments::config::Role;
use attachments::dev::object_store::{Fault, Operation};
use aws_sdk_s3::primitives::ByteStream;
use http::StatusCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A key as a worker spells it, of a row that never was.
const STRAY: &str = "attachments/durable/acme/m/0198c0de-0000-7000-8000-000000000000/1-x.png";

/// Under our prefix, and none of ours.
const FOREIGN: &str = "attachments/durable/copy-of-friday/1-x.png";

async fn put(app: &TestApp, key: &str, bytes: Vec<u8>) {
    app.s3()
        .put_object()
        .bucket(&app.config.s3.bucket)
        .key(key)
        .body(ByteStream::from(bytes))
        .send()
        .await
        .unwrap();
}

async fn remove(app: &TestApp, key: &str) {
    app.s3()
        .delete_object()
        .bucket(&app.config.s3.bucket)
        .key(key)
        .send()
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_and_wrong_objects_are_downloaded_again_and_strays_removed() {
    let app = start().await;
    let stored = store(&app, 4).await;
    let (lost, shrunk, right) = (&stored[0], &stored[1], &stored[2..]);
    remove(&app, &lost.key).await;
    put(&app, &shrunk.key, b"short".to_vec()).await;
    put(&app, STRAY, b"stray".to_vec()).await;

    let expected = [
        (Check::StoredHasObject, 1),
        (Check::ObjectHasSize, 1),
        (Check::ObjectHasRow, 1),
    ];
    let report = audit(&app, Repair::No).await;
    assert_found(&report, &expected);
    assert!(!report.is_clean());
    // Looking changed nothing.
    let report = audit(&app, Repair::Yes).await;
    assert_found(&report, &expected);
    assert!(report.is_clean(), "{report}");

    let mut keys = vec![
        stored_again(&app, lost).await,
        stored_again(&app, shrunk).await,
    ];
    assert!(!keys.contains(&lost.key) && !keys.contains(&shrunk.key));
    keys.extend(right.iter().map(|stored| stored.key.clone()));
    // A sweeper of another replica removes what the audit gave up.
    alter(&app, "delete from leases").await;
    let another = app.another(Role::Api).await;
    app.eventually_objects(keys).await;
    another.shutdown().await;
    // Nor does it hold its own reopening for a final status that was left.
    assert_found(&audit(&app, Repair::No).await, &[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_bytes_of_the_same_size_are_found_by_reading_all_of_them() {
    let app = start().await;
    let stored = store(&app, 3).await;
    put(&app, &stored[1].key, vec![0; 506]).await;

    assert_found(&audit(&app, Repair::No).await, &[]);
    let told = Arc::new(AtomicU64::new(0));
    let teller = Arc::clone(&told);
    let deep = auditor(&app).await.deep().watched_by(move |progress| {
        assert_eq!(progress.stored, 3);
        teller.store(progress.compared, Ordering::Relaxed);
    });
    let report = deep.run(Repair::No).await.unwrap();
    assert_found(&report, &[(Check::ObjectHasChecksum, 1)]);
    assert_eq!(report.findings[0].samples, [stored[1].id.to_string()]);
    assert_eq!(told.load(Ordering::Relaxed), 3);

    let report = deep.run(Repair::Yes).await.unwrap();
    assert_mended(&report, Check::ObjectHasChecksum);
    stored_again(&app, &stored[1]).await;
    assert_found(&deep.run(Repair::No).await.unwrap(), &[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_a_page_of_both_sides_meets() {
    let app = start().await;
    let stored = store(&app, 1).await;
    // No object of these rows is there; those without a row lie between them.
    let spread = "with made as (
            insert into attachments (tenant_id, id, channel_id, media_id, part, occurrence, source,
                message_id, file_name, declared_content_type, retention, status, max_attempts,
                stored_at)
            select tenant_id, md5(n::text)::uuid, channel_id, n::text, part, occurrence, source,
                message_id, file_name, declared_content_type, retention, status, max_attempts,
                stored_at
            from attachments, generate_series(1, 1900) as n where id = $1
            returning tenant_id, id
        )
        insert into objects (tenant_id, attachment_id, rendition, storage_key, content_type,
            size_bytes, checksum_sha256)
        select m.tenant_id, m.id, o.rendition,
            'attachments/durable/acme/m/' || m.id || '/1-x.png', o.content_type, o.size_bytes,
            o.checksum_sha256
        from made m, objects o where o.attachment_id = $1";
    tamper(&app, &[spread], stored[0].id).await;
    for n in 0..40 {
        put(
            &app,
            &STRAY.replace("0198c0de", &format!("{:08x}", n * 0x0600_0000_u32)),
            vec![1],
        )
        .await;
    }
    let report = audit(&app, Repair::No).await;
    assert_eq!((report.attachments, report.objects), (1901, 41));
    assert_found(
        &report,
        &[(Check::StoredHasObject, 1900), (Check::ObjectHasRow, 40)],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_copy_of_a_lost_row_is_kept() {
    let app = start().await;
    let stored = store(&app, 2).await;
    tamper(
        &app,
        &[
            "delete from objects where attachment_id = $1",
            "delete from attachments where id = $1",
        ],
        stored[0].id,
    )
    .await;
    let report = audit(&app, Repair::Yes).await;
    assert_found(
        &report,
        &[(Check::RowIsThere, 1), (Check::ObjectRowIsThere, 1)],
    );
    assert_eq!(report.findings[0].samples, [stored[0].id.to_string()]);
    assert_eq!(report.findings[1].samples, [stored[0].key.clone()]);
    assert!(!report.is_clean());
    let another = app.another(Role::Api).await;
    let mut keys: Vec<_> = stored.into_iter().map(|stored| stored.key).collect();
    keys.sort();
    assert_eq!(app.objects().await, keys);
    another.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_ours_is_told_and_left_alone() {
    let app = start().await;
    put(&app, FOREIGN, b"somebody's".to_vec()).await;
    let report = audit(&app, Repair::Yes).await;
    assert_found(&report, &[(Check::ObjectIsOurs, 1)]);
    assert!(!report.is_clean());
    assert_eq!(app.objects().await, [FOREIGN]);
    let doomed: i64 = sqlx::query_scalar("select count(*) from removals")
        .fetch_one(&app.pool)
        .await
        .unwrap();
    assert_eq!(doomed, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_stumbles_is_asked_again_and_one_that_is_away_costs_no_finding() {
    let app = start().await;
    let stored = store(&app, 2).await;
    let away = Fault::Status(StatusCode::SERVICE_UNAVAILABLE);
    app.store.faults().inject(Operation::List, 3, away);
    let report = audit(&app, Repair::No).await;
    assert!(report.is_clean(), "{report}");

    // What the tables tell is told although the bucket cannot be read.
    tamper(&app, &[OPEN], stored[0].id).await;
    app.store.faults().inject(Operation::List, usize::MAX, away);
    let report = audit(&app, Repair::No).await;
    let unavailable = BlobError::Unavailable { operation: "list" };
    assert_eq!(report.broken_off, Some(unavailable));
    assert_found(&report, &[(Check::OpenHasWork, 1)]);
    assert!(!report.is_clean());
    assert_eq!((report.stored, report.compared), (1, 0));
}
