//! A webhook gateway in front of the attachment service.
//!
//! Takes LINE and Slack webhooks, records each message in Postgres, registers
//! its files with the service and answers the provider in time, also while the
//! service is down. Start the service with `attachments dev`, then:
//!
//! ```sh
//! export DATABASE_URL=... ATTACHMENTS_TOKEN=... \
//!     LINE_CHANNEL_SECRET=... SLACK_SIGNING_SECRET=...
//! cargo run --example webhook_gateway -- --tenant acme
//! ```

use attachments::clock::SystemClock;
use attachments::dev::gateway::{Gateway, Settings};
use attachments::ids::TenantId;
use clap::Parser;
use http::Uri;
use secrecy::SecretString;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// Takes LINE and Slack webhooks and registers their files.
#[derive(Parser)]
struct Options {
    /// Where to take webhooks.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// The attachment service's gRPC endpoint.
    #[arg(long, default_value = "http://127.0.0.1:50051")]
    service: Uri,
    /// The tenant of the token.
    #[arg(long)]
    tenant: TenantId,
    /// Milliseconds within which a webhook is answered; LINE gives up after 2000.
    #[arg(long, default_value_t = 1500)]
    budget_ms: u64,
    /// The database for messages and pending calls.
    #[arg(long, env, hide_env_values = true)]
    database_url: SecretString,
    /// A token with the scopes `attachments:register` and `attachments:delete`.
    #[arg(long, env = "ATTACHMENTS_TOKEN", hide_env_values = true)]
    token: SecretString,
    /// LINE's channel secret.
    #[arg(long, env, hide_env_values = true)]
    line_channel_secret: SecretString,
    /// Slack's signing secret.
    #[arg(long, env, hide_env_values = true)]
    slack_signing_secret: SecretString,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info")),
        )
        .init();
    let gateway = Gateway::start(options.settings(), Arc::new(SystemClock)).await?;
    let address = gateway.local_addr();
    println!("LINE webhooks   http://{address}/webhooks/line/{{channel_id}}");
    println!("Slack webhooks  http://{address}/webhooks/slack/{{channel_id}}");
    println!("messages        http://{address}/messages/{{message_id}}");
    println!("pending calls   {}", gateway.pending_calls().await?);
    tokio::signal::ctrl_c().await?;
    gateway.shutdown().await;
    Ok(())
}

impl Options {
    fn settings(self) -> Settings {
        Settings {
            listen: self.listen,
            database_url: self.database_url,
            service: self.service,
            token: self.token,
            tenant: self.tenant,
            line_channel_secret: self.line_channel_secret,
            slack_signing_secret: self.slack_signing_secret,
            budget: Duration::from_millis(self.budget_ms),
        }
    }
}
