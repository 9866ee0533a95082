//! The service's figures, each beside a reference of the same run.
//!
//! `cargo bench --bench figures` measures all of them; `-- W1 --quick` fewer
//! and faster. The service is the release binary in a process of its own, on
//! an embedded Postgres that syncs every commit. The service and its reference
//! take turns, so that a busy machine is as busy for both; what counts is the
//! median of the rounds' ratios, never an absolute number.
//!
//! One line of JSON a figure goes to standard output, a table for people to
//! standard error. docs/figures.md tells what was found.

mod bucket;
mod clients;
mod ingest;
mod memory;
mod pgbench;
mod registration;
mod report;
mod service;
mod stage;
mod token;

use clap::{Parser, ValueEnum};
use report::Figure;
use stage::Stage;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;
use tokio::runtime::Runtime;

type Failure = Box<dyn Error + Send + Sync>;
type Outcome<T> = Result<T, Failure>;

/// Measures the service against references of the same run.
#[derive(Debug, Parser)]
struct Args {
    /// What to measure; everything when nothing is named.
    workloads: Vec<Workload>,
    /// Three rounds of two seconds: enough to see that it works.
    #[arg(long)]
    quick: bool,
    /// Rounds that count; one before them does not.
    #[arg(long)]
    rounds: Option<usize>,
    /// What cargo tells every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
enum Workload {
    /// Registrations of new files, and of known ones (W2).
    #[value(alias = "w1")]
    W1,
    /// Files from the provider into the store.
    #[value(alias = "w3")]
    W3,
}

/// How long and how often.
#[derive(Debug, Clone, Copy)]
struct Plan {
    rounds: usize,
    seconds: u16,
}

impl Plan {
    fn of(args: &Args) -> Self {
        let (rounds, seconds) = if args.quick { (3, 2) } else { (7, 4) };
        Self {
            rounds: args.rounds.unwrap_or(rounds),
            seconds,
        }
    }

    fn time(self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    match measure(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("figures: {error}");
            let mut cause = error.source();
            while let Some(next) = cause {
                eprintln!("  because: {next}");
                cause = next.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn measure(args: &Args) -> Outcome<()> {
    let plan = Plan::of(args);
    let wanted = |workload| args.workloads.is_empty() || args.workloads.contains(&workload);
    // Provider and store run beside the clients, not among them.
    let origin = Runtime::new()?;
    let clients = Runtime::new()?;
    clients.block_on(async {
        let stage = Stage::set(origin.handle()).await?;
        let mut figures: Vec<Figure> = Vec::new();
        if wanted(Workload::W1) {
            figures.extend(registration::measure(&stage, plan).await?);
        }
        if wanted(Workload::W3) {
            figures.extend(ingest::measure(&stage, plan).await?);
            figures.push(memory::measure(&stage).await?);
        }
        stage.strike().await;
        report::print(&figures)
    })
}
