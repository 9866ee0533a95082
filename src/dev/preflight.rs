//! What keeps `dev` from starting, as far as it can be known before anything
//! is started: a person learns all of it at once.

use super::command::DevArgs;
use super::postgres;
use super::providers::Given;
use super::ready::Ready;
use crate::app;
use crate::config::{Fault, Loaded};
use crate::db::Db;
use crate::telemetry::Chain;
use secrecy::ExposeSecret as _;
use std::fs::{File, TryLockError};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use tempfile::NamedTempFile;

/// What is in the way of a `dev` that was told this. Removes the ready file
/// of an earlier run, which nobody is to find.
pub async fn dev(args: &DevArgs, loaded: &Loaded) -> Vec<Fault> {
    let mut faults = Vec::new();
    if let Some(path) = &args.ready_file
        && let Err(error) = Ready::prepare(path)
    {
        let what = format!("{} cannot be written: {error}", path.display());
        faults.push(Fault::unfit("--ready-file", what));
    }
    match data_dir(&args.data_dir) {
        // Who runs there has the ports as well, most likely.
        Err(fault @ DataDirFault::Busy) => faults.push(fault.of(&args.data_dir)),
        other => {
            faults.extend(other.err().map(|fault| fault.of(&args.data_dir)));
            faults.extend(ports(args, loaded));
        }
    }
    faults.extend(database(loaded).await);
    faults
}

/// What is in the way of a `demo`.
pub async fn demo(loaded: &Loaded) -> Vec<Fault> {
    database(loaded).await.into_iter().collect()
}

enum DataDirFault {
    Busy,
    Unusable(io::Error),
}

impl DataDirFault {
    fn of(&self, path: &Path) -> Fault {
        let path = path.display();
        let what = match self {
            Self::Busy => format!("{path} is in use by another `attachments dev`"),
            Self::Unusable(error) => format!("{path} cannot be used: {error}"),
        };
        Fault::unfit("--data-dir", what)
    }
}

/// Makes nothing: there may be other faults.
fn data_dir(path: &Path) -> Result<(), DataDirFault> {
    let unusable = DataDirFault::Unusable;
    if let Ok(lock) = File::open(path.join(super::command::LOCK)) {
        return match lock.try_lock() {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => Err(DataDirFault::Busy),
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        };
    }
    let path = std::path::absolute(path).map_err(unusable)?;
    let there = path.ancestors().find(|folder| folder.exists());
    NamedTempFile::new_in(there.unwrap_or(&path)).map_err(unusable)?;
    Ok(())
}

/// Tries each port that is to be listened on, all of them at the same time:
/// two may be the same.
fn ports(args: &DevArgs, loaded: &Loaded) -> Vec<Fault> {
    let config = &loaded.config;
    let given = Given::of(config);
    // A flag goes over its setting; without the flag, the setting is at fault
    // where somebody set it.
    let name = |flag, value: Option<_>, key| match value {
        None if loaded.origin(key).is_some() => key,
        _ => flag,
    };
    let server = &config.server;
    let mut wanted = vec![
        (
            name("--listen", args.listen, "server.listen"),
            args.listen.unwrap_or(server.listen),
        ),
        (
            name("--admin-listen", args.admin_listen, "server.admin_listen"),
            args.admin_listen.unwrap_or(server.admin_listen),
        ),
    ];
    if config.s3.endpoint.is_none() {
        wanted.push(("--s3-listen", args.s3_listen));
    }
    if !(given.line && given.slack) {
        wanted.push(("--simulator-listen", args.simulator_listen));
    }
    let mut held: Vec<(&str, SocketAddr, TcpListener)> = Vec::new();
    let mut faults = Vec::new();
    for (name, address) in wanted {
        match TcpListener::bind(address) {
            Ok(listener) => held.push((name, address, listener)),
            Err(error) => {
                let holder = held.iter().find(|(_, taken, _)| *taken == address);
                let why = holder.map_or_else(
                    || error.to_string(),
                    |(holder, ..)| format!("{holder} has it"),
                );
                let what =
                    format!("{address} cannot be listened on: {why}; port 0 takes a free one");
                faults.push(Fault::unfit(name, what));
            }
        }
    }
    faults
}

/// Tries the database, if one was given.
async fn database(loaded: &Loaded) -> Option<Fault> {
    // What cannot be read is a fault already.
    let settings = loaded.config.database_settings().ok()?;
    app::install_crypto();
    let db = Db::new(&settings).ok()?;
    let error = db.reach().await.err()?;
    let error = Chain(&error);
    let what = if postgres::is_embedded(settings.url.expose_secret()) {
        format!(
            "names the Postgres of a `dev`, which runs only while that `dev` does ({error}); unset \
             it, and `dev` starts its Postgres by itself"
        )
    } else {
        format!("{error}; unset it, and `dev` starts a Postgres of its own")
    };
    Some(Fault::unfit("database.url", what))
}
