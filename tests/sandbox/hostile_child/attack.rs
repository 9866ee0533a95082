//! What a file could have its parser do.

use rustix::process::{Pid, Signal, kill_process};
use rustix::stdio::stdin;
use serde_json::Value;
use std::fs::File;
use std::hint::black_box;
use std::net::{TcpStream, UdpSocket};
use std::process::Command;
use std::{env, io, thread};

/// Tries it, and tells how it went.
pub fn tried(attack: &str, parent: &Value) -> Option<String> {
    Some(match attack {
        "takes memory" => {
            let mut taken = Vec::new();
            while taken.len() < 100 {
                taken.push(vec![1_u8; 16 << 20]);
            }
            format!("{} MiB taken", black_box(taken).len() * 16)
        }
        "loops" => {
            let mut number = 0_u64;
            loop {
                number = black_box(number.wrapping_mul(31) + 1);
            }
        }
        "overflows its stack" => deeper(0).to_string(),
        "connects by TCP" => told(TcpStream::connect("127.0.0.1:9")),
        "sends by UDP" => told(
            UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.send_to(b"x", "127.0.0.1:9")),
        ),
        "opens a file" => told(File::open("/etc/passwd")),
        "creates a file" => told(File::create("/tmp/left-by-a-child")),
        "executes a program" => told(Command::new("/bin/true").status()),
        "starts a thread" => told(thread::Builder::new().spawn(|| ())),
        "signals its parent" => {
            let parent = i32::try_from(parent.as_i64().unwrap()).unwrap();
            told(kill_process(Pid::from_raw(parent).unwrap(), Signal::TERM))
        }
        "writes to the spool" => [
            told(rustix::io::pwrite(stdin(), b"evil", 0)),
            told(rustix::io::write(stdin(), b"evil")),
            told(rustix::fs::ftruncate(stdin(), 1)),
        ]
        .join(", "),
        "looks around" => format!("{} variables", env::vars_os().count()),
        "panics" => panic!("what the file says"),
        _ => return None,
    })
}

const EPERM: i32 = rustix::io::Errno::PERM.raw_os_error();

/// How it went, by the name of the error that is expected.
fn told<T, E: Into<io::Error>>(tried: Result<T, E>) -> String {
    match tried.map_err(Into::into) {
        Ok(_) => "done".to_owned(),
        Err(error) if error.raw_os_error() == Some(EPERM) => "EPERM".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[expect(unconditional_recursion, reason = "it is to overflow")]
fn deeper(depth: u64) -> u64 {
    let room = black_box([depth; 64]);
    deeper(depth + 1) + room[3]
}
