//! A database that dies and comes back, and connections that are cut.

use crate::cluster::Cluster;
use crate::figures::{figure, promised, times};
use crate::fleet::{Fleet, ids, text};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// F13: at work, with registrations going on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_is_restarted_at_once_costs_nothing() {
    let mut cluster = Cluster::start().await;
    let mut fleet = Fleet::on(cluster.url()).await;
    fleet.set("retry.max_attempts", "100");
    let all = fleet.serve("all").await;
    let mut ready = Vec::new();
    for round in 0..times(3, 50) {
        let files = ids(&format!("restart-{round}-"), 40);
        for id in &files {
            fleet.put_file(id, &text(id, 300), &["drip:1", "ok"]);
        }
        let crash = async {
            sleep(Duration::from_millis(100 + 37 * (round as u64 % 10))).await;
            cluster.crash().await;
            cluster.start_again().await;
            let accepts = Instant::now();
            all.wait_ready().await;
            accepts.elapsed()
        };
        let (took, ()) = tokio::join!(crash, fleet.register_all(&files));
        ready.push(took);
    }
    fleet.assert_all_stored(times(3, 50) * 40).await;
    let worst = *ready.iter().max().unwrap();
    figure(
        "Postgres immediate restart at work",
        format_args!("{} restarts, {} files", ready.len(), ready.len() * 40),
        format_args!("0 stuck, ready {worst:.1?} after Postgres at worst"),
    );
    promised(worst, Duration::from_secs(5));
}

/// F14.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_again_and_again_leave_nothing_stuck() {
    let mut fleet = Fleet::new().await;
    fleet.set("retry.max_attempts", "100");
    let _one = fleet.serve("all").await;
    let _other = fleet.serve("worker").await;
    let over = AtomicBool::new(false);
    let registrations = async {
        let mut files = Vec::new();
        for n in 0.. {
            if over.load(Ordering::Relaxed) {
                return files;
            }
            let id = format!("cut-{n:05}");
            fleet.put_file(&id, &text(&id, 300), &["drip:1"]);
            fleet.register(&id).await;
            files.push(id);
            // No more than two workers take in.
            sleep(Duration::from_millis(50)).await;
        }
        files
    };
    let cuts = async {
        let mut cut = 0;
        for _ in 0..times(10, 100) {
            sleep(Duration::from_millis(250)).await;
            cut += fleet
                .count(
                    "select count(pg_terminate_backend(pid)) from pg_stat_activity
                     where datname = current_database() and application_name = 'attachments'",
                )
                .await;
        }
        over.store(true, Ordering::Relaxed);
        cut
    };
    let (files, cut) = tokio::join!(registrations, cuts);
    assert!(cut > 0, "there was nothing to cut");
    fleet.assert_all_stored(files.len()).await;
    figure(
        "connections cut",
        format_args!(
            "{} times, {cut} connections, {} files",
            times(10, 100),
            files.len()
        ),
        "0 stuck",
    );
}
