//! What the audit's benchmark seeds is what the service itself writes.

use super::{assert_found, audit, start};
use crate::support::get_request;
use attachments::audit::{Check, Repair};
use attachments::proto::attachment::Status;
use attachments::proto::rendition::Type;
use std::collections::BTreeSet;

const SEED: &str = include_str!("../../../benches/audit/seed.sql");
/// Every status is met among a thousand.
const ROWS: &str = "1000";
/// Each of these two has five of the six.
const THEIRS: &str = "select tenant_id, id::text from attachments
    where tenant_id in ('tenant-10', 'tenant-15')";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_benchmark_seeds_is_read_as_what_the_service_writes() {
    let app = start().await;
    let mut connection = app.pool.acquire().await.unwrap();
    sqlx::query(
        "select set_config('seed.rows', $1, false),
            set_config('seed.sha256', repeat('ab', 32), false)",
    )
    .bind(ROWS)
    .execute(&mut *connection)
    .await
    .unwrap();
    sqlx::raw_sql(SEED).execute(&mut *connection).await.unwrap();
    let theirs: Vec<(String, String)> = sqlx::query_as(THEIRS)
        .fetch_all(&mut *connection)
        .await
        .unwrap();
    drop(connection);

    let (mut statuses, mut thumbnails) = (BTreeSet::new(), 0);
    for (tenant, id) in theirs {
        let read = app.client(&tenant).get_attachment(get_request(id)).await;
        let read = read.unwrap().into_inner().attachment.unwrap();
        statuses.insert(read.status());
        let kinds = read
            .renditions
            .iter()
            .map(attachments::proto::Rendition::r#type);
        thumbnails += kinds.filter(|kind| *kind == Type::Thumbnail).count();
        let is_stored = read.status() == Status::Stored;
        assert_eq!(read.size_bytes, i64::from(is_stored) * 1000, "{read:#?}");
    }
    let all = [
        Status::Pending,
        Status::Stored,
        Status::Failed,
        Status::Rejected,
        Status::Unsupported,
        Status::Deleted,
    ];
    assert_eq!(statuses, BTreeSet::from(all));
    assert!(thumbnails > 0);
    // Only the objects are not there: the test puts none.
    let report = audit(&app, Repair::No).await;
    assert_found(&report, &[(Check::StoredHasObject, 920 + 92)]);
}
