//! The audit, on a database and a bucket that were tampered with by hand.

mod command;
mod objects;
mod seeded;
mod tables;

use crate::support::{TENANT, TestApp, line};
use attachments::audit::{Audit, Check, Finding, Repair, Report};
use attachments::blob::Bucket;
use attachments::clock::{Clock, ShiftedClock};
use attachments::config::Human;
use attachments::db::Db;
use attachments::dev::simulator::{Fixture, Media};
use attachments::proto::attachment::Status as AttachmentStatus;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// A stored row becomes an open one that has no work, and its object nobody's.
const OPEN: &str = "with emptied as (delete from objects where attachment_id = $1)
    update attachments set status = 'open', stored_at = null where id = $1";

/// As a repair does it.
const RECOUNT: &str = "insert into usage_deltas (tenant_id, status, files, size_bytes)
    select tenant_id, status, files, size_bytes from usage_missing";

/// A stored attachment.
struct Stored {
    id: Uuid,
    key: String,
}

/// A service whose sweeper does not come by before the audit does.
async fn start() -> TestApp {
    TestApp::start_with(|config| {
        config.retention.sweep_interval = Human(Duration::from_hours(1));
    })
    .await
}

pub async fn auditor(app: &TestApp) -> Audit {
    let settings = app.config.resolve().unwrap();
    let db = Db::new(&settings.database).unwrap();
    let bucket = Bucket::new(&settings.bucket).await;
    let clock = Arc::new(ShiftedClock::default());
    clock.shift(time::Duration::seconds(5));
    let clock: Arc<dyn Clock> = clock;
    Audit::new(db, bucket, clock, Duration::ZERO)
}

pub async fn audit(app: &TestApp, repair: Repair) -> Report {
    auditor(app).await.run(repair).await.unwrap()
}

/// Stores this many files and gives their ids and keys.
async fn store(app: &TestApp, count: usize) -> Vec<Stored> {
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
        stored.push(Stored {
            id: id.parse().unwrap(),
            key: attachment.storage_key,
        });
    }
    stored
}

/// Waits until it is stored once more.
async fn stored_again(app: &TestApp, stored: &Stored) -> String {
    let again = app.wait_final(TENANT, &stored.id.to_string()).await;
    assert_eq!(again.status(), AttachmentStatus::Stored);
    again.storage_key
}

/// Changes rows as no code of the service does: no trigger takes note of it,
/// and the counters are set right by hand.
async fn tamper(app: &TestApp, statements: &[&'static str], id: Uuid) {
    let mut connection = app.pool.begin().await.unwrap();
    sqlx::query("set local session_replication_role = replica")
        .execute(&mut *connection)
        .await
        .unwrap();
    for statement in statements {
        let changed = sqlx::query(*statement)
            .bind(id)
            .execute(&mut *connection)
            .await
            .unwrap();
        assert!(changed.rows_affected() > 0, "{statement}");
    }
    sqlx::query(RECOUNT)
        .execute(&mut *connection)
        .await
        .unwrap();
    connection.commit().await.unwrap();
}

/// Changes the tables themselves.
async fn alter(app: &TestApp, statement: &'static str) {
    sqlx::query(statement).execute(&app.pool).await.unwrap();
}

fn found(report: &Report, check: Check) -> Option<&Finding> {
    report
        .findings
        .iter()
        .find(|finding| finding.check == check)
}

/// That it found these, each this often, and nothing else.
pub fn assert_found(report: &Report, expected: &[(Check, u64)]) {
    let found: Vec<_> = report.findings.iter().map(|f| (f.check, f.count)).collect();
    assert_eq!(found, expected, "{report}");
}

/// That it mended all there was of `check`.
fn assert_mended(report: &Report, check: Check) {
    let finding = found(report, check).unwrap();
    assert_eq!(finding.mended, finding.count, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_was_left_alone_is_clean() {
    let app = TestApp::start().await;
    store(&app, 3).await;
    let report = auditor(&app).await.deep().run(Repair::No).await.unwrap();
    assert_eq!((report.attachments, report.stored), (3, 3));
    assert_eq!((report.objects, report.read_bytes), (3, 3 * 506));
    assert_found(&report, &[]);
    assert!(report.is_clean(), "{report}");
}
