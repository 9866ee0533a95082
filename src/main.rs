//! The command `attachments`: configuration in, a command run, an exit code out.

use attachments::app::{self, App, StartError};
use attachments::clock::SystemClock;
use attachments::config::{self, Faults, Loaded, Needs, Role, flag};
use attachments::db::{Db, DbError};
#[cfg(feature = "dev")]
use attachments::dev::{
    command::{self, DemoArgs, DevArgs, TokenArgs},
    preflight,
};
use attachments::operator::{self, AuditArgs, RedriveArgs};
use attachments::sandbox;
use attachments::telemetry::{self, Chain, LogError};
use clap::{Parser, Subcommand};
use std::env;
use std::error::Error;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What an operator's command says on stderr beside its errors. A slow
/// statement is not worth a line there: such a command looks at everything.
const OPERATOR_LOG: &str = "warn,sqlx=error";

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
    /// Exits 0 when /readyz of the running service says so, 1 when not.
    Healthcheck(HealthcheckArgs),
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

impl Command {
    /// What it cannot do without.
    const fn needs(&self) -> Needs {
        match self {
            Self::Serve(_) => Needs::Service,
            Self::Migrate | Self::Redrive(_) => Needs::Database,
            Self::Audit(_) => Needs::Stores,
            Self::Healthcheck(_) | Self::Config { .. } => Needs::Nothing,
            #[cfg(feature = "dev")]
            Self::Demo(_) | Self::Dev(_) | Self::Token(_) => Needs::Development,
        }
    }
}

#[derive(Debug, clap::Args)]
struct ServeArgs {
    /// Which part to run.
    #[arg(long, value_enum, default_value_t = Role::All)]
    role: Role,
    /// Where gRPC and HTTP links are served, instead of the configured address.
    #[arg(long, value_parser = flag::address)]
    listen: Option<SocketAddr>,
    /// Where probes and metrics are served, instead of the configured address.
    #[arg(long, value_parser = flag::address)]
    admin_listen: Option<SocketAddr>,
}

#[derive(Debug, clap::Args)]
struct HealthcheckArgs {
    /// Where the service was told to serve its probes, instead of the configured address.
    #[arg(long, value_parser = flag::address)]
    admin_listen: Option<SocketAddr>,
}

