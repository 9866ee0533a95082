//! Rows that nobody can read, work that was taken away, and panics.

use crate::figures::figure;
use crate::fleet::{Fleet, ids};
use crate::ground::requests::line;
use crate::ground::running_service::RunningService;
use crate::ground::sandbox::{eventually, http};
use attachments::proto::PurgeAttachmentsRequest;
use attachments::proto::attachment::Status as AttachmentStatus;
use attachments::proto::purge_attachments_request::Group;
use tonic_types::StatusExt as _;

/// F43: rows that no longer decode, among a hundred good ones.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_nobody_can_read_end_and_hold_up_nobody() {
    let mut fleet = Fleet::new().await;
    fleet.set("retry.max_attempts", "3");
    let _api = fleet.serve("api").await;
    let (good, bad) = (ids("good-", 100), ids("bad-", 4));
    fleet.put_files(&good);
    fleet.put_files(&bad);
    // The poison comes first.
    fleet.register_all(&bad).await;
    fleet.register_all(&good).await;
    for (id, poison) in bad.iter().zip([
        "source = '{\"carrier_pigeon\": {\"ring\": 7}}'",
        "source = 'null'",
        "message_id = ''",
        "conversation_id = ''",
    ]) {
        let poisoned = format!("update attachments set {poison} where media_id = '{id}'");
        sqlx::query(sqlx::AssertSqlSafe(poisoned))
            .execute(&fleet.pool)
            .await
            .unwrap();
    }
    let _worker = fleet.serve("worker").await;
    let tally = fleet.assert_sound().await;
    assert_eq!((tally.stored, tally.otherwise), (100, 4));
    let ended = "select count(*) from attachments where status = 'failed'
        and failure_reason = 'INTERRUPTED' and media_id like 'bad-%'";
    assert_eq!(fleet.count(ended).await, 4);
    figure("poisoned rows", "4 among 100", "100 stored, 4 ended");
}

/// F44.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_was_removed_by_hand_is_put_back() {
    let fleet = Fleet::new().await;
    let _api = fleet.serve("api").await;
    let files = ids("removed-", 50);
    fleet.put_files(&files);
    fleet.register_all(&files).await;
    // What the store's outages put off, again and again, spent nothing.
    let put_off = "insert into attempts (tenant_id, attachment_id, kind, fence, started_at,
            counted, failure_reason, worker)
        select tenant_id, id, 'ingest', n, now(), false, 'STORAGE_UNAVAILABLE', 'another'
        from attachments, generate_series(1, max_attempts + 1) n";
    for statement in [put_off, "truncate work"] {
        let statement = sqlx::query(statement);
        statement.execute(&fleet.pool).await.unwrap();
    }
    let _worker = fleet.serve("worker").await;
    fleet.assert_all_stored(50).await;
    figure("work truncated", "50 open rows", "50 stored");
}

/// F49: between claim and attempt, and at each step of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_an_attempt_costs_that_attempt() {
    let mut fleet = Fleet::new().await;
    let _api = fleet.serve("api").await;
    let mut worker = fleet
        .serve_to_fail(
            "worker",
            "leased:1:panic,claimed:2:panic,fetched:3:panic,put:4:panic,settled:5:panic",
        )
        .await;
    let files = ids("panicked-", 20);
    fleet.put_files(&files);
    fleet.register_all(&files).await;
    fleet.assert_all_stored(20).await;
    assert_eq!(worker.process.stderr().matches("asked to panic").count(), 5);
    assert!(!worker.process.has_ended());
    let hit = "select count(*) from attempts where failure_reason = 'INTERRUPTED'";
    // Those of one claim, and three attempts of their own.
    assert!(fleet.count(hit).await > 3);
    figure(
        "panics in attempts",
        5,
        "20 of 20 stored by the same process",
    );
}

