//! A service around the sandbox, for what only a whole process can show. It
//! tells what it saw on stdout, in JSON.

use crate::answer::sum;
use attachments::sandbox::{Answer, Ended, Failure, Frame, Input, Lack, Sandbox, Settings};
use bytes::Bytes;
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

pub fn be(what: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let told = runtime.block_on(async {
        match what {
            "keeps children" => keeps_children().await,
            "comes to rest" => comes_to_rest().await,
            "loses children" => loses_children().await,
            "is bombed" => is_bombed(160 << 20).await,
            "is bombed in earnest" => is_bombed(576 << 20).await,
            "has no descriptors" => has_no_descriptors().await,
            "measures" => measures().await,
            _ => json!("there is no such service"),
        }
    });
    say(&told);
}

fn sandbox(slots: usize) -> Sandbox {
    let settings = Settings {
        wall: Duration::from_mins(1),
        slots,
        ..Settings::default()
    };
    Sandbox::new(&settings).unwrap()
}

async fn ask(sandbox: &Sandbox, attack: &str, input: Input) -> Answer {
    sandbox.run(asked(attack), input).await.all().await
}

fn asked(attack: &str) -> Vec<u8> {
    json!({ "attack": attack }).to_string().into_bytes()
}

/// Has children that wait, says their ids, and waits to be killed.
async fn keeps_children() -> Value {
    let sandbox = sandbox(8);
    let mut kept = Vec::new();
    for _ in 0..8 {
        let mut answers = sandbox.run(asked("waits"), file(100)).await;
        let verdict = answers.next().await.unwrap().unwrap();
        say(&verdict.facts::<Value>().unwrap()["pid"]);
        kept.push(answers);
    }
    std::future::pending().await
}

/// What the process holds before and after many children.
async fn comes_to_rest() -> Value {
    let sandbox = sandbox(4);
    let spool = tempfile::tempfile().unwrap();
    (&spool).write_all(&[7; 2000]).unwrap();
    let spool = Input::File(Arc::new(spool));
    for _ in 0..10 {
        ask(&sandbox, "reads the file", spool.clone()).await;
    }
    let before = open_descriptors();
    for turn in 0..200 {
        let input = if turn % 2 == 0 {
            spool.clone()
        } else {
            file(2000)
        };
        match turn % 4 {
            0 | 1 => drop(ask(&sandbox, "reads the file", input).await),
            2 => drop(ask(&sandbox, "aborts after its verdict", input).await),
            _ => drop(sandbox.run(asked("waits"), input).await),
        }
    }
    // Those that were dropped are on their way.
    let mut after = open_descriptors();
    for _ in 0..600 {
        if after <= before && children().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        after = open_descriptors();
    }
    json!({ "before": before, "after": after, "children": children().len() })
}

/// Loses children at random moments, and compares what was said with what
/// would have been right.
async fn loses_children() -> Value {
    let sandbox = sandbox(4);
    let bytes: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    let right = format!("{} {}", bytes.len(), sum(&bytes));
    let over = Arc::new(AtomicBool::new(false));
    let hunter = std::thread::spawn({
        let over = over.clone();
        move || kill_at_random(&over)
    });
    let mut runs = JoinSet::new();
    let bytes = Bytes::from(bytes);
    let (mut said, mut wrong, mut unlike) = (0, 0, Vec::new());
    let (mut whole, mut killed, mut early, mut started) = (0, 0, 0, 0);
    while killed + early < 200 && started < 5000 {
        while runs.len() < 8 {
            started += 1;
            let (sandbox, input) = (sandbox.clone(), Input::Memory(bytes.clone()));
            runs.spawn(async move { ask(&sandbox, "answers slowly", input).await });
        }
        let answer = runs.join_next().await.unwrap().unwrap();
        let verdict = answer
            .frames
            .first()
            .map(|frame: &Frame| frame.facts::<Value>());
        if let Some(verdict) = verdict {
            said += 1;
            wrong += usize::from(verdict.unwrap()["found"] != right.as_str());
        }
        match answer.failure {
            None if answer.frames.len() == 11 => whole += 1,
            Some(Failure::Crashed {
                how: Ended::Signal(9),
                ..
            }) => killed += 1,
            // One that had read nothing yet.
            Some(Failure::Lacking(Lack::Confinement {
                how: Ended::Signal(9),
                ..
            })) => early += 1,
            other => unlike.push(format!("{other:?} after {}", answer.frames.len())),
        }
    }
    over.store(true, Ordering::Relaxed);
    hunter.join().unwrap();
    runs.join_all().await;
    json!({
        "started": started, "killed": killed, "early": early, "whole": whole,
        "verdicts": said, "wrong": wrong, "unlike": unlike, "children": children().len(),
    })
}

