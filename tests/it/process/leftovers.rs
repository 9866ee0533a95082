//! Which processes descend from one, and which of them outlive it. Linux only.

use super::sandbox::eventually;
use std::collections::BTreeMap;
use std::fs;

/// Processes by id and the time of their start, which together are never used
/// again, with their command lines.
pub type Processes = BTreeMap<(i32, u64), String>;

/// The processes that descend from `ancestor` now, without itself.
pub fn descendants(ancestor: i32) -> Processes {
    let all: Vec<_> = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(stat)
        .collect();
    let mut found = Processes::new();
    let mut families = vec![ancestor];
    while let Some(parent) = families.pop() {
        for process in all.iter().filter(|process| process.parent == parent) {
            if let Some(command) = command_line(process.pid) {
                found.insert((process.pid, process.started), command);
            }
            families.push(process.pid);
        }
    }
    found
}

/// Those that are servers of Postgres.
pub fn postmasters(processes: &Processes) -> Vec<&str> {
    let lines = processes.values().map(String::as_str);
    lines
        .filter(|line| line.contains("postgres -D") || line.contains("bin/postgres "))
        .collect()
}

/// Waits until none of them is left; a zombie is none.
pub async fn wait_gone(processes: &Processes) {
    eventually("no process is left behind", async || {
        processes.keys().all(|&(pid, started)| {
            let again = stat(pid).filter(|process| process.started == started);
            again.is_none_or(|process| process.is_zombie)
        })
    })
    .await;
}

struct Process {
    pid: i32,
    parent: i32,
    started: u64,
    is_zombie: bool,
}

fn stat(pid: i32) -> Option<Process> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may hold anything.
    let fields: Vec<_> = text.rsplit_once(')')?.1.split_whitespace().collect();
    Some(Process {
        pid,
        parent: fields.get(1)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
        is_zombie: matches!(fields.first(), Some(&"Z" | &"X")),
    })
}

fn command_line(pid: i32) -> Option<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    Some(String::from_utf8_lossy(&bytes).replace('\0', " "))
}
