//! A program that is a child like the service's, and does in it what a parser
//! would do that a hostile file has taken over. For tests only.
//!
//! Started as `service`, it is the service: what only a whole process can show.

#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "a program for tests: a panic is a failed test"
)]

mod answer;
mod attack;
mod garble;
mod service;

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(call) = attachments::sandbox::called(env::args_os()) {
        return call.answer(answer::answer);
    }
    let words: Vec<String> = env::args().collect();
    match &words[1..] {
        [word, what] if word == "service" => service::be(what),
        _ => return ExitCode::FAILURE,
    }
    ExitCode::SUCCESS
}
