//! What the machine runs out of: file descriptors, threads, memory, disk,
//! readers of the log.
//!
//! Bad starts are told in `tests/it/process/faults.rs` and
//! `tests/it/process/serve.rs`.

use crate::cluster::Cluster;
use crate::control_group::ControlGroup;
use crate::figures::{figure, skip, times};
use crate::fleet::{Fleet, ids, stop, text};
use crate::ground::requests::{get_request, line};
use crate::ground::running_service::RunningService;
use crate::ground::sandbox::eventually;
use crate::mounts::SmallDisk;
use serde_json::Value;
use std::fs;
use std::process::Command;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::net::unix::pipe;
use tokio::time::{Instant, timeout};
use tonic::Code;

/// F40.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_out_of_file_descriptors_waits_and_serves_again() {
    let mut fleet = Fleet::new().await;
    // So that it has little else to do.
    fleet
        .set("retry.poll_interval", "1s")
        .set("retention.sweep_interval", "1s");
    let launcher = ["sh", "-c", "ulimit -n 64; exec \"$@\"", "sh"];
    let service = fleet.serve_by(&launcher, "all").await;
    let files = ids("scarce-", 20);
    fleet.put_files(&files);
    fleet.register_all(&files[..10]).await;
    fleet.assert_sound().await;
    let address = service.grpc.unwrap();
    let mut crowd = Vec::new();
    for _ in 0..120 {
        crowd.push(TcpStream::connect(address).await.unwrap());
    }
    eventually("all are taken", async || descriptors(&service) >= 64).await;
    // A call that it cannot even take.
    let mut client = fleet.client();
    let call = client.register_attachment(line(&files[10]));
    let call = timeout(Duration::from_secs(2), call);
    assert!(!matches!(call.await, Ok(Ok(_))), "there was room yet");
    let before = cpu_ticks(&format!("/proc/{}/stat", service.process.pid()));
    let spun = tokio::task::spawn_blocking(|| spin(Duration::from_secs(2))).await;
    let used = cpu_ticks(&format!("/proc/{}/stat", service.process.pid())) - before;
    let share = used / spun.unwrap();
    figure(
        "out of file descriptors",
        "120 connections",
        format!("{share:.2} of a busy core"),
    );
    assert!(share < 1.0, "it spins: {share:.2} of what a busy loop gets");
    drop(crowd);
    fleet.register_all(&files).await;
    fleet.assert_all_stored(20).await;
    stop(service).await;
}

fn descriptors(service: &RunningService) -> usize {
    let folder = format!("/proc/{}/fd", service.process.pid());
    fs::read_dir(folder).unwrap().count()
}

/// What one core has to give just now: how much a loop that does nothing gets.
fn spin(time: Duration) -> f64 {
    let before = cpu_ticks("/proc/thread-self/stat");
    let until = Instant::now() + time;
    while Instant::now() < until {}
    cpu_ticks("/proc/thread-self/stat") - before
}

/// What a process or a thread has used so far.
fn cpu_ticks(stat: &str) -> f64 {
    let stat = fs::read_to_string(stat).unwrap();
    let behind_the_name = stat.rsplit_once(')').unwrap().1;
    let fields: Vec<&str> = behind_the_name.split_whitespace().collect();
    let ticks = |nth: usize| fields[nth].parse::<f64>().unwrap();
    ticks(11) + ticks(12)
}

/// F50: nobody reads the log, and its pipe is full.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_nobody_reads_holds_up_nothing() {
    let mut fleet = Fleet::new().await;
    fleet.set("telemetry.log_filter", "trace");
    let fifo = fleet.ground.sandbox.path("log");
    let made = Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    let log = pipe::OpenOptions::new().open_receiver(&fifo).unwrap();
    let redirected = format!("exec \"$@\" 2>{}", fifo.display());
    let launcher = ["sh", "-c", &redirected, "sh"];
    let process = fleet.ground.sandbox.start_by(&launcher, &["serve"]);
    let mut log = BufReader::new(log).lines();
    let service = loop {
        let line: Value = match log.next_line().await.unwrap() {
            Some(line) => serde_json::from_str(&line).unwrap(),
            // Nobody has opened it for writing yet.
            None => continue,
        };
        if line["message"] == "serving" {
            let address = |name: &str| line[name].as_str().unwrap().parse().unwrap();
            break RunningService {
                grpc: Some(address("grpc")),
                admin: address("admin"),
                process,
            };
        }
    };
    fleet.adopt(&service).await;
    let mut total = 0;
    while service
        .metric("attachments_log_lines_dropped_total")
        .await
        .is_none()
    {
        let files = ids(&format!("unread-{total}-"), 50);
        fleet.put_files(&files);
        fleet.register_all(&files).await;
        total += files.len();
        assert!(total < 5_000, "no line is ever dropped");
    }
    fleet.set("telemetry.log_filter", "info");
    fleet.assert_all_stored(total).await;
    // It does not wait for a reader to end either.
    stop(service).await;
}

