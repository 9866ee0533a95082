//! A webhook gateway in front of the attachment service.
//!
//! Takes LINE and Slack webhooks, records each message in Postgres, registers
//! its files with the service and answers the provider in time, also while the
//! service is down. An edit, a deletion and an unsend follow. Start the service
//! with `attachments dev`, then, in the same folder:
//!
//! ```sh
//! cargo run --example webhook_gateway
//! ```
//!
//! `--help` lists what can be given instead.

use attachments::clock::SystemClock;
use attachments::dev::gateway::command::{Args, Running};
use attachments::dev::stack::{LINE_CHANNEL, SLACK_CHANNEL};
use attachments::telemetry::Chain;
use clap::Parser as _;
use std::process::ExitCode;
use std::sync::Arc;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info")),
        )
        .init();
    match run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", Chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<(), Box<dyn std::error::Error>> {
    let running = args.start(Arc::new(SystemClock)).await?;
    let Running {
        gateway,
        tenant,
        service,
        ..
    } = &running;
    let address = gateway.local_addr();
    println!("LINE webhooks   http://{address}/webhooks/line/{LINE_CHANNEL}");
    println!("Slack webhooks  http://{address}/webhooks/slack/{SLACK_CHANNEL}");
    println!("messages        http://{address}/messages/{{message_id}}");
    println!("registers with  {service} for the tenant {tenant}");
    println!("pending calls   {}", gateway.pending_calls().await?);
    tokio::signal::ctrl_c().await?;
    running.shutdown().await;
    Ok(())
}
