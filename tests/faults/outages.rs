//! Postgres, the store and the providers, silent, slow, full or in ruins.
//!
//! What a provider answers is told case by case in `tests/it/ingest`; what an
//! address does, in `tests/it/ingest/addresses.rs`.

use crate::between;
use crate::figures::{figure, promised, skip, times};
use crate::fleet::{Fleet, ids, text};
use crate::ground::requests::{get_request, line};
use crate::ground::sandbox::eventually;
use crate::ground::{ANY_PORT, bucket};
use crate::mounts::SmallDisk;
use crate::proxy::{Proxy, Weather};
use attachments::dev::object_store::{Fault, ObjectStore, Operation, Settings};
use futures::future::join_all;
use http::StatusCode;
use std::time::Duration;
use tokio::time::Instant;
use tonic::Code;

/// The default of `database.patience`.
const PATIENCE: Duration = Duration::from_secs(2);

/// F15, idle and busy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_database_is_unavailable_in_time_and_leaks_no_connection() {
    let mut fleet = Fleet::new().await;
    fleet.set("egress.idle_timeout", "3s");
    let proxy = between::postgres(&mut fleet).await;
    let _service = fleet.serve("all").await;
    let first = ids("before-", 24);
    fleet.put_files(&first);
    fleet.register_all(&first).await;
    fleet.assert_all_stored(24).await;

    fleet.put_file("silent", &text("silent", 4_000), &[]);
    for (round, busy) in [false, true].into_iter().enumerate() {
        let files = ids(&format!("silent-{round}-"), 12);
        if busy {
            for id in &files {
                fleet.put_file(id, &text(id, 4_000), &["stall", "ok"]);
            }
            fleet.register_all(&files).await;
            under_way(&fleet, &format!("silent-{round}-"), 12).await;
        } else {
            fleet.put_files(&files);
        }
        proxy.set(Weather::BlackHole);
        let began = Instant::now();
        // More than the pool has connections.
        let refusals = join_all(first.iter().map(async |id| {
            let (mut writer, mut reader) = (fleet.client(), fleet.client());
            let request = get_request(fleet.promises()[id].ids[0].clone());
            let written = writer.register_attachment(line("silent")).await;
            let read = reader.get_attachment(request).await;
            (written.unwrap_err().code(), read.unwrap_err().code())
        }))
        .await;
        let took = began.elapsed();
        assert!(
            refusals
                .iter()
                .all(|code| *code == (Code::Unavailable, Code::Unavailable)),
            "{refusals:?}"
        );
        // Two calls, one after the other; each may be as late again.
        promised(took, PATIENCE * 2 * 2);
        figure(
            "silent database",
            "48 calls, 2 at a time each",
            format!("UNAVAILABLE in {took:?}"),
        );
        proxy.set(Weather::Fair);
        fleet.register_all(&files).await;
        fleet.register("silent").await;
        fleet.assert_all_stored(25 + 12 * (round + 1)).await;
        eventually("the connections are as many as before", async || {
            let open = "select count(*) from pg_stat_activity
                where datname = current_database() and application_name = 'attachments'";
            // The pool's, and the one that listens.
            fleet.count(open).await <= 8 + 1
        })
        .await;
    }
}

/// Waits until so many downloads have begun.
async fn under_way(fleet: &Fleet, prefix: &str, count: usize) {
    eventually("the downloads are under way", async || {
        fleet.ground.simulator.requests_for(prefix) >= count
    })
    .await;
}

/// F22, F26, F27: 5xx, wrong keys, no bucket, and nobody there at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_the_store_counts_no_attempt_and_is_made_up_for() {
    let mut fleet = Fleet::new().await;
    fleet.set("retry.max_attempts", "3");
    let proxy = between::store(&mut fleet).await;
    let _service = fleet.serve("all").await;
    let faults = fleet.ground.store.faults();
    let mut total = 0;
    for outage in [
        Some(StatusCode::INTERNAL_SERVER_ERROR),
        Some(StatusCode::FORBIDDEN),
        Some(StatusCode::NOT_FOUND),
        None,
    ] {
        if let Some(status) = outage {
            faults.inject(None, usize::MAX, Fault::Status(status));
        } else {
            proxy.set(Weather::Refuse);
            proxy.reset_all();
        }
        let files = ids(&format!("out-{total}-"), times(40, 1_000));
        fleet.put_files(&files);
        fleet.register_all(&files).await;
        total += files.len();
        eventually("many have met it", async || {
            let met = "select count(*) from work where failure_reason = 'STORAGE_UNAVAILABLE'";
            fleet.count(met).await >= 30
        })
        .await;
        let counted = "select count(*) from work where attempt_count > 0 and leased_by is null";
        assert_eq!(fleet.count(counted).await, 0, "{outage:?}");
        let ended = "select count(*) from attachments where status = 'failed'";
        assert_eq!(fleet.count(ended).await, 0, "{outage:?}");
        faults.clear();
        proxy.set(Weather::Fair);
        let began = Instant::now();
        fleet.assert_all_stored(total).await;
        let name = outage.map_or("nobody".to_owned(), |status| status.to_string());
        let drained = format!("0 failed, drained in {:?}", began.elapsed());
        figure(&format!("store: {name}"), files.len(), drained);
    }
}

/// F22: an answer in two is an error, whatever is asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_errors_passes() {
    let fleet = Fleet::new().await;
    let _service = fleet.serve("all").await;
    let faults = fleet.ground.store.faults();
    for _ in 0..times(30, 300) {
        for operation in [
            Operation::Put,
            Operation::Head,
            Operation::Delete,
            Operation::List,
        ] {
            faults.inject(operation, 1, Fault::Status(StatusCode::SERVICE_UNAVAILABLE));
            faults.inject(operation, 1, Fault::Delay(Duration::ZERO));
        }
    }
    let files = ids("storm-", times(40, 400));
    fleet.put_files(&files);
    fleet.register_all(&files).await;
    eventually("all are through", async || {
        fleet.count("select count(*) from work").await == 0
    })
    .await;
    faults.clear();
    fleet.assert_all_stored(files.len()).await;
}

