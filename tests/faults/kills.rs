//! `kill -9` at every step, by the process itself, and a restart.

use crate::figures::{figure, times};
use crate::fleet::{Fleet, ids, text, wait_killed};
use crate::ground::TENANT;
use crate::ground::requests::line;
use crate::ground::sandbox::eventually;
use attachments::proto::PurgeAttachmentsRequest;
use attachments::proto::purge_attachments_request::Group;

/// Kills workers at a step, the n-th time it is reached, with files of their
/// own each time, and has others finish what they left.
async fn workers_die_at(step: &str, file_bytes: usize) -> Fleet {
    let mut fleet = Fleet::new().await;
    let _api = fleet.serve("api").await;
    let mut total = 0;
    for round in 0..times(2, 30) {
        let files = ids(&format!("{step}-{round}-"), 8);
        for id in &files {
            fleet.put_file(id, &text(id, file_bytes), &[]);
        }
        fleet.register_all(&files).await;
        total += files.len();
        // One claim may take them all.
        let nth = if step == "leased" {
            1
        } else {
            1 + round * 2 % 7
        };
        let fail_at = format!("{step}:{nth}:kill");
        let doomed = fleet.serve_to_fail("worker", &fail_at).await;
        wait_killed(doomed).await;
        let heir = fleet.serve("worker").await;
        fleet.assert_all_stored(total).await;
        heir.process.kill().await;
    }
    figure(&format!("kill -9 at {step}"), times(2, 30), "0 lost");
    fleet
}

/// F1: all that one claim took.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_killed_with_all_that_it_claimed_loses_nothing() {
    workers_die_at("leased", 4_000).await;
}

/// F1: as one of them begins.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_killed_after_its_claim_loses_nothing() {
    workers_die_at("claimed", 4_000).await;
}

/// Its files run elsewhere long before its leases end: its connection is lost
/// with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_worker_had_leased_does_not_wait_for_the_leases() {
    let mut fleet = Fleet::new().await;
    fleet.set("retry.lease", "1h");
    let api = fleet.serve("api").await;
    let doomed = fleet.serve("worker").await;
    let files = ids("leased-", 6);
    for id in &files {
        fleet.put_file(id, &text(id, 4_000), &["hang", "ok"]);
    }
    fleet.register_all(&files).await;
    fleet.under_way("leased-", files.len()).await;
    let heir = fleet.serve("worker").await;
    doomed.process.kill().await;
    fleet.assert_all_stored(files.len()).await;
    heir.process.kill().await;
    drop(api);
}

/// F2: with nothing, a byte, half and all but a byte of the file received.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_killed_in_a_download_leaves_nothing() {
    let mut fleet = Fleet::new().await;
    // Spooled to disk from the first byte on.
    fleet.set("limits.spool_memory_bytes", "1024");
    let _api = fleet.serve("api").await;
    let content = text("half", 100_000);
    let last = format!("stall:{}", content.len() - 1);
    for (nth, (stalls, sent)) in [
        ("hang", 0),
        ("stall:1", 1),
        ("stall", content.len() / 2),
        (last.as_str(), content.len() - 1),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("half-{nth}");
        fleet.put_file(&id, &content, &[stalls, "ok"]);
        fleet.register(&id).await;
        let doomed = fleet.serve("worker").await;
        eventually("the download stalls", async || {
            let journal = fleet.ground.simulator.journal();
            let reached = journal.last().filter(|entry| entry.path.contains(&id));
            reached.is_some_and(|entry| entry.bytes_sent >= sent as u64)
        })
        .await;
        doomed.process.kill().await;
        let heir = fleet.serve("worker").await;
        fleet.assert_all_stored(nth + 1).await;
        heir.process.kill().await;
    }
}

/// F5, before the put.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_killed_before_its_put_loses_nothing() {
    workers_die_at("fetched", 4_000).await;
}

/// F5, announced.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_was_announced_and_never_put_is_forgotten() {
    workers_die_at("announced", 4_000).await;
}

/// F4: the store has a part of the object, or none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_killed_in_its_put_leaves_no_part() {
    let fleet = workers_die_at("putting", 1_000_000).await;
    let uploads = fleet.ground.s3().list_multipart_uploads().bucket("bucket");
    assert!(uploads.send().await.unwrap().uploads().is_empty());
}

/// F5.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_whose_worker_was_killed_before_its_record_goes() {
    workers_die_at("put", 4_000).await;
}

/// F6, F7: the event is written by the statement that settles.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_settled_file_is_not_fetched_again() {
    let fleet = workers_die_at("settled", 4_000).await;
    let stored = fleet.count("select count(*) from attempts where failure_reason is null");
    assert_eq!(stored.await, i64::try_from(fleet.promises().len()).unwrap());
    let events = fleet.count(
        "select count(*) from (select from events where status = 'stored'
            group by attachment_id having count(*) = 1) as told",
    );
    assert_eq!(events.await, i64::try_from(fleet.promises().len()).unwrap());
}

