//! What an owner that is killed leaves behind, and how the next one copes.

use super::*;
use crate::dev::postgres::cluster;
use nix::sys::signal::Signal;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Another process of this test binary that owns a cluster, to be killed.
struct Owner {
    process: Child,
    server: Pid,
    watchdog: Pid,
    socket: PathBuf,
}

impl Owner {
    const FOLDER: &'static str = "ATTACHMENTS_TEST_OWNER_FOLDER";
    const DURABILITY: &'static str = "ATTACHMENTS_TEST_OWNER_DURABILITY";

    fn start(folder: &Folder, durability: Durability) -> Self {
        // The path of this module, without the crate's name.
        let (_, module) = module_path!().split_once("::").unwrap();
        let name = format!("{module}::own_a_cluster");
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &name, "--ignored", "--nocapture"])
            .env(Self::FOLDER, &folder.0)
            .env(Self::DURABILITY, format!("{durability:?}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap())
            .lines()
            .map(Result::unwrap);
        let mut value_of = |name: &str| {
            let line = lines
                .by_ref()
                .find(|line| line.starts_with(name))
                .expect("the owner starts");
            line[name.len()..].to_owned()
        };
        let server = Pid::from_raw(value_of("server=").parse().unwrap());
        let watchdog = Pid::from_raw(value_of("watchdog=").parse().unwrap());
        let socket = PathBuf::from(value_of("socket="));
        Self {
            process,
            server,
            watchdog,
            socket,
        }
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Runs, and is not just a zombie that nobody has reaped.
fn is_alive(pid: Pid) -> bool {
    cluster::command_line(pid).is_some_and(|line| !line.is_empty())
}

fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_killed_owner_leaves_nothing_of_an_ephemeral_cluster() {
    let folder = Folder::new();
    let mut owner = Owner::start(&folder, Durability::Ephemeral);
    assert!(is_alive(owner.server) && owner.socket.exists());

    owner.kill();

    eventually("the server ends", || !is_alive(owner.server));
    eventually("its folders are removed", || {
        !folder.0.exists() && !owner.socket.exists()
    });
}

#[tokio::test]
async fn a_killed_owner_can_start_again_at_once() {
    let folder = Folder::new();
    let options = folder.options(Durability::Durable);
    remember(&EmbeddedPostgres::start(&options).unwrap()).await;
    let mut owner = Owner::start(&folder, Durability::Durable);

    owner.kill();

    let postgres = EmbeddedPostgres::start(&options).unwrap();
    assert!(!is_alive(owner.server));
    eventually("the watchdog ends", || !is_alive(owner.watchdog));
    assert_eq!(ask(&postgres, "select word from memory").await, "kept");
}

#[tokio::test]
async fn an_orphan_is_replaced() {
    let folder = Folder::new();
    let options = folder.options(Durability::Durable);
    remember(&EmbeddedPostgres::start(&options).unwrap()).await;
    let mut owner = Owner::start(&folder, Durability::Durable);
    kill(owner.watchdog, Signal::SIGKILL).unwrap();
    eventually("the watchdog ends", || !is_alive(owner.watchdog));
    owner.kill();
    assert!(is_alive(owner.server));

    let postgres = EmbeddedPostgres::start(&options).unwrap();

    assert!(!is_alive(owner.server));
    assert_eq!(ask(&postgres, "select word from memory").await, "kept");
}

#[test]
#[ignore = "runs as the child process of other tests"]
fn own_a_cluster() {
    let Some(folder) = std::env::var_os(Owner::FOLDER) else {
        return;
    };
    let ephemeral = std::env::var_os(Owner::DURABILITY).is_some_and(|value| value == "Ephemeral");
    let durability = if ephemeral {
        Durability::Ephemeral
    } else {
        Durability::Durable
    };
    let options = Options {
        data_dir: folder.into(),
        bin_dir: None,
        durability,
        max_connections: 10,
    };
    let postgres = EmbeddedPostgres::start(&options).unwrap();
    println!("\nserver={}", postgres.server.pid());
    println!("watchdog={}", postgres.watchdog.pid());
    println!("socket={}", postgres.socket.display());
    // Until killed, or until the parent test is gone.
    std::io::stdin().read_line(&mut String::new()).unwrap();
}
