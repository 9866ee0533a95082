//! A folder to run the binary in, with an environment that holds nothing of the test's own.

use super::PATIENCE;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// Where processes of one test run.
pub struct Sandbox {
    folder: TempDir,
    variables: BTreeMap<String, String>,
}

/// A process that has ended.
#[derive(Debug)]
pub struct Finished {
    /// None when a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// A process that runs. Dropping it kills it.
pub struct Process {
    child: Child,
    folder: PathBuf,
}

impl Sandbox {
    pub fn new() -> Self {
        attachments::app::install_crypto();
        // Open to the account that an embedded Postgres of root runs as.
        let folder = tempfile::Builder::new()
            .permissions(Permissions::from_mode(0o755))
            .tempdir()
            .unwrap();
        let temp = folder.path().join("tmp");
        fs::create_dir(&temp).unwrap();
        let mut this = Self {
            folder,
            variables: BTreeMap::new(),
        };
        // A home, for there lie the Postgres programs that were fetched.
        for name in ["PATH", "HOME"] {
            if let Ok(value) = std::env::var(name) {
                this.set(name, value);
            }
        }
        this.set("TMPDIR", temp.display());
        this
    }

    /// Sets a variable for the processes to come.
    #[expect(clippy::needless_pass_by_value, reason = "shorter where it is called")]
    pub fn set(&mut self, name: &str, value: impl ToString) -> &mut Self {
        self.variables.insert(name.to_owned(), value.to_string());
        self
    }

    /// Takes a variable away again.
    pub fn unset(&mut self, name: &str) -> &mut Self {
        self.variables.remove(name);
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file and gives its path.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// What the processes left in their folder for temporary files.
    pub fn temporary_files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path("tmp")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// Starts the binary with these arguments.
    pub fn start(&self, arguments: &[&str]) -> Process {
        self.start_by(&[], arguments)
    }

    /// Starts it by way of another program, such as `nice`, that becomes it.
    pub fn start_by(&self, launcher: &[&str], arguments: &[&str]) -> Process {
        let words = [launcher, &[env!("CARGO_BIN_EXE_attachments")], arguments].concat();
        let folder = tempfile::tempdir_in(self.folder.path()).unwrap().keep();
        let file = |name: &str| File::create(folder.join(name)).unwrap();
        let child = Command::new(words[0])
            .args(&words[1..])
            .env_clear()
            .envs(&self.variables)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Process { child, folder }
    }

    /// Runs the binary with these arguments to its end.
    pub async fn run(&self, arguments: &[&str]) -> Finished {
        self.start(arguments).finish().await
    }
}

impl Process {
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id().unwrap()).unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).unwrap();
    }

    /// `kill -9`, and the end.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    pub fn stdout(&self) -> String {
        read(&self.folder.join("stdout"))
    }

    pub fn stderr(&self) -> String {
        read(&self.folder.join("stderr"))
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for its end.
    pub async fn finish(mut self) -> Finished {
        let Ok(status) = timeout(PATIENCE, self.child.wait()).await else {
            panic!("it does not end:\n{}{}", self.stdout(), self.stderr());
        };
        Finished {
            code: status.unwrap().code(),
            stdout: self.stdout(),
            stderr: self.stderr(),
        }
    }

    /// Waits until `look` gives something; its end before that fails the test.
    pub async fn wait_for<T>(&mut self, what: &str, look: impl Fn(&Self) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            let gave_up = self.has_ended() || Instant::now() > deadline;
            assert!(!gave_up, "{what}:\n{}{}", self.stdout(), self.stderr());
            sleep(std::time::Duration::from_millis(10)).await;
        }
    }
}

/// A client that calls loopback and nobody in between.
pub fn http() -> reqwest::Client {
    attachments::app::install_crypto();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()
}

/// Waits for a condition that is not about one process's output.
pub async fn eventually<F: Future<Output = bool>>(what: &str, is_so: impl Fn() -> F) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        sleep(std::time::Duration::from_millis(10)).await;
    }
}
