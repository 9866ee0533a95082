//! Ends the server when we die, however we die.
//!
//! A shell waits on a pipe whose only write end is ours, so even `kill -9` ends the wait.
//! `PR_SET_PDEATHSIG` would not do: it is Linux only and fires when the *thread* that spawned the
//! child ends.

use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Each line on stdin names the process to end, an empty one nothing. At the end of input it gets a
/// fast shutdown, after 10 s an immediate one; then the folders given as arguments are removed. A
/// server that is gone is known by its pid file too, since a killed parent may leave it behind as a
/// zombie.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
pid_file=$0
pid=
while read -r line; do pid=$line; done
runs() { kill -0 "$pid" && [ -e "$pid_file" ]; }
end() { kill "-$1" "$pid"; n=0; while runs && [ "$n" -lt 100 ]; do sleep 0.1; n=$((n + 1)); done; }
if [ -n "$pid" ]; then end INT; ! runs || end QUIT; fi
[ "$#" -eq 0 ] || rm -rf -- "$@"
"#;

/// The waiting shell. Dropping it releases it.
#[derive(Debug)]
pub(super) struct Watchdog {
    shell: Child,
}

impl Watchdog {
    /// Starts the wait. It stays root when we are, so that it may signal the server's account.
    pub(super) fn start(pid_file: &Path, removed: &[&Path]) -> io::Result<Self> {
        let shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT])
            .arg(pid_file)
            .args(removed)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self { shell })
    }

    /// From now on `pid` is ended when we die.
    pub(super) fn guard(&mut self, pid: u32) -> io::Result<()> {
        self.tell(&pid.to_string())
    }

    /// Our orderly end, once the server has stopped: nobody is signalled, and the folders are gone
    /// on return.
    pub(super) fn release(&mut self) {
        // A shell that is gone already cannot be told, nor needs it.
        let _ = self.tell("");
        // Closes the pipe before it waits.
        let _ = self.shell.wait();
    }

    fn tell(&mut self, line: &str) -> io::Result<()> {
        self.shell
            .stdin
            .as_mut()
            .map_or(Ok(()), |stdin| writeln!(stdin, "{line}"))
    }

    #[cfg(test)]
    pub(super) fn pid(&self) -> u32 {
        self.shell.id()
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.release();
    }
}