/// F18: no room for the log that commits go to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_of_postgres_is_unavailable_and_passes() {
    let Some(disk) = SmallDisk::mount("160m") else {
        skip("a small file system can be mounted by root only");
        return;
    };
    let mut cluster = Cluster::start_below(disk.path()).await;
    let fleet = Fleet::on(cluster.url()).await;
    let service = fleet.serve("all").await;
    let mut files = ids("brimful-", 60);
    for id in &files {
        fleet.put_file(id, &text(id, 4_000), &[]);
    }
    fleet.register_all(&files[..20]).await;
    fleet.assert_all_stored(20).await;
    disk.fill();
    let mut codes = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(20);
    // What is left of the segment that is open takes a while to fill.
    while codes.last() != Some(&Code::Unavailable) && Instant::now() < deadline {
        let _ = sqlx::raw_sql(
            "create table if not exists ballast (line text);
            insert into ballast select repeat(md5(n::text), 50) from generate_series(1, 4000) n",
        )
        .execute(&fleet.pool)
        .await;
        // Another one each time: a repeat writes nothing.
        let id = format!("overflowing-{}", codes.len());
        fleet.put_file(&id, &text(&id, 4_000), &[]);
        let answer = fleet.client().register_attachment(line(&id)).await;
        files.push(id);
        codes.push(answer.map_or_else(|refusal| refusal.code(), |_| Code::Ok));
    }
    assert_eq!(codes.pop(), Some(Code::Unavailable), "{codes:?}");
    assert!(codes.iter().all(|code| *code == Code::Ok), "{codes:?}");
    let request = get_request(fleet.promises()[&files[0]].ids[0].clone());
    let read = fleet.client().get_attachment(request).await;
    println!("a read while the disk is full: {:?}", read.map(|_| ()));
    disk.free();
    if sqlx::query("select 1").execute(&fleet.pool).await.is_err() {
        // It gave up by itself when it could not write its log.
        cluster.crash().await;
        cluster.start_again().await;
    }
    fleet.register_all(&files).await;
    fleet.assert_all_stored(files.len()).await;
    assert!(service.readyz().await.is_some());
}

/// F38: less memory than the files that come at the same time have bytes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_larger_than_the_memory_come_in_all_the_same() {
    const LIMIT: usize = 64 * 1024 * 1024;
    let Some(group) = ControlGroup::make("memory") else {
        skip("no memory control group can be made here");
        return;
    };
    let mut fleet = Fleet::new().await;
    fleet
        .set("retry.lease", "30s")
        .set("limits.ingest_concurrency", "48")
        .set("limits.tenant_concurrency", "48");
    group.write("memory.limit_in_bytes", &LIMIT.to_string());
    let files = ids("heavy-", times(24, 200));
    let content = text("heavy", 4_500_000);
    assert!(content.len() * 24 > LIMIT * 3 / 2);
    for id in &files {
        fleet.put_file(id, &content, &[]);
    }
    let service = group.serve(&fleet, "all").await;
    fleet.register_all(&files).await;
    fleet.assert_all_stored(files.len()).await;
    let peak = group.read("memory.max_usage_in_bytes");
    figure(
        "64 MiB of memory",
        files.len(),
        format!("all stored, {peak} bytes at most, disk cache included"),
    );
    // It was not killed on the way.
    stop(service).await;
}

/// F41: files that go to disk, by threads that cannot be made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_may_make_no_more_threads_waits_for_some() {
    let Some(group) = ControlGroup::make("pids") else {
        skip("no control group can be made here");
        return;
    };
    let mut fleet = Fleet::new().await;
    fleet.set("limits.spool_memory_bytes", "10000");
    let service = group.serve(&fleet, "all").await;
    group.write("pids.max", &group.read("pids.current").to_string());
    // Those that are kept may do for a while: it takes files that write at once.
    let mut total = 0;
    while group.read("pids.events") == 0 || total < times(20, 200) {
        let files = ids(&format!("threadless-{total}-"), 20);
        for id in &files {
            fleet.put_file(id, &text(id, 600_000), &[]);
        }
        fleet.register_all(&files).await;
        fleet.wait_for_rest().await;
        total += files.len();
        assert!(total < 5_000, "no thread is ever refused");
    }
    group.write("pids.max", "max");
    fleet.assert_all_stored(total).await;
    figure(
        "no more threads",
        format!("{total} files, {} refused", group.read("pids.events")),
        "0 failed, 0 burnt",
    );
    let burnt = "select count(*) from attachments where attempt_count <> 1";
    assert_eq!(fleet.count(burnt).await, 0, "attempts were burnt");
    let log = service.process.stderr();
    assert!(!log.contains("panicked"), "{log}");
    stop(service).await;
}
