//! Workers that are stopped, doubled or dead: the lease and the fence.

use crate::figures::{figure, is_long, promised, times};
use crate::fleet::{Fleet, ids, text};
use crate::ground::running_service::RunningService;
use crate::ground::sandbox::eventually;
use futures::future::join_all;
use nix::sys::signal::Signal;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// F11: past its lease, before the put and before the commit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_was_stopped_past_its_lease_changes_nothing() {
    let fleet = Fleet::new().await;
    let _api = fleet.serve("api").await;
    for (nth, script) in [&["stall", "ok"][..], &["drip:1", "ok"]]
        .into_iter()
        .enumerate()
    {
        let id = format!("stopped-{nth}");
        fleet.put_file(&id, &text(&id, 1_500), script);
        fleet.register(&id).await;
        let stopped = fleet.serve("worker").await;
        eventually("the download has begun", async || {
            let journal = fleet.ground.simulator.journal();
            let begun = journal.iter().filter(|entry| entry.path.contains(&id));
            begun.map(|entry| entry.bytes_sent).max() > Some(100)
        })
        .await;
        stopped.process.signal(Signal::SIGSTOP);
        let other = fleet.serve("worker").await;
        fleet.assert_all_stored(nth + 1).await;

        stopped.process.signal(Signal::SIGCONT);
        eventually("the late worker has noticed", async || {
            stopped.process.stderr().contains("the lease was lost")
                || stopped.process.stderr().contains("taken over")
        })
        .await;
        fleet.assert_all_stored(nth + 1).await;
        let commits = fleet.count("select count(*) from attempts where failure_reason is null");
        assert_eq!(commits.await, i64::try_from(nth).unwrap() + 1);
        stopped.process.kill().await;
        other.process.kill().await;
    }
}

/// F12: rows are taken from workers that run them, again and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_is_done_twice_is_committed_once() {
    let mut fleet = Fleet::new().await;
    // Whoever loses a row finds out at its end only; no row runs out of tries.
    fleet
        .set("retry.lease", "60s")
        .set("retry.max_attempts", "100")
        // Who runs what was taken holds a slot too.
        .set("limits.ingest_concurrency", "100")
        .set("limits.tenant_concurrency", "100");
    let files = ids("doubled-", times(100, 2_000));
    for id in &files {
        // Slow the first time, so that it can be taken away.
        fleet.put_file(id, &text(id, 300), &["drip:2", "ok"]);
    }
    let _one = fleet.serve("all").await;
    let _other = fleet.serve("worker").await;
    let (mut stolen, mut registered) = (0, 0);
    // A hundred at a time: behind a backlog nobody has room for what was taken.
    for round in files.chunks(100) {
        registered += round.len();
        let steal = steal_until_stored(&fleet, registered);
        stolen += tokio::join!(steal, fleet.register_all(round)).0;
    }

    fleet.assert_all_stored(files.len()).await;
    let commits = fleet.count("select count(*) from attempts where failure_reason is null");
    assert_eq!(commits.await, i64::try_from(files.len()).unwrap());
    let doubled = fleet.count("select count(*) from attachments where attempt_count > 1");
    let doubled = doubled.await;
    assert!(
        doubled * 10 >= i64::try_from(files.len()).unwrap() * 9,
        "only {doubled} were doubled, of {stolen} stolen"
    );
    figure(
        "forced double work",
        format_args!("{} rows, {doubled} doubled", files.len()),
        "1 commit each, 0 wrong hashes",
    );
}

/// Takes each row once from the worker that runs its first attempt, until this
/// many files are in a final state; how many were taken.
async fn steal_until_stored(fleet: &Fleet, files: usize) -> u64 {
    let mut stolen = 0;
    loop {
        let taken = sqlx::query(
            "update work set due_at = now() - interval '1 second'
             where leased_by is not null and attempt_count = 1 and due_at > now()",
        )
        .execute(&fleet.pool)
        .await
        .unwrap();
        stolen += taken.rows_affected();
        let final_rows = "select count(*) from attachments where status <> 'open'";
        if fleet.count(final_rows).await >= i64::try_from(files).unwrap() {
            return stolen;
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// Behind the end of the lease: 40 s with the default one of 30 s.
const TAKEN_OVER_AFTER: Duration = Duration::from_secs(10);

/// G2: from the kill to the file stored by somebody else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_worker_held_is_taken_over() {
    let mut fleet = Fleet::new().await;
    fleet
        .set("egress.idle_timeout", "1h")
        .set("egress.total_timeout", "1h");
    let lease = if is_long() {
        fleet.unset(&[
            "retry.lease",
            "retry.poll_interval",
            "retention.sweep_interval",
        ]);
        Duration::from_secs(30)
    } else {
        Duration::from_secs(2)
    };
    let _api = fleet.serve("api").await;
    let (rounds, each) = (times(1, 5), times(3, 10));
    let mut recoveries = Vec::new();
    for round in 0..rounds {
        fleet.set("limits.ingest_concurrency", "1");
        let mut victims = Vec::new();
        let files = ids(&format!("held-{round}-"), each);
        for id in &files {
            fleet.put_file(id, &text(id, 2_000), &["hang", "ok"]);
            fleet.register(id).await;
            victims.push(victim(&fleet, id).await);
        }
        fleet.unset(&["limits.ingest_concurrency"]);
        let heir = fleet.serve("worker").await;
        let took = victims
            .into_iter()
            .zip(&files)
            .enumerate()
            .map(|(nth, (victim, id))| {
                // At any time within the pause between two renewals.
                let wait = lease / 3 * u32::try_from(nth).unwrap() / u32::try_from(each).unwrap();
                recovery(&fleet, victim, id, wait)
            });
        recoveries.extend(join_all(took).await);
        heir.process.kill().await;
    }
    let heir = fleet.serve("worker").await;
    fleet.assert_all_stored(rounds * each).await;
    heir.process.kill().await;
    let worst = *recoveries.iter().max().unwrap();
    figure(
        "recovery after a worker's death",
        format_args!("{} kills, lease {lease:?}", recoveries.len()),
        format_args!("worst {worst:.1?}, allowed {:?}", lease + TAKEN_OVER_AFTER),
    );
    promised(worst, lease + TAKEN_OVER_AFTER);
}

/// A worker that runs this file's attempt and nothing else.
async fn victim(fleet: &Fleet, id: &str) -> RunningService {
    let worker = fleet.serve("worker").await;
    fleet.under_way(&format!("/{id}/content"), 1).await;
    worker
}

/// How long after the worker's death the file is stored.
async fn recovery(fleet: &Fleet, worker: RunningService, id: &str, wait: Duration) -> Duration {
    sleep(wait).await;
    worker.process.kill().await;
    let died = Instant::now();
    eventually("somebody else stores it", async || {
        let stored: i64 = sqlx::query_scalar(
            "select count(*) from attachments where media_id = $1 and status = 'stored'",
        )
        .bind(id)
        .fetch_one(&fleet.pool)
        .await
        .unwrap();
        stored == 1
    })
    .await;
    died.elapsed()
}
