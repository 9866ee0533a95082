//! The server process: its settings, when it is ready, how it ends.

use super::account::Account;
use super::binaries::Installation;
use super::cluster::Cluster;
use super::{Durability, Options, StartError};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Crash recovery of a large cluster takes longest.
const START_LIMIT: Duration = Duration::from_mins(1);

/// How long each way of stopping may take before a rougher one follows.
const STOP_LIMIT: Duration = Duration::from_secs(10);

const POLL: Duration = Duration::from_millis(5);

/// The fewest means that work everywhere: containers often have a tiny `/dev/shm`, and compiling
/// queries does not pay on short ones.
const SETTINGS: [&str; 8] = [
    "port=5432",
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "shared_buffers=64MB",
    "dynamic_shared_memory_type=mmap",
    "jit=off",
    "timezone=UTC",
    "log_min_messages=warning",
];

/// For data that nobody needs after a crash.
const EPHEMERAL_SETTINGS: [&str; 7] = [
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_wal_size=1GB",
];

/// The running postmaster. Dropping it stops it.
#[derive(Debug)]
pub(super) struct Server {
    postmaster: Child,
}

impl Server {
    /// Starts the postmaster on `cluster`; what it says goes to `log`, which is begun anew.
    pub(super) fn spawn(
        installation: &Installation,
        account: &Account,
        cluster: &Cluster,
        socket: &Path,
        log: &Path,
        options: &Options,
    ) -> Result<Self, StartError> {
        let stdout = File::create(log).map_err(StartError::io("create", log))?;
        let stderr = stdout.try_clone().map_err(StartError::io("open", log))?;
        let mut command = installation.command("postgres", account);
        command
            .arg("-D")
            .arg(&cluster.directory)
            .arg("-k")
            .arg(socket);
        command
            .arg("-c")
            .arg(format!("max_connections={}", options.max_connections));
        let relaxed: &[_] = if options.durability == Durability::Ephemeral {
            &EPHEMERAL_SETTINGS
        } else {
            &[]
        };
        for setting in SETTINGS.iter().chain(relaxed) {
            command.args(["-c", setting]);
        }
        // Its own process group: a Ctrl-C in the terminal must not stop it before our own drain is
        // over.
        let postmaster = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .map_err(StartError::io("start Postgres on", &cluster.directory))?;
        Ok(Self { postmaster })
    }

    pub(super) fn pid(&self) -> u32 {
        self.postmaster.id()
    }

    /// Waits until connections are taken, by what the server writes into its pid file, as `pg_ctl`
    /// does.
    pub(super) fn await_ready(&mut self, cluster: &Cluster, log: &Path) -> Result<(), StartError> {
        let deadline = Instant::now() + START_LIMIT;
        let pid_file = cluster.pid_file();
        while !fs::read_to_string(&pid_file).is_ok_and(|text| self.is_ready(&text)) {
            let status = self
                .postmaster
                .try_wait()
                .map_err(StartError::io("watch the server of", &pid_file))?;
            let log = || {
                fs::read_to_string(log)
                    .unwrap_or_default()
                    .trim()
                    .to_owned()
            };
            match status {
                Some(status) => return Err(StartError::Ended { status, log: log() }),
                None if Instant::now() > deadline => {
                    return Err(StartError::Slow {
                        limit: START_LIMIT,
                        log: log(),
                    });
                }
                None => thread::sleep(POLL),
            }
        }
        Ok(())
    }

    /// The first line is the pid, the eighth the state.
    fn is_ready(&self, pid_file: &str) -> bool {
        let mut lines = pid_file.lines().map(str::trim);
        lines.next() == Some(self.pid().to_string().as_str()) && lines.nth(6) == Some("ready")
    }

    /// Fast shutdown: ends sessions, writes everything down. Rougher only if that hangs.
    pub(super) fn stop(&mut self) {
        for signal in [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGKILL] {
            if self.has_ended() {
                return;
            }
            // Not reaped yet, so the pid is still ours.
            let _ = kill(Pid::from_raw(self.pid().cast_signed()), signal);
            let deadline = Instant::now() + STOP_LIMIT;
            while !self.has_ended() && Instant::now() < deadline {
                thread::sleep(POLL);
            }
        }
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.postmaster.try_wait(), Ok(None))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