fn kill_at_random(over: &AtomicBool) {
    let mut random = 88_172_645_463_325_252_u64;
    let mut next = |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    while !over.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_micros(next(12_000)));
        let children = children();
        if !children.is_empty() {
            let chosen = usize::try_from(next(children.len() as u64)).unwrap();
            let _ = kill_process(Pid::from_raw(children[chosen]).unwrap(), Signal::KILL);
        }
    }
}

/// 64 bombs at once, and what they cost this process.
async fn is_bombed(memory_bytes: u64) -> Value {
    let settings = Settings {
        memory_bytes,
        wall: Duration::from_mins(1),
        ..Settings::default()
    };
    let slots = settings.slots;
    let sandbox = Sandbox::new(&settings).unwrap();
    ask(&sandbox, "nothing at all", file(100)).await;
    let before = status("VmRSS:");
    let over = Arc::new(AtomicBool::new(false));
    let counter = std::thread::spawn({
        let over = over.clone();
        move || {
            let mut most = 0;
            while !over.load(Ordering::Relaxed) {
                most = most.max(children().len());
                std::thread::sleep(Duration::from_millis(1));
            }
            most
        }
    });
    let mut runs = JoinSet::new();
    for _ in 0..64 {
        let sandbox = sandbox.clone();
        runs.spawn(async move { ask(&sandbox, "takes memory", file(100_000)).await });
    }
    let answers = runs.join_all().await;
    over.store(true, Ordering::Relaxed);
    let out_of_memory =
        |failure: &Option<Failure>| matches!(failure, Some(Failure::OutOfMemory { .. }));
    let bombs = answers
        .iter()
        .filter(|answer| out_of_memory(&answer.failure))
        .count();
    json!({
        "rss_before_kib": before, "rss_peak_kib": status("VmHWM:"), "out_of_memory": bombs,
        "slots": slots, "children_at_most": counter.join().unwrap(),
    })
}

/// A process that has no descriptor left, and then has.
async fn has_no_descriptors() -> Value {
    let sandbox = sandbox(1);
    let first = ask(&sandbox, "nothing at all", file(10)).await;
    let limit = getrlimit(Resource::Nofile);
    let few = Rlimit {
        current: Some(64),
        ..limit
    };
    setrlimit(Resource::Nofile, few).unwrap();
    let mut taken = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        taken.push(file);
    }
    let mut failures = Vec::new();
    for _ in 0..8 {
        let answer = ask(&sandbox, "nothing at all", file(10)).await;
        failures.push(answer.failure.map(|failure| format!("{failure:?}")));
        taken.pop();
    }
    drop(taken);
    setrlimit(Resource::Nofile, limit).unwrap();
    let last = ask(&sandbox, "nothing at all", file(10)).await;
    json!({
        "first": first.failure.is_none(), "failures": failures, "last": last.failure.is_none(),
    })
}

/// From the question to the first frame, with everything in between.
async fn measures() -> Value {
    let sandbox = sandbox(1);
    let mut told = serde_json::Map::new();
    for (name, length) in [("100 bytes", 100), ("5 MB", 5_000_000)] {
        let mut times = Vec::new();
        let bytes = Bytes::from(vec![7; length]);
        for _ in 0..300 {
            let begun = Instant::now();
            let input = Input::Memory(bytes.clone());
            let mut answers = sandbox.run(asked("nothing at all"), input).await;
            answers.next().await.unwrap().unwrap();
            times.push(begun.elapsed());
            assert!(answers.next().await.unwrap().is_none());
        }
        times.sort();
        let line = format!("p50 {:?} p99 {:?}", times[150], times[297]);
        told.insert(name.to_owned(), line.into());
    }
    told.into()
}

fn file(length: usize) -> Input {
    Input::Memory(vec![7; length].into())
}

fn say(what: &Value) {
    let mut stdout = io::stdout();
    writeln!(stdout, "{what}").unwrap();
    stdout.flush().unwrap();
}

fn open_descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// The children of this process that have not ended.
fn children() -> Vec<i32> {
    let own = process::id().to_string();
    let entries = fs::read_dir("/proc").unwrap();
    let is_child = |path: &Path| {
        let stat = fs::read_to_string(path.join("stat")).unwrap_or_default();
        let behind_the_name = stat.rsplit(") ").next().unwrap_or_default();
        let mut fields = behind_the_name.split(' ');
        fields.next() != Some("Z") && fields.next() == Some(own.as_str())
    };
    let numbers = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let pid = entry.file_name().to_str()?.parse().ok()?;
        is_child(&entry.path()).then_some(pid)
    });
    numbers.collect()
}

/// A figure of this process, in KiB.
fn status(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
