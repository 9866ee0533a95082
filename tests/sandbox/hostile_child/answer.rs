//! What a child does here, by name, as its inspection.

use crate::{attack, garble};
use attachments::sandbox::{Frames, Kind, Source, Unsaid};
use serde_json::{Value, json};
use std::io::{self, Read as _};
use std::process;
use std::thread;
use std::time::Duration;

/// What is asked is `{"attack": .., "parent": ..}`.
pub fn answer(request: &[u8], mut source: Source, frames: &mut Frames) -> Result<(), Unsaid> {
    let request: Value = serde_json::from_slice(request)?;
    let name = request["attack"].as_str().unwrap();
    if let Some(how_it_went) = attack::tried(name, &request["parent"]) {
        return found(frames, how_it_went);
    }
    match name {
        "nothing at all" => found(frames, "well"),
        "says what it was asked" => found(frames, request["name"].clone()),
        "reads the file" => {
            let whole = source.read_all().unwrap();
            let mut piece = vec![0; 1000];
            source.read_exact(&mut piece).unwrap();
            assert_eq!(piece, whole[..1000]);
            found(frames, format!("{} {}", whole.len(), sum(&whole)))?;
            frames.say(Kind::Preview, &json!({"width": 1}), &whole[..1000])?;
            frames.say(Kind::Text, &json!({}), b"one")?;
            frames.say(Kind::Text, &json!({}), b"two")
        }
        "waits" => {
            found(frames, "waiting")?;
            frames.say(Kind::Preview, &json!({}), b"shown")?;
            loop {
                wait(1000);
            }
        }
        "answers late" => {
            wait(400);
            found(frames, "late")
        }
        "answers slowly" => {
            let whole = source.read_all().unwrap();
            wait(2);
            found(frames, format!("{} {}", whole.len(), sum(&whole)))?;
            for _ in 0..10 {
                wait(2);
                frames.say(Kind::Text, &json!({}), b"more")?;
            }
            Ok(())
        }
        "fails" => {
            found(frames, "something")?;
            Err(Unsaid::Unheard(io::Error::other("of no interest")))
        }
        "aborts after its verdict" => {
            found(frames, "something")?;
            frames.say(Kind::Text, &json!({}), b"half")?;
            process::abort()
        }
        "exits after its verdict" => {
            found(frames, "something")?;
            process::exit(0)
        }
        _ => garble::say(name),
    }
}

fn found(frames: &mut Frames, found: impl Into<Value>) -> Result<(), Unsaid> {
    let verdict = json!({"found": found.into(), "pid": process::id()});
    frames.say(Kind::Verdict, &verdict, &[])
}

/// Waits without a sleep, which is not allowed.
fn wait(milliseconds: u64) {
    thread::park_timeout(Duration::from_millis(milliseconds));
}

/// A sum that shows which bytes were read.
pub fn sum(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(7, |sum, byte| sum.wrapping_mul(31) ^ u64::from(*byte))
}
