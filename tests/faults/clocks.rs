//! Clocks that are wrong.

use crate::figures::{skip, times};
use crate::fleet::{Fleet, ids, text};
use std::fs;

/// F32: leases, backoff and due times are the database's to tell. Ten minutes
/// is what an S3 store forgives a signature; beyond it, it is the store that
/// refuses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_whose_clock_is_ten_minutes_off_works_as_any_other() {
    let Some(preload) = preload() else {
        skip("faketime is not installed");
        return;
    };
    let mut fleet = Fleet::new().await;
    fleet.set("egress.idle_timeout", "120s");
    let _api = fleet.serve("api").await;
    let mut total = 0;
    for (off, nth) in ["+10m", "-10m"].iter().zip(0..) {
        let wall_clock = format!("FAKETIME={off}");
        // Sleeping goes by the monotonic clock, which nobody sets.
        let launcher = [
            "env",
            &preload,
            &wall_clock,
            "FAKETIME_DONT_FAKE_MONOTONIC=1",
        ];
        let skewed = fleet.serve_by(&launcher, "worker").await;
        let right = fleet.serve("worker").await;
        let files = ids(&format!("skewed-{nth}-"), times(24, 200));
        for (id, n) in files.iter().zip(0..) {
            let script: &[&str] = match n % 3 {
                0 => &["503", "503", "ok"],
                1 => &["202", "ok"],
                _ => &[],
            };
            fleet.put_file(id, &text(id, 4_000), script);
        }
        // Held longer than a lease by whoever has it.
        let held = format!("held-{nth}");
        fleet.put_file(&held, &text(&held, 160), &["drip:40"]);
        fleet.register(&held).await;
        fleet.register_all(&files).await;
        total += files.len() + 1;
        fleet.assert_all_stored(total).await;
        let asked = fleet.ground.simulator.requests_for(&held);
        assert_eq!(asked, 1, "its lease was taken for over");

        // What the skewed one leaves is taken over in time.
        right.process.kill().await;
        let left = format!("left-{nth}");
        fleet.put_file(&left, &text(&left, 4_000), &["stall", "ok"]);
        fleet.register(&left).await;
        fleet.under_way(&left, 1).await;
        skewed.process.kill().await;
        let heir = fleet.serve("worker").await;
        total += 1;
        fleet.assert_all_stored(total).await;
        heir.process.kill().await;
    }
    let more_than_needed = "select count(*) from attachments
        where media_id like 'skewed-%' and attempt_count > 3";
    assert_eq!(fleet.count(more_than_needed).await, 0);
}

/// F32: at work. The store refuses what was signed an hour ago, and tells its
/// own time, by which the next try is signed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_whose_clock_steps_back_an_hour_goes_on() {
    let Some(preload) = preload() else {
        skip("faketime is not installed");
        return;
    };
    let fleet = Fleet::new().await;
    let clock = fleet.ground.sandbox.write("clock", "+0");
    let launcher = [
        "env",
        &preload,
        &format!("FAKETIME_TIMESTAMP_FILE={}", clock.display()),
        "FAKETIME_NO_CACHE=1",
        "FAKETIME_DONT_FAKE_MONOTONIC=1",
    ];
    let _api = fleet.serve("api").await;
    let _worker = fleet.serve_by(&launcher, "worker").await;
    // Held longer than a lease, and under way when the clock steps.
    fleet.put_file("held", &text("held", 160), &["drip:40"]);
    fleet.register("held").await;
    fleet.under_way("held", 1).await;
    let files = ids("stepped-", times(24, 200));
    let (back, forth) = files.split_at(files.len() / 2);
    for (files, time) in [(back, "-1h"), (forth, "+0")] {
        fs::write(&clock, time).unwrap();
        for (id, n) in files.iter().zip(0..) {
            let script: &[&str] = if n % 2 == 0 { &["503", "ok"] } else { &[] };
            fleet.put_file(id, &text(id, 4_000), script);
        }
        fleet.register_all(files).await;
        let all = 1 + back.len() * if time == "-1h" { 1 } else { 2 };
        fleet.assert_all_stored(all).await;
    }
    let asked = fleet.ground.simulator.requests_for("held");
    assert_eq!(asked, 1, "its lease was taken for over");
    let more_than_needed = "select count(*) from attachments where attempt_count > 2";
    assert_eq!(fleet.count(more_than_needed).await, 0);
}

/// What has the clock faked. The command `faketime` is no use: what it starts
/// outlives it.
fn preload() -> Option<String> {
    // Where Linux distributions put it.
    let folders = fs::read_dir("/usr/lib").ok()?;
    let mut candidates = folders.flatten().map(|folder| folder.path());
    let library = candidates.find_map(|folder| {
        [folder.join("faketime"), folder]
            .map(|folder| folder.join("libfaketimeMT.so.1"))
            .into_iter()
            .find(|library| library.exists())
    })?;
    Some(format!("LD_PRELOAD={}", library.display()))
}
