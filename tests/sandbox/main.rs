//! The sandbox from outside: real children of a program that does in them
//! what a hostile file would.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "a test binary: a panic is a failed test"
)]

mod answers;
mod attacks;
mod confinement;
mod life;
mod service;

use attachments::sandbox::{Answer, Input, Sandbox, Settings};
use bytes::Bytes;
use serde_json::{Value, json};
use std::path::Path;
use std::process;
use std::time::{Duration, Instant};

/// The program that is the child.
const PROGRAM: &str = env!("CARGO_BIN_EXE_hostile_child");

/// Long enough for anything on a machine that has much to do.
const LONG: Duration = Duration::from_mins(1);

fn settings() -> Settings {
    Settings {
        program: PROGRAM.into(),
        wall: LONG,
        slots: 2,
        ..Settings::default()
    }
}

fn sandbox() -> Sandbox {
    Sandbox::new(&settings()).unwrap()
}

fn asked(attack: &str) -> Vec<u8> {
    let request = json!({ "attack": attack, "parent": process::id() });
    request.to_string().into_bytes()
}

fn memory(length: usize) -> Input {
    Input::Memory(Bytes::from(vec![7; length]))
}

/// All that a child says that does this.
async fn attacked(attack: &str) -> Answer {
    sandbox().run(asked(attack), memory(100)).await.all().await
}

/// What it says it found.
fn found(answer: &Answer) -> String {
    assert!(answer.failure.is_none(), "{:?}", answer.failure);
    let verdict: Value = answer.frames[0].facts().unwrap();
    verdict["found"].as_str().unwrap().to_owned()
}

/// Waits for what will be so.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < LONG, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Whether a process has ended, though nobody may have waited for it yet.
fn is_gone(pid: &Value) -> bool {
    let stat = Path::new("/proc").join(pid.to_string()).join("stat");
    std::fs::read_to_string(stat).map_or(true, |stat| stat.contains(") Z "))
}
