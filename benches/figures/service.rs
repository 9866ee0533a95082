//! The service in a process of its own, and what that process has used up.

use super::Outcome;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, SysconfVar, sysconf};
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

const BINARY: &str = env!("CARGO_BIN_EXE_attachments");
const START_LIMIT: Duration = Duration::from_secs(30);

/// A running `attachments serve`. Dropping it kills it.
pub(crate) struct Service {
    pub(crate) grpc: SocketAddr,
    process: Child,
    pid: Pid,
}

impl Service {
    /// Starts it and waits until its ports are bound. Its log goes to `log`.
    pub(crate) async fn start(config: &Path, role: &str, log: &Path) -> Outcome<Self> {
        let process = command(config)
            .args(["serve", "--role", role])
            .stderr(File::create(log)?)
            .spawn()?;
        let pid = process.id().ok_or("the service ended at once")?;
        let deadline = Instant::now() + START_LIMIT;
        let grpc = loop {
            let written = fs::read_to_string(log)?;
            if let Some(address) = written.lines().find_map(address_in) {
                break address;
            }
            if Instant::now() > deadline {
                return Err(format!("the service does not start: {written}").into());
            }
            sleep(Duration::from_millis(10)).await;
        };
        Ok(Self {
            grpc,
            process,
            pid: Pid::from_raw(pid.try_into()?),
        })
    }

    /// Processor time so far, of all its threads.
    pub(crate) fn cpu(&self) -> Outcome<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
        // The name may hold blanks; utime and stime are the 14th and 15th field.
        let (_, fields) = stat.rsplit_once(')').ok_or("no name in stat")?;
        let ticks: u64 = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(str::parse::<u64>)
            .sum::<Result<_, _>>()?;
        let a_second = sysconf(SysconfVar::CLK_TCK)?.ok_or("no clock ticks")?;
        Ok(Duration::from_secs(ticks) / u32::try_from(a_second)?)
    }

    /// The most memory it has held at once, in MB.
    pub(crate) fn peak_memory_mb(&self) -> Outcome<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .and_then(|value| value.trim().strip_suffix(" kB"))
            .ok_or("no VmHWM in status")?;
        Ok(peak.parse::<f64>()? * 1024.0 / 1e6)
    }

    /// Lets it end in order.
    pub(crate) async fn stop(mut self) -> Outcome<()> {
        kill(self.pid, Signal::SIGTERM)?;
        self.process.wait().await?;
        Ok(())
    }
}

/// Applies the migrations.
pub(crate) async fn migrate(config: &Path) -> Outcome<()> {
    let status = command(config).arg("migrate").status().await?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("migrate: {status}").into())
    }
}

/// Blind to settings of the machine's owner.
fn command(config: &Path) -> Command {
    let mut command = Command::new(BINARY);
    command
        .env_clear()
        .arg("--config")
        .arg(config)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// The address in the line that says that the service is up.
fn address_in(line: &str) -> Option<SocketAddr> {
    let entry: serde_json::Value = serde_json::from_str(line).ok()?;
    entry.get("grpc")?.as_str()?.parse().ok()
}