/// F23, F24: the answer is lost after the object was stored, and the upload is
/// cut in the middle.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_put_that_is_cut_leaves_the_whole_file_once() {
    let fleet = Fleet::new().await;
    let _service = fleet.serve("all").await;
    let faults = fleet.ground.store.faults();
    let mut total = 0;
    // A dozen at a time: the next ones would wait for the store's circuit.
    for _ in 0..times(1, 8) {
        for after_bytes in [u64::MAX, 2_000, 0] {
            let files = ids(&format!("cut-{total}-"), 12);
            // The client repeats each once by itself.
            faults.inject(Operation::Put, files.len(), Fault::Cut { after_bytes });
            fleet.put_files(&files);
            fleet.register_all(&files).await;
            total += files.len();
            eventually("all are through", async || {
                fleet.count("select count(*) from work").await == 0
            })
            .await;
            faults.clear();
            fleet.assert_all_stored(total).await;
        }
    }
    figure("puts cut", total, "0 lost");
}

/// F25.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_store_holds_up_no_registration() {
    let mut fleet = Fleet::new().await;
    let proxy = between::store(&mut fleet).await;
    let _service = fleet.serve("all").await;
    proxy.set(Weather::Throttle(10 * 1024));
    let files = ids("slow-", 20);
    for id in &files {
        fleet.put_file(id, &text(id, 30_000), &[]);
    }
    fleet.register_all(&files).await;
    let stored = "select count(*) from attachments where status = 'stored'";
    assert_eq!(fleet.count(stored).await, 0, "the store is not slow");
    fleet.assert_all_stored(20).await;
}

/// F28.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_of_the_store_is_waited_for() {
    let mut fleet = Fleet::new().await;
    let Some(disk) = SmallDisk::mount("2m") else {
        skip("a small file system can be mounted by root only");
        return;
    };
    fleet.ground.store = ObjectStore::start(Settings {
        root: disk.path().join("s3"),
        listen: ANY_PORT,
        access_key: "test".to_owned(),
        secret_key: "the secret of the store".into(),
        buckets: vec!["bucket".to_owned()],
    })
    .await
    .unwrap();
    let endpoint = format!("http://{}", fleet.ground.store.local_addr());
    fleet
        .set("s3.endpoint", &endpoint)
        .set("retry.max_attempts", "3");
    let _service = fleet.serve("all").await;
    disk.fill();
    let files = ids("full-", 10);
    fleet.put_files(&files);
    fleet.register_all(&files).await;
    eventually("each was tried twice", async || {
        fleet
            .count("select count(*) from work where fence >= 2")
            .await
            == 10
    })
    .await;
    let visible = bucket::keys(&fleet.ground.s3(), "bucket").await;
    assert!(visible.is_empty(), "{visible:?}");
    disk.free();
    fleet.assert_all_stored(10).await;
}

/// G18, I11.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registration_does_not_feel_that_store_and_provider_are_black_holes() {
    let mut fleet = Fleet::new().await;
    let (store, provider) = (
        between::store(&mut fleet).await,
        between::line(&mut fleet).await,
    );
    let _worker = fleet.serve("worker").await;
    let _api = fleet.serve("api").await;
    let (mut normal, mut holed) = (Vec::new(), Vec::new());
    let mut total = 0;
    // In turns, for the machine has other things to do as well.
    for round in 0..times(4, 40) {
        for (weather, latencies) in [
            (Weather::Fair, &mut normal),
            (Weather::BlackHole, &mut holed),
        ] {
            set(&[&store, &provider], weather);
            let files = ids(&format!("{round}-{weather:?}-"), 100);
            fleet.put_files(&files);
            latencies.extend(latencies_of(&fleet, &files).await);
            total += files.len();
            set(&[&store, &provider], Weather::Fair);
            fleet.wait_for_rest().await;
        }
    }
    fleet.assert_all_stored(total).await;
    let (normal, holed) = (p99(normal), p99(holed));
    let ratio = holed.as_secs_f64() / normal.as_secs_f64();
    figure(
        "register, store and provider black holes",
        total / 2,
        format!("100 % answered, p99 {holed:?}, normally {normal:?}, ratio {ratio:.2} (goal 1.2)"),
    );
    // What two busy cores do to one call in a hundred is no dependency.
    let least = Duration::from_millis(50);
    assert!(
        holed < normal.max(least) * 3,
        "{holed:?} against {normal:?}"
    );
}

fn set(proxies: &[&Proxy], weather: Weather) {
    for proxy in proxies {
        proxy.set(weather);
    }
}

/// Registers each once, two at a time; every one must be answered.
async fn latencies_of(fleet: &Fleet, files: &[String]) -> Vec<Duration> {
    let halves = files.chunks(files.len().div_ceil(2));
    let taken = join_all(halves.map(async |half| {
        let mut client = fleet.client();
        let mut latencies = Vec::new();
        for id in half {
            let began = Instant::now();
            let answer = client.register_attachment(line(id)).await.unwrap();
            latencies.push(began.elapsed());
            let attachment = answer.into_inner().attachment.unwrap();
            fleet.note(id, &attachment.attachment_id);
        }
        latencies
    }));
    taken.await.concat()
}

fn p99(mut latencies: Vec<Duration>) -> Duration {
    latencies.sort_unstable();
    latencies[latencies.len() * 99 / 100]
}
