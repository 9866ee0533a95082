//! `kill -9` at any moment, of a worker, an API process or every backend of
//! Postgres, while registrations go on.

use crate::cluster::Cluster;
use crate::figures::{figure, is_long, times};
use crate::fleet::{Fleet, text};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Splitmix64: the same seed, the same kills.
struct Dice(u64);

impl Dice {
    fn up_to(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % most
    }
}

/// Time that CI has for it.
const SHORT: Duration = Duration::from_secs(90);

/// F8, F10 and F1 to F9 at moments that nobody chose. `ATTACHMENTS_FAULTS_SEED`
/// repeats a run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_are_killed_at_random_lose_nothing() {
    let seed = std::env::var("ATTACHMENTS_FAULTS_SEED").map_or_else(
        |_| u64::from(std::process::id()),
        |seed| seed.parse().unwrap(),
    );
    println!("ATTACHMENTS_FAULTS_SEED={seed}");
    let mut dice = Dice(seed);
    let mut cluster = Cluster::start().await;
    let mut fleet = Fleet::on(cluster.url()).await;
    // A file that five kills hit is no file that was lost.
    fleet.set("retry.max_attempts", "100");
    fleet.set("limits.spool_memory_bytes", "4096");
    let began = Instant::now();
    let (mut api, mut worker) = (fleet.serve("api").await, fleet.serve("worker").await);
    let (over, registered) = (AtomicBool::new(false), AtomicUsize::new(0));

    let gateways = async |name: &str| {
        for n in 0.. {
            if over.load(Ordering::Relaxed) {
                return;
            }
            let id = format!("{name}{n:05}");
            // Some in memory, some on disk, some that come slowly.
            let script: &[&str] = if n % 10 == 0 { &["drip:1"] } else { &[] };
            let bytes = [500, 3_000, 300_000][n % 3];
            let bytes = if script.is_empty() { bytes } else { 300 };
            fleet.put_file(&id, &text(&id, bytes), script);
            fleet.register(&id).await;
            registered.fetch_add(1, Ordering::Relaxed);
            sleep(Duration::from_millis(20)).await;
        }
    };
    // Some get a thumbnail, and their content is made anew again and again.
    // While Postgres is away neither can be.
    let renditions = async {
        let mut redriven = 0;
        while !over.load(Ordering::Relaxed) {
            for _ in 0..5 {
                let _ = fleet.put_thumbnail().await;
            }
            redriven += usize::from(fleet.redrive_content().await.code == Some(0));
            sleep(Duration::from_millis(300)).await;
        }
        redriven
    };
    let kills = async {
        let mut done = 0;
        while done < times(60, 500) && (is_long() || began.elapsed() < SHORT) {
            sleep(Duration::from_millis(dice.up_to(700))).await;
            match done % 10 {
                9 => {
                    cluster.crash().await;
                    cluster.start_again().await;
                }
                even if even % 2 == 0 => {
                    worker.process.kill().await;
                    worker = fleet.serve("worker").await;
                }
                _ => {
                    api.process.kill().await;
                    api = fleet.serve("api").await;
                }
            }
            done += 1;
        }
        over.store(true, Ordering::Relaxed);
        (done, api, worker)
    };
    let ((done, _api, _worker), (), (), redriven) =
        tokio::join!(kills, gateways("a"), gateways("b"), renditions);

    let files = registered.into_inner();
    assert!(files > done, "{files} files, {done} kills: no load");
    fleet.assert_all_stored(files).await;
    let dead = "select count(*) from attempts where failure_reason = 'INTERRUPTED'";
    let hit = fleet.count(dead).await;
    assert!(hit > 0, "no kill hit an attempt");
    let thumbnails = "select count(*) from objects where rendition = 'thumbnail'";
    let thumbnails = fleet.count(thumbnails).await;
    assert!(redriven > 0 && thumbnails > 0, "no load of either");
    let made = "select count(*) from attempts where kind = 'content' and failure_reason is null";
    let made = fleet.count(made).await;
    assert!(made > 0, "no content was looked at");
    figure(
        "kill -9 at random under load",
        format_args!(
            "{done} kills, {files} files, {thumbnails} thumbnails, {made} times content, \
             {hit} attempts hit, seed {seed}"
        ),
        "0 lost, 0 stuck, 0 wrong hashes, 0 unreferenced objects",
    );
}
