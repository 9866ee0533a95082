//! The audit, on a database and a bucket that were tampered with by hand.

use crate::support::{TENANT, TestApp, line};
use attachments::audit::{Audit, Check, Repair, Report};
use attachments::blob::Bucket;
use attachments::clock::{Clock, ShiftedClock};
use attachments::db::Db;
use attachments::dev::simulator::{Fixture, Media};
use attachments::proto::AttachmentStatus;
use aws_sdk_s3::primitives::ByteStream;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// A key as a worker spells it, of a row that never was.
const STRAY: &str = "attachments/durable/acme/m/0198c0de-0000-7000-8000-000000000000/1-x.png";

async fn audit(app: &TestApp, repair: Repair) -> Report {
    let settings = app.config.resolve().unwrap();
    let db = Db::new(&settings.database).unwrap();
    let bucket = Bucket::new(&settings.bucket).await;
    let clock = Arc::new(ShiftedClock::default());
    clock.shift(time::Duration::seconds(5));
    let clock: Arc<dyn Clock> = clock;
    Audit::new(db, bucket, clock, Duration::ZERO)
        .run(repair)
        .await
        .unwrap()
}

/// Stores this many files and gives their ids and keys.
async fn store(app: &TestApp, count: usize) -> Vec<(Uuid, String)> {
    let mut client = app.client(TENANT);
    let mut stored = Vec::new();
    for n in 0..count {
        let message = format!("{count}-{n}");
        app.simulator
            .put_line_message(&message, Media::fixture(Fixture::Png));
        let registered = client
            .register_attachment(line(&message))
            .await
            .unwrap()
            .into_inner();
        let id = registered.attachment.unwrap().attachment_id;
        let attachment = app.wait_final(TENANT, &id).await;
        assert_eq!(attachment.status(), AttachmentStatus::Stored);
        stored.push((id.parse().unwrap(), attachment.storage_key));
    }
    stored
}

fn found(report: &Report, check: Check) -> u64 {
    let finding = report
        .findings
        .iter()
        .find(|finding| finding.check == check);
    finding.map_or(0, |finding| finding.count)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_was_left_alone_is_clean() {
    let app = TestApp::start().await;
    store(&app, 3).await;
    let report = audit(&app, Repair::No).await;
    assert_eq!((report.stored, report.objects), (3, 3));
    assert!(report.is_clean(), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_tampered_with_is_found_and_mended() {
    // No sweeper comes by before the audit does.
    let app = TestApp::start_with(|config| {
        config.retention.sweep_interval = attachments::config::Human(Duration::from_hours(1));
    })
    .await;
    let stored = store(&app, 4).await;
    let (lost, shrunk, open) = (&stored[0], &stored[1], &stored[2]);
    let bucket = &app.config.s3.bucket;
    app.s3()
        .delete_object()
        .bucket(bucket)
        .key(&lost.1)
        .send()
        .await
        .unwrap();
    for key in [shrunk.1.as_str(), STRAY] {
        let body = ByteStream::from_static(b"short");
        app.s3()
            .put_object()
            .bucket(bucket)
            .key(key)
            .body(body)
            .send()
            .await
            .unwrap();
    }
    sqlx::query(
        "update attachments set status = 'open', storage_key = null, stored_at = null,
            content_type = null, size_bytes = null, checksum_sha256 = null where id = $1",
    )
    .bind(open.0)
    .execute(&app.pool)
    .await
    .unwrap();

    let report = audit(&app, Repair::No).await;
    assert_eq!(found(&report, Check::StoredHasObject), 1, "{report}");
    assert_eq!(found(&report, Check::ObjectHasSize), 1, "{report}");
    assert_eq!(found(&report, Check::OpenHasWork), 1, "{report}");
    // The stray, and the object of the row that was opened by hand.
    assert_eq!(found(&report, Check::ObjectHasRow), 2, "{report}");
    assert!(!report.is_clean());

    let mended = audit(&app, Repair::Yes).await;
    assert!(
        !mended.is_clean(),
        "an object of another size cannot be mended: {mended}"
    );
    let again = app.wait_final(TENANT, &lost.0.to_string()).await;
    assert_eq!(again.status(), AttachmentStatus::Stored);
    let again = app.wait_final(TENANT, &open.0.to_string()).await;
    assert_eq!(again.status(), AttachmentStatus::Stored);
    let doomed: i64 = sqlx::query_scalar("select count(*) from removals")
        .fetch_one(&app.pool)
        .await
        .unwrap();
    assert_eq!(doomed, 2);
}
