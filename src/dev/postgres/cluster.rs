//! The data directory of one cluster: made once, and cleared of what a killed run left behind.

use super::StartError;
use super::account::Account;
use super::binaries::Installation;
use super::directories::SOCKET_LOCK;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// How long an orphan of an earlier run may take to end, before a rougher signal is sent.
const ORPHAN_LIMIT: Duration = Duration::from_secs(10);

/// A data directory. Each major version has its own, since it cannot read another's.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) directory: PathBuf,
}

impl Cluster {
    /// The place of this installation's cluster in `home`.
    pub(super) fn of(home: &Path, installation: &Installation) -> Self {
        Self {
            directory: home.join(format!("pg{}", installation.major)),
        }
    }

    /// The server's own note of its process, folder and state.
    pub(super) fn pid_file(&self) -> PathBuf {
        self.directory.join("postmaster.pid")
    }

    /// Makes the cluster unless it exists, safe against a crash of the machine.
    pub(super) fn ensure(
        &self,
        installation: &Installation,
        account: &Account,
    ) -> Result<(), StartError> {
        whole_or_not_at_all(&self.directory, account, |staging| {
            initdb(staging, &[], installation, account)
        })
    }

    /// Makes the cluster as a copy of a seed in `cache`, many times faster than `initdb`.
    pub(super) fn ensure_from_seed(
        &self,
        cache: &Path,
        installation: &Installation,
        account: &Account,
    ) -> Result<(), StartError> {
        let seed = cache.join(format!("seed-{}-{}", installation.version, account.uid()));
        {
            // One process makes the seed, the others wait for it. Small segments are quick to copy.
            let path = cache.join("seed.lock");
            let lock = File::create(&path).map_err(StartError::io("create", &path))?;
            lock.lock().map_err(StartError::io("lock", &path))?;
            whole_or_not_at_all(&seed, account, |staging| {
                initdb(
                    staging,
                    &["--no-sync", "--wal-segsize=1"],
                    installation,
                    account,
                )
            })?;
        }
        whole_or_not_at_all(&self.directory, account, |staging| {
            copy(&seed, staging, account).map_err(StartError::io("copy", &seed))
        })
    }

    /// Ends a server that outlived its owner, and removes the notes of one that is gone: they may
    /// name an unrelated process by now, which Postgres would take for a live server.
    ///
    /// Only for the holder of the owner lock: nobody else may want the server that is found here.
    pub(super) fn recover(&self, socket: &Path) -> Result<(), StartError> {
        let pid_file = self.pid_file();
        let noted = fs::read_to_string(&pid_file).unwrap_or_default();
        if let Some(pid) = noted
            .lines()
            .next()
            .and_then(|line| line.trim().parse().ok())
        {
            self.end_orphan(Pid::from_raw(pid));
        }
        // Were a server still there after all, its shared memory would keep another one out.
        for note in [pid_file, socket.join(SOCKET_LOCK)] {
            match fs::remove_file(&note) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(StartError::io("remove", &note)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn end_orphan(&self, pid: Pid) {
        for signal in [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGKILL] {
            if !self.is_served_by(pid) {
                break;
            }
            tracing::warn!(%pid, "stopping the server of a killed run");
            // Gone in between is as good as stopped.
            let _ = kill(pid, signal);
            let deadline = Instant::now() + ORPHAN_LIMIT;
            while self.is_served_by(pid) && Instant::now() < deadline {
                thread::sleep(Duration::from_millis(20));
            }
        }
    }

    fn is_served_by(&self, pid: Pid) -> bool {
        command_line(pid).is_some_and(|line| line.contains(&*self.directory.to_string_lossy()))
    }
}

/// The arguments of a live process; a zombie has none.
pub(super) fn command_line(pid: Pid) -> Option<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).ok().or_else(|| {
        let output = Command::new("ps")
            .args(["-o", "args=", "-p", &pid.to_string()])
            .output()
            .ok()?;
        Some(output.stdout)
    })?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Unless `directory` exists, lets `fill` make it under another name: a kill in the middle leaves
/// no half cluster.
fn whole_or_not_at_all(
    directory: &Path,
    account: &Account,
    fill: impl FnOnce(&Path) -> Result<(), StartError>,
) -> Result<(), StartError> {
    if directory.exists() {
        return Ok(());
    }
    let staging = directory.with_extension("new");
    if staging.exists() {
        fs::remove_dir_all(&staging).map_err(StartError::io("remove", &staging))?;
    }
    DirBuilder::new()
        .mode(0o700)
        .create(&staging)
        .map_err(StartError::io("create", &staging))?;
    account
        .own(&staging)
        .map_err(StartError::io("hand over", &staging))?;
    fill(&staging)?;
    fs::rename(&staging, directory).map_err(StartError::io("name", directory))
}

/// Locale-free, so that it needs no locale packages and sorts alike everywhere.
fn initdb(
    into: &Path,
    extra: &[&str],
    installation: &Installation,
    account: &Account,
) -> Result<(), StartError> {
    let output = installation
        .command("initdb", account)
        .args([
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--no-locale",
            "--no-instructions",
        ])
        .args(extra)
        .arg("-D")
        .arg(into)
        .output()
        .map_err(StartError::io("run initdb for", into))?;
    if output.status.success() {
        return Ok(());
    }
    Err(StartError::Initdb(
        String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    ))
}

fn copy(from: &Path, to: &Path, account: &Account) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            DirBuilder::new()
                .mode(entry.metadata()?.permissions().mode())
                .create(&target)?;
            copy(&entry.path(), &target, account)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
        account.own(&target)?;
    }
    Ok(())
}
