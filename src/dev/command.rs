//! The commands `dev`, `demo` and `token`.

use super::demo::{self, DemoError};
use super::postgres::Durability;
use super::ready::Ready;
use super::stack::{Options, Stack, StackError};
use super::token::{DevKey, DevKeyError, MintError, MintRequest};
use crate::auth::{Scope, ScopeSet};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Faults, Loaded};
use crate::ids::TenantId;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Where `dev` listens.
#[derive(Debug, Clone, clap::Args)]
pub struct DevArgs {
    /// Where gRPC and HTTP links are served [default: 127.0.0.1:50051].
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Where probes and metrics are served [default: 127.0.0.1:9464].
    #[arg(long)]
    admin_listen: Option<SocketAddr>,
    /// Where the embedded S3 listens.
    #[arg(long, default_value = "127.0.0.1:9000")]
    s3_listen: SocketAddr,
    /// Where the simulated LINE and Slack listen.
    #[arg(long, default_value = "127.0.0.1:9100")]
    simulator_listen: SocketAddr,
    /// Everything that survives a restart.
    #[arg(long, default_value = ".attachments")]
    data_dir: PathBuf,
    /// The tenant that gets channels and tokens.
    #[arg(long, default_value = "dev")]
    tenant: TenantId,
    /// The folder of Postgres' own programs, where they are not to be looked for.
    #[arg(long, env = "ATTACHMENTS_PG_BIN")]
    pg_bin: Option<PathBuf>,
    /// Write endpoints and tokens to this file as JSON once everything is up.
    #[arg(long)]
    ready_file: Option<PathBuf>,
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
    /// A scope such as attachments:read; may be given several times [default: all].
    #[arg(long)]
    scope: Vec<Scope>,
    /// How long it lives; at most 24h.
    #[arg(long, default_value = "1h", value_parser = humantime::parse_duration)]
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
    #[error("a file could not be written")]
    Io(#[from] io::Error),
}

/// Brings the stack up and keeps it until `stop`.
pub async fn dev(
    args: DevArgs,
    loaded: Loaded,
    stop: impl Future<Output = ()>,
) -> Result<(), CommandError> {
    let mut config = loaded.config;
    config.server.listen = args.listen.unwrap_or(config.server.listen);
    config.server.admin_listen = args.admin_listen.unwrap_or(config.server.admin_listen);
    let options = Options {
        tenant: args.tenant,
        data_dir: std::path::absolute(args.data_dir)?,
        durability: Durability::Durable,
        pg_bin: args.pg_bin,
        s3_listen: args.s3_listen,
        simulator_listen: args.simulator_listen,
    };
    let stack = Box::pin(Stack::start(&options, config, Arc::new(SystemClock))).await?;
    let ready = Ready::of(&stack)?;
    if let Some(path) = &args.ready_file {
        ready.write(path)?;
    }
    say(&ready.for_people());
    stop.await;
    stack.shutdown().await;
    Ok(())
}

/// Brings the stack up in a folder of its own, plays the story and cleans up.
pub async fn demo(args: DemoArgs, loaded: Loaded) -> Result<(), CommandError> {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let Config { mut server, .. } = loaded.config.clone();
    server.listen = any;
    server.admin_listen = any;
    let config = Config {
        server,
        ..loaded.config
    };
    let folder = tempfile::tempdir()?;
    let options = Options {
        tenant: "demo".parse().map_err(io::Error::other)?,
        data_dir: folder.path().to_owned(),
        durability: Durability::Ephemeral,
        pg_bin: args.pg_bin,
        s3_listen: any,
        simulator_listen: any,
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let stack = Box::pin(Stack::start(&options, config, clock.clone())).await?;
    let played = demo::play(&stack, clock).await;
    stack.shutdown().await;
    Ok(played?)
}

/// Prints a token that the `dev` of this data directory accepts.
pub fn token(args: &TokenArgs) -> Result<(), CommandError> {
    let scopes: ScopeSet = if args.scope.is_empty() {
        Scope::ALL.iter().copied().collect()
    } else {
        args.scope.iter().copied().collect()
    };
    std::fs::create_dir_all(&args.data_dir)?;
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