/// F49: while a registration is written. The caller gets an error it may
/// repeat after, and so do not those that come later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_a_registration_costs_that_call() {
    let mut fleet = Fleet::new().await;
    let mut all = fleet.serve_to_fail("all", "registered:1:panic").await;
    let files = ids("call-", 100);
    fleet.put_files(&files);
    let refused = fleet.client().register_attachment(line(&files[0])).await;
    let refused = refused.unwrap_err();
    assert!(
        matches!(
            refused.code(),
            tonic::Code::Internal | tonic::Code::Unavailable | tonic::Code::ResourceExhausted
        ),
        "{refused:?}"
    );
    // Whichever way they are gathered, none is refused any more.
    for id in &files {
        let answer = fleet.client().register_attachment(line(id)).await;
        let attachment = answer.unwrap().into_inner().attachment.unwrap();
        assert_ne!(attachment.status(), AttachmentStatus::Unspecified);
        fleet.note(id, &attachment.attachment_id);
    }
    fleet.assert_all_stored(100).await;
    assert!(!all.process.has_ended());
}

/// F49: in the handler of a call. The caller is told, and the same call goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_a_call_is_answered() {
    let mut fleet = Fleet::new().await;
    let mut all = fleet.serve_to_fail("all", "purged:1:panic").await;
    let files = ids("purged-", 1);
    fleet.put_files(&files);
    fleet.register_all(&files).await;
    fleet.assert_all_stored(1).await;
    let purge = || PurgeAttachmentsRequest {
        group: Some(Group::MessageId(files[0].clone())),
        ..PurgeAttachmentsRequest::default()
    };
    let refused = fleet.client().purge_attachments(purge()).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Internal, "{refused:?}");
    let info = refused.get_details_error_info().unwrap();
    assert_eq!((&*info.reason, &*info.domain), ("INTERNAL", "attachments"));
    eventually("the log names the call", async || {
        let log = format!("{}{}", all.process.stdout(), all.process.stderr());
        let told = log.lines().find(|line| line.contains("a call panicked"));
        told.is_some_and(|line| line.contains("AttachmentService/PurgeAttachments"))
    })
    .await;
    let purged = fleet.client().purge_attachments(purge()).await.unwrap();
    assert_eq!(purged.get_ref().already_deleted_count, 1);
    assert!(!all.process.has_ended());
}

/// F49.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_a_sweep_costs_that_pass() {
    let mut fleet = Fleet::new().await;
    let mut all = fleet.serve_to_fail("all", "swept:1:panic").await;
    let files = ids("sweep-", 2);
    fleet.put_files(&files);
    fleet.register_all(&files).await;
    fleet.assert_all_stored(2).await;
    expire(&fleet, &files[0]).await;
    let tally = fleet.assert_sound().await;
    assert_eq!((tally.stored, tally.otherwise), (1, 1));
    assert_eq!(all.process.stderr().matches("asked to panic").count(), 1);
    assert_eq!((all.process.has_ended(), livez(&all).await), (false, 200));
}

/// F49: a sweeper that hangs is one that only a restart mends, and says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweeper_that_hangs_fails_liveness() {
    let mut fleet = Fleet::new().await;
    // Longer than a pass takes on a busy machine.
    fleet.set("retention.sweep_hung_after", "10s");
    let all = fleet.serve_to_fail("all", "swept:1:hang").await;
    let files = ids("hang-", 1);
    fleet.put_files(&files);
    fleet.register_all(&files).await;
    fleet.assert_all_stored(1).await;
    expire(&fleet, &files[0]).await;
    eventually("the sweeper hangs", async || {
        all.process.stderr().contains("asked to hang")
    })
    .await;
    eventually("liveness says so", async || livez(&all).await == 503).await;
    let age = all.metric("attachments_sweep_age_seconds").await.unwrap();
    assert!(age >= 10.0, "{age}");
}

async fn expire(fleet: &Fleet, media_id: &str) {
    sqlx::query(
        "update attachments set retention = 'ephemeral', expires_at = now() where media_id = $1",
    )
    .bind(media_id)
    .execute(&fleet.pool)
    .await
    .unwrap();
}

async fn livez(service: &RunningService) -> u16 {
    let url = format!("http://{}/livez", service.admin);
    http().get(url).send().await.unwrap().status().as_u16()
}