/// F8: committed, and nobody was told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registration_whose_answer_was_lost_has_the_same_id_again() {
    let mut fleet = Fleet::new().await;
    let _worker = fleet.serve("worker").await;
    for round in 0..times(2, 30) {
        let doomed = fleet.serve_to_fail("api", "registered:1:kill").await;
        let file = format!("unanswered-{round}");
        fleet.put_files(std::slice::from_ref(&file));
        let answer = fleet.client().register_attachment(line(&file)).await;
        answer.unwrap_err();
        wait_killed(doomed).await;
        let committed: String =
            sqlx::query_scalar("select id::text from attachments where media_id = $1")
                .bind(&file)
                .fetch_one(&fleet.pool)
                .await
                .unwrap();

        let api = fleet.serve("api").await;
        assert_eq!(fleet.register(&file).await, committed);
        assert_eq!(fleet.register(&file).await, committed);
        api.process.kill().await;
    }
    fleet.assert_all_stored(times(2, 30)).await;
}

/// F9: with the rows done and the objects there, and the other way round.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweeper_that_is_killed_is_made_up_for() {
    let mut fleet = Fleet::new().await;
    let all = fleet.serve("all").await;
    let files = ids("swept-", 6);
    fleet.put_files(&files);
    fleet.register_all(&files).await;
    fleet.assert_all_stored(6).await;
    all.process.kill().await;
    for (nth, step) in ["swept", "removing"].into_iter().enumerate() {
        sqlx::query(
            "update attachments set retention = 'ephemeral', expires_at = now()
             where media_id like $1",
        )
        .bind(format!("swept-000{nth}"))
        .execute(&fleet.pool)
        .await
        .unwrap();
        let doomed = fleet
            .serve_to_fail("worker", &format!("{step}:1:kill"))
            .await;
        wait_killed(doomed).await;
        assert_eq!(fleet.count("select count(*) from removals").await, 1);
        let heir = fleet.serve("worker").await;
        let tally = fleet.assert_sound().await;
        assert_eq!((tally.stored, tally.otherwise), (5 - nth, 1 + nth));
        heir.process.kill().await;
    }
}

/// F46: what ends a purge half-way, the same call goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purge_that_is_killed_goes_on_by_the_same_call() {
    let mut fleet = Fleet::new().await;
    let all = fleet.serve("all").await;
    let files = ids("purged-", 4);
    fleet.put_files(&files);
    fleet.register_all(&files).await;
    fleet.assert_all_stored(4).await;
    crowd(&fleet).await;
    all.process.kill().await;
    let purge = || PurgeAttachmentsRequest {
        group: Some(Group::ConversationId("crowd".to_owned())),
        ..PurgeAttachmentsRequest::default()
    };
    let doomed = fleet.serve_to_fail("api", "purged:1:kill").await;
    fleet.client().purge_attachments(purge()).await.unwrap_err();
    wait_killed(doomed).await;
    let deleted = "select count(*) from attachments where status = 'deleted'";
    assert_eq!(fleet.count(deleted).await, 500);

    let _heir = fleet.serve("all").await;
    let purged = fleet.client().purge_attachments(purge()).await.unwrap();
    let purged = purged.into_inner();
    let counts = (purged.deleted_count, purged.already_deleted_count);
    assert_eq!(counts, (104, 500));
    let tally = fleet.assert_sound().await;
    assert_eq!((tally.stored, tally.otherwise), (0, 604));
}

/// F46, of a redrive.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redrive_that_is_killed_goes_on_by_the_same_command() {
    let mut fleet = Fleet::new().await;
    let all = fleet.serve("all").await;
    let files = ids("redriven-", 4);
    fleet.put_files(&files);
    fleet.register_all(&files).await;
    fleet.assert_all_stored(4).await;
    crowd(&fleet).await;
    all.process.kill().await;
    let command = ["redrive", "--tenant", TENANT, "--execute"];
    let sandbox = &mut fleet.ground.sandbox;
    sandbox.set("ATTACHMENTS_FAIL_AT", "redriven:1:kill");
    let cut = sandbox.run(&command).await;
    assert_eq!(cut.code, None, "{cut:?}");
    sandbox.unset("ATTACHMENTS_FAIL_AT");
    let failed = "select count(*) from attachments where status = 'failed'";
    assert_eq!(fleet.count(failed).await, 100);
    let recorded = "select sum(redriven_count)::bigint from redrives";
    assert_eq!(fleet.count(recorded).await, 500, "whoever did it hung up");

    let done = fleet.ground.sandbox.run(&command).await;
    assert!(done.stdout.contains("100 of 100 put back"), "{done:?}");
    let _heir = fleet.serve("all").await;
    let tally = fleet.assert_sound().await;
    // LINE has none of the crowd's files.
    assert_eq!((tally.stored, tally.otherwise), (4, 600));
}

/// More failed rows than one batch takes, beside those that are there; all in
/// one conversation.
async fn crowd(fleet: &Fleet) {
    sqlx::raw_sql(
        "update attachments set conversation_id = 'crowd';
         insert into attachments (tenant_id, id, channel_id, media_id, part, occurrence, source,
            message_id, conversation_id, file_name, declared_content_type, retention, status, failure_reason,
            attempt_count, max_attempts)
         select tenant_id, gen_random_uuid(), channel_id, 'crowd-' || n, part, occurrence,
            jsonb_set(source, '{line,message_id}', to_jsonb('crowd-' || n)), message_id,
            conversation_id, file_name, declared_content_type, retention, 'failed',
            'SOURCE_UNAVAILABLE', max_attempts, max_attempts
         from (select * from attachments limit 1) as one, generate_series(1, 600) as n",
    )
    .execute(&fleet.pool)
    .await
    .unwrap();
}
