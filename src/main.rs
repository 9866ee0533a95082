//! The command `attachments`: configuration in, a command run, an exit code out.

use attachments::app::{self, App, StartError};
use attachments::clock::SystemClock;
use attachments::config::{self, Faults, Loaded, Role};
use attachments::db::Db;
#[cfg(feature = "dev")]
use attachments::dev::command::{self, DemoArgs, DevArgs, TokenArgs};
use attachments::operator::{self, AuditArgs, RedriveArgs};
use attachments::telemetry::{self, LogError};
use clap::{Parser, Subcommand};
use std::error::Error;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// `EX_CONFIG` of sysexits.h.
const EXIT_CONFIG: u8 = 78;

/// Chat attachments from webhook to hash-checked link.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    /// A TOML file; see config.example.toml. ATTACHMENTS_<SECTION>_<KEY> overlays it.
    #[arg(long, global = true, env = "ATTACHMENTS_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Plays the story in one process: a LINE image and a Slack PDF, from webhook to checked bytes.
    #[cfg(feature = "dev")]
    Demo(DemoArgs),
    /// The same stack, staying up: embedded Postgres and S3, simulated LINE and Slack.
    #[cfg(feature = "dev")]
    Dev(DevArgs),
    /// Runs the service.
    Serve(ServeArgs),
    /// Applies the migrations; safe from several replicas at once.
    Migrate,
    /// Checks every invariant between database and object store; exits 1 when something is left.
    Audit(AuditArgs),
    /// Puts failed attachments back by filter; counts only, unless told to --execute.
    Redrive(RedriveArgs),
    /// Exits 0 when /readyz of the running service says so.
    Healthcheck,
    /// Prints the effective configuration, secrets redacted, and where each value came from.
    Config {
        /// Print config.example.toml instead.
        #[arg(long)]
        example: bool,
    },
    /// Mints a token from the key of `dev`.
    #[cfg(feature = "dev")]
    Token(TokenArgs),
}

#[derive(Debug, clap::Args)]
struct ServeArgs {
    /// Which part to run.
    #[arg(long, value_enum, default_value_t = Role::All)]
    role: Role,
    /// Where gRPC and HTTP links are served, instead of the configured address.
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Where probes and metrics are served, instead of the configured address.
    #[arg(long)]
    admin_listen: Option<SocketAddr>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match Box::pin(run(cli)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let faulty = is_config_fault(error.as_ref());
            complain(error.as_ref());
            if faulty {
                ExitCode::from(EXIT_CONFIG)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

async fn run(cli: Cli) -> Result<(), Box<dyn Error>> {
    let loaded = config::load(cli.config.as_deref())?;
    match cli.command {
        #[cfg(feature = "dev")]
        Command::Demo(args) => {
            telemetry::log(false, "warn")?;
            Ok(command::demo(args, loaded).await?)
        }
        #[cfg(feature = "dev")]
        Command::Dev(args) => {
            telemetry::log(false, &loaded.config.telemetry.log_filter)?;
            Ok(command::dev(args, loaded, stopped()).await?)
        }
        #[cfg(feature = "dev")]
        Command::Token(args) => Ok(command::token(&args)?),
        Command::Serve(args) => Box::pin(serve(args, loaded)).await,
        Command::Migrate => migrate(&loaded).await,
        Command::Audit(args) => Ok(operator::audit(&args, &loaded).await?),
        Command::Redrive(args) => Ok(operator::redrive(args, &loaded).await?),
        Command::Healthcheck => healthcheck(&loaded).await,
        Command::Config { example } => {
            let text = if example {
                config::example()
            } else {
                config::effective(&loaded)
            };
            // A reader that has gone away is no reason to fail.
            let _ = write!(std::io::stdout(), "{text}");
            Ok(())
        }
    }
}

async fn serve(args: ServeArgs, mut loaded: Loaded) -> Result<(), Box<dyn Error>> {
    let server = &mut loaded.config.server;
    server.listen = args.listen.unwrap_or(server.listen);
    server.admin_listen = args.admin_listen.unwrap_or(server.admin_listen);
    let logs = loaded.config.telemetry()?;
    let settings = loaded.config.resolve()?;
    telemetry::log(logs.json, &logs.filter)?;
    let app = App::start(settings, args.role, Arc::new(SystemClock)).await?;
    tracing::info!(grpc = %app.grpc_addr, admin = %app.admin_addr, role = ?args.role, "serving");
    stopped().await;
    tracing::info!("stopping");
    app.shutdown().await;
    Ok(())
}

async fn migrate(loaded: &Loaded) -> Result<(), Box<dyn Error>> {
    app::install_crypto();
    let db = Db::new(&loaded.config.database_settings()?)?;
    db.migrate().await?;
    db.close().await;
    Ok(())
}

async fn healthcheck(loaded: &Loaded) -> Result<(), Box<dyn Error>> {
    app::install_crypto();
    let mut address = loaded.config.server.admin_listen;
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(5))
        .build()?
        .get(format!("http://{address}/readyz"))
        .send()
        .await?
        .error_for_status()?;
    Ok(())
}

/// SIGTERM, or Ctrl-C.
async fn stopped() {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                terminate.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = terminated => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

/// Faults of the configuration, wherever they came to light.
fn is_config_fault(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| {
        cause.is::<Faults>()
            || matches!(cause.downcast_ref::<LogError>(), Some(LogError::Filter(_)))
            || matches!(
                cause.downcast_ref::<StartError>(),
                Some(StartError::Auth(_) | StartError::Database(_))
            )
    })
}

/// One line a fault, with its causes.
fn complain(error: &(dyn Error + 'static)) {
    let mut text = String::new();
    for cause in causes(error) {
        let next = cause.to_string();
        if text.is_empty() {
            text = next;
        } else if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
    }
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let current = next?;
        next = current.source();
        Some(current)
    })
}