fn main() -> ExitCode {
    // Before anything that a child needs none of: see the module.
    if let Some(call) = sandbox::called(env::args_os()) {
        return call.answer(sandbox::perform);
    }
    let cli = Cli::parse();
    let ran = app::runtime().map_err(Into::into).and_then(|runtime| {
        let ran = runtime.block_on(Box::pin(run(cli)));
        // What was to end in order has. A thread that blocks, at a disk
        // say, holds up nobody who was told to stop at once.
        runtime.shutdown_background();
        ran
    });
    match ran {
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
    let loaded = config::load(cli.config.as_deref());
    if let Command::Config { example: true } = cli.command {
        say(&config::example());
        return Ok(());
    }
    let found = match &cli.command {
        #[cfg(feature = "dev")]
        Command::Demo(_) => preflight::demo(&loaded).await,
        #[cfg(feature = "dev")]
        Command::Dev(args) => preflight::dev(args, &loaded).await,
        _ => Vec::new(),
    };
    loaded.check_with(cli.command.needs(), found)?;
    match cli.command {
        Command::Serve(args) => Box::pin(serve(args, loaded)).await,
        #[cfg(feature = "dev")]
        Command::Demo(args) => {
            let _logs = telemetry::log(false, "warn")?;
            let mut signals = StopSignals::listen()?;
            Ok(command::demo(args, loaded, async || signals.recv().await).await?)
        }
        #[cfg(feature = "dev")]
        Command::Dev(args) => {
            let _logs = telemetry::log(false, &loaded.config.telemetry.log_filter)?;
            let mut signals = StopSignals::listen()?;
            Ok(command::dev(args, loaded, async || signals.recv().await).await?)
        }
        #[cfg(feature = "dev")]
        Command::Token(args) => Ok(command::token(&args)?),
        Command::Migrate => {
            let _logs = telemetry::log(false, OPERATOR_LOG)?;
            migrate(&loaded).await
        }
        Command::Audit(args) => {
            let _logs = telemetry::log(false, OPERATOR_LOG)?;
            Ok(operator::audit(&args, &loaded).await?)
        }
        Command::Redrive(args) => {
            let _logs = telemetry::log(false, OPERATOR_LOG)?;
            Ok(operator::redrive(args, &loaded).await?)
        }
        Command::Healthcheck(args) => healthcheck(&args, &loaded).await,
        Command::Config { .. } => {
            say(&config::effective(&loaded));
            Ok(())
        }
    }
}

async fn serve(args: ServeArgs, mut loaded: Loaded) -> Result<(), Box<dyn Error>> {
    let server = &mut loaded.config.server;
    server.listen = args.listen.unwrap_or(server.listen);
    server.admin_listen = args.admin_listen.unwrap_or(server.admin_listen);
    let settings = loaded.resolve()?;
    let logs = loaded.config.telemetry()?;
    let _logs = telemetry::log(logs.json, &logs.filter)?;
    let mut signals = StopSignals::listen()?;
    let app = tokio::select! {
        started = App::start(settings, args.role, Arc::new(SystemClock)) => started?,
        () = signals.recv() => return Ok(()),
    };
    let grpc = (args.role != Role::Worker).then(|| tracing::field::display(app.grpc_addr));
    tracing::info!(
        grpc,
        admin = %app.admin_addr,
        role = ?args.role,
        worker.name = app.worker,
        "serving"
    );
    signals.recv().await;
    tracing::info!("stopping");
    tokio::select! {
        () = app.shutdown() => tracing::info!("stopped"),
        () = signals.recv() => tracing::warn!("stopped at once, by a second signal"),
    }
    Ok(())
}

async fn migrate(loaded: &Loaded) -> Result<(), Box<dyn Error>> {
    app::install_crypto();
    let db = Db::new(&loaded.config.database_settings()?)?;
    db.migrate().await?;
    db.close().await;
    Ok(())
}

async fn healthcheck(args: &HealthcheckArgs, loaded: &Loaded) -> Result<(), Box<dyn Error>> {
    app::install_crypto();
    let configured = loaded.config.server.admin_listen;
    let mut address = args.admin_listen.unwrap_or(configured);
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(5))
        .build()?;
    let answer = client
        .get(format!("http://{address}/readyz"))
        .send()
        .await?;
    if answer.status().is_success() {
        return Ok(());
    }
    let checks = answer.text().await?;
    Err(format!("{address} is not ready: {checks}").into())
}

/// SIGTERM and Ctrl-C: from now on they are heard, and end nothing by themselves.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next one.
    async fn recv(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn say(text: &str) {
    // A reader that has gone away is no reason to fail.
    let _ = write!(io::stdout(), "{text}");
}

/// Faults of the configuration, wherever they came to light.
fn is_config_fault(error: &(dyn Error + 'static)) -> bool {
    Chain(error).causes().any(|cause| {
        cause.is::<Faults>()
            || matches!(cause.downcast_ref(), Some(LogError::Filter(_)))
            || matches!(cause.downcast_ref(), Some(StartError::Auth(_)))
            || matches!(cause.downcast_ref(), Some(DbError::Settings(_)))
    })
}

/// One line a fault, or the error with its causes.
fn complain(error: &(dyn Error + 'static)) {
    // Faults speak for themselves, whatever part of the program met them.
    let faults = Chain(error).causes().find(|cause| cause.is::<Faults>());
    let text = faults.map_or_else(|| Chain(error).to_string(), ToString::to_string);
    let _ = writeln!(io::stderr(), "{text}");
}
