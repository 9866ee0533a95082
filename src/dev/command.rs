//! The commands `dev`, `demo` and `token`.

use super::demo::{self, DemoError};
use super::postgres::Durability;
use super::ready::{Ready, ReadyFileError};
use super::stack::{Options, Stack, StackError};
use super::token::{DevKey, DevKeyError, MintError, MintRequest};
use crate::auth::{Scope, ScopeSet};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Faults, Loaded, flag};
use crate::ids::TenantId;
use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

/// The lock of a data directory, in it.
pub(super) const LOCK: &str = "dev.lock";

/// Where `dev` listens.
#[derive(Debug, Clone, clap::Args)]
pub struct DevArgs {
    /// Where gRPC and HTTP links are served [default: 127.0.0.1:50051].
    #[arg(long, value_parser = flag::address)]
    pub(super) listen: Option<SocketAddr>,
    /// Where probes and metrics are served [default: 127.0.0.1:9464].
    #[arg(long, value_parser = flag::address)]
    pub(super) admin_listen: Option<SocketAddr>,
    /// Where the embedded S3 listens.
    #[arg(long, default_value = "127.0.0.1:9000", value_parser = flag::address)]
    pub(super) s3_listen: SocketAddr,
    /// Where the simulated LINE and Slack listen.
    #[arg(long, default_value = "127.0.0.1:9100", value_parser = flag::address)]
    pub(super) simulator_listen: SocketAddr,
    /// Everything that survives a restart.
    #[arg(long, default_value = ".attachments")]
    pub(super) data_dir: PathBuf,
    /// The tenant that gets channels and tokens.
    #[arg(long, default_value = "dev")]
    tenant: TenantId,
    /// The folder of Postgres' own programs, where they are not to be looked for.
    #[arg(long, env = "ATTACHMENTS_PG_BIN")]
    pg_bin: Option<PathBuf>,
    /// Write endpoints and tokens to this file as JSON once everything is up.
    #[arg(long)]
    pub(super) ready_file: Option<PathBuf>,
}

/// What `demo` may be told.
#[derive(Debug, Clone, clap::Args)]
pub struct DemoArgs {
    /// The folder of Postgres' own programs, where they are not to be looked for.
    #[arg(long, env = "ATTACHMENTS_PG_BIN")]
    pg_bin: Option<PathBuf>,
}

/// What a token is to say.
#[derive(Debug, Clone, clap::Args)]
pub struct TokenArgs {
    /// The tenant it speaks for.
    #[arg(long, default_value = "dev")]
    tenant: TenantId,
    /// A scope such as attachments:read; several are separated by commas [default: all].
    #[arg(long, value_delimiter = ',', value_parser = flag::one_of::<Scope>(Scope::ALL.map(Scope::as_str)))]
    scope: Vec<Scope>,
    /// How long it lives; at most 24h.
    #[arg(long, default_value = "1h", value_parser = flag::duration)]
    ttl: Duration,
    /// Whom it names.
    #[arg(long, default_value = "developer")]
    subject: String,
    /// The data directory of the `dev` that is to accept it.
    #[arg(long, default_value = ".attachments")]
    data_dir: PathBuf,
}

/// A command failed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each is the error of the part that failed")]
pub enum CommandError {
    #[error(transparent)]
    Config(#[from] Faults),
    #[error("the stack could not start")]
    Stack(#[from] StackError),
    #[error("the demo failed")]
    Demo(#[from] DemoError),
    #[error("no token")]
    Key(#[from] DevKeyError),
    #[error("no token")]
    Mint(#[from] MintError),
    #[error("no token: no `attachments dev` has run in {}", .0.display())]
    NoDev(PathBuf),
    #[error("{} is in use by another `attachments dev`", .0.display())]
    Busy(PathBuf),
    #[error("the data directory {} cannot be used", path.display())]
    DataDir { path: PathBuf, source: io::Error },
    #[error(transparent)]
    ReadyFile(#[from] ReadyFileError),
    #[error("interrupted before the story was over")]
    Interrupted,
    #[error("a temporary directory")]
    Io(#[from] io::Error),
}

/// Brings the stack up and keeps it until `signal`; a second one ends it at once.
pub async fn dev(
    args: DevArgs,
    loaded: Loaded,
    mut signal: impl AsyncFnMut(),
) -> Result<(), CommandError> {
    let (data_dir, _lock) = own(&args.data_dir)?;
    let mut config = loaded.config;
    config.server.listen = args.listen.unwrap_or(config.server.listen);
    config.server.admin_listen = args.admin_listen.unwrap_or(config.server.admin_listen);
    let grace = humantime::format_duration(config.server.grace.0);
    let options = Options {
        tenant: args.tenant,
        data_dir,
        durability: Durability::Durable,
        pg_bin: args.pg_bin,
        s3_listen: args.s3_listen,
        simulator_listen: args.simulator_listen,
    };
    let clock = Arc::new(SystemClock);
    let Some(stack) = start(&options, config, clock, &mut signal).await? else {
        return Ok(());
    };
    let ready = Ready::of(&stack)?;
    if let Some(path) = &args.ready_file {
        ready.write(path)?;
    }
    say(&ready.for_people());
    signal().await;
    say(&format!(
        "Stopping: what is under way has {grace} (server.grace) to end. Ctrl-C again stops at once."
    ));
    say(stop(stack, &mut signal).await);
    Ok(())
}

const STOPPED: &str = "Stopped.";
/// Postgres is ended by its watchdog then.
const STOPPED_AT_ONCE: &str =
    "Stopped at once, by a second signal. What was stored stays; what was under way is done again.";

/// Brings the stack up; none when a signal came before it was.
async fn start(
    options: &Options,
    config: Config,
    clock: Arc<dyn Clock>,
    signal: &mut impl AsyncFnMut(),
) -> Result<Option<Stack>, CommandError> {
    let threads = TaskTracker::new();
    let failed = tokio::select! {
        started = Stack::start(options, config, clock, &threads) => match started {
            Ok(stack) => return Ok(Some(stack)),
            Err(error) => Some(error),
        },
        () = signal() => {
            say("Stopping before the start is over. Ctrl-C again stops at once.");
            None
        }
    };
    threads.close();
    let stopped = tokio::select! {
        () = threads.wait() => STOPPED,
        () = signal() => STOPPED_AT_ONCE,
    };
    if let Some(error) = failed {
        return Err(error.into());
    }
    say(stopped);
    Ok(None)
}

/// Stops the stack, in order or, at a `signal`, not at all: it ends with the
/// process. Gives the words for it.
async fn stop(stack: Stack, signal: &mut impl AsyncFnMut()) -> &'static str {
    // A task of its own, so that nothing of it is dropped here, which would block.
    let stopping = tokio::spawn(stack.shutdown());
    tokio::select! {
        _ = stopping => STOPPED,
        () = signal() => STOPPED_AT_ONCE,
    }
}

/// The data directory as an absolute path, and the lock that makes it ours
/// alone. The system frees the lock of a killed process.
fn own(data_dir: &Path) -> Result<(PathBuf, File), CommandError> {
    let unusable = |source| CommandError::DataDir {
        path: data_dir.to_owned(),
        source,
    };
    let path = std::path::absolute(data_dir).map_err(unusable)?;
    std::fs::create_dir_all(&path).map_err(unusable)?;
    let lock = File::create(path.join(LOCK)).map_err(unusable)?;
    match lock.try_lock() {
        Ok(()) => Ok((path, lock)),
        Err(TryLockError::WouldBlock) => Err(CommandError::Busy(path)),
        Err(TryLockError::Error(error)) => Err(unusable(error)),
    }
}

/// Brings the stack up in a folder of its own, plays the story and cleans up.
/// An early `signal` cleans up as well.
pub async fn demo(
    args: DemoArgs,
    loaded: Loaded,
    mut signal: impl AsyncFnMut(),
) -> Result<(), CommandError> {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let Config { mut server, .. } = loaded.config.clone();
    server.listen = any;
    server.admin_listen = any;
    let config = Config {
        server,
        ..loaded.config
    };
    let folder = tempfile::tempdir()?;
    // A database that was given may hold the story of an earlier run.
    let tenant = format!("demo-{}", Uuid::now_v7().simple());
    let options = Options {
        tenant: tenant.parse().map_err(io::Error::other)?,
        data_dir: folder.path().to_owned(),
        durability: Durability::Ephemeral,
        pg_bin: args.pg_bin,
        s3_listen: any,
        simulator_listen: any,
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let started = start(&options, config, clock.clone(), &mut signal).await?;
    let stack = started.ok_or(CommandError::Interrupted)?;
    let played = tokio::select! {
        played = demo::play(&stack, clock) => played.map_err(CommandError::Demo),
        () = signal() => Err(CommandError::Interrupted),
    };
    stop(stack, &mut signal).await;
    played
}

/// Prints a token that the `dev` of this data directory accepts.
pub fn token(args: &TokenArgs) -> Result<(), CommandError> {
    let scopes: ScopeSet = if args.scope.is_empty() {
        Scope::ALL.iter().copied().collect()
    } else {
        args.scope.iter().copied().collect()
    };
    if !DevKey::exists(&args.data_dir) {
        return Err(CommandError::NoDev(args.data_dir.clone()));
    }
    let key = DevKey::load_or_generate(&args.data_dir)?;
    let request = MintRequest {
        tenant: args.tenant.clone(),
        scopes,
        ttl: args.ttl,
        subject: args.subject.clone(),
    };
    say(&key.mint(&request, &SystemClock)?);
    Ok(())
}

fn say(text: &str) {
    // A reader that has gone away is no reason to fail.
    let _ = writeln!(io::stdout(), "{text}");
}
