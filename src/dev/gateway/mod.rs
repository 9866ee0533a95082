//! A small webhook gateway: what stands between the chat providers and the
//! attachment service, and what its own team would write.
//!
//! It promises the three things that the service counts on: a message is
//! recorded before its files are, a file that cannot be registered now is
//! registered later, and the provider has its answer in time either way.
//! Downloads, rules and storage are the service's. `GET /messages/{id}` asks
//! nobody who they are: listen on loopback.

mod delivery;
mod event;
mod http;
mod line;
mod messages;
mod outbox;
mod signature;
mod slack;

use crate::clock::Clock;
use crate::db::DbError;
use crate::ids::{AttachmentId, MessageId, TenantId};
use crate::telemetry::Chain;
use ::http::Uri;
use delivery::Delivery;
use messages::Messages;
use outbox::Outbox;
use secrecy::{ExposeSecret as _, SecretString};
use signature::{LineVerifier, SlackVerifier};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use std::io;
use std::net::SocketAddr;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::Channel;

/// Connections to the database.
const POOL_SIZE: u32 = 8;
/// How long one attempt to reach the service takes at most.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// A connection that is silent this long is asked whether it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// How long open requests may take to end on shutdown.
const GRACE: Duration = Duration::from_secs(5);
/// How often [`Gateway::wait_registered`] looks.
const WAIT_INTERVAL: Duration = Duration::from_millis(20);

/// What a gateway needs to run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The database for messages and outbox, in a schema `gateway` of its own.
    pub database_url: SecretString,
    /// The attachment service's gRPC endpoint, such as `http://127.0.0.1:50051`.
    pub service: Uri,
    /// A token with `attachments:register` and `attachments:delete`.
    pub token: SecretString,
    /// The token's tenant: whose messages these are.
    pub tenant: TenantId,
    /// LINE's channel secret.
    pub line_channel_secret: SecretString,
    /// Slack's signing secret.
    pub slack_signing_secret: SecretString,
    /// A webhook is answered within this time; LINE gives up after 2 s.
    pub budget: Duration,
}

impl Settings {
    /// The budget to choose unless there is a reason for another.
    pub const DEFAULT_BUDGET: Duration = Duration::from_millis(1500);
}

/// A running gateway. Dropping it ends it; [`shutdown`](Self::shutdown) lets
/// open requests finish first.
#[derive(Debug)]
pub struct Gateway {
    local_addr: SocketAddr,
    pool: PgPool,
    messages: Messages,
    outbox: Outbox,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Gateway {
    /// Makes the tables where they are missing, binds the port, serves, and
    /// goes on with the calls that an earlier gateway left. The service need
    /// not be up. `clock` tells how old a signed Slack request is.
    pub async fn start(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let pool = open_pool(&settings)?;
        let outbox = Outbox::new(pool.clone(), settings.tenant.clone(), settings.budget);
        let messages = Messages::new(pool.clone(), settings.tenant.clone(), outbox.clone());
        messages.create_tables().await?;
        outbox.put_back_unimplemented().await?;
        let delivery = Delivery::new(
            open_channel(settings.service),
            bearer(&settings.token)?,
            outbox.clone(),
        );
        let listener = TcpListener::bind(settings.listen).await?;
        let local_addr = listener.local_addr()?;

        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let router = http::router(http::Webhooks {
            line: LineVerifier::new(&settings.line_channel_secret),
            slack: SlackVerifier::new(&settings.slack_signing_secret, clock),
            messages: messages.clone(),
            delivery: delivery.clone(),
            budget: settings.budget,
        });
        tasks.spawn(serve(listener, router, stop.clone()));
        let stopped = stop.clone().cancelled_owned();
        tasks.spawn(async move {
            tokio::select! {
                () = delivery.repeat() => {}
                () = stopped => {}
            }
        });
        Ok(Self {
            local_addr,
            pool,
            messages,
            outbox,
            stop,
            tasks,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Waits until the message is recorded and no call for it is pending;
    /// returns its attachments in the order of the message. A file that the
    /// service refused for good is not among them.
    pub async fn wait_registered(
        &self,
        message: &MessageId,
        patience: Duration,
    ) -> Result<Vec<AttachmentId>, WaitError> {
        let deadline = Instant::now() + patience;
        loop {
            match self.messages.find(message.as_str()).await? {
                Some(found) if found.pending_calls == 0 => {
                    return Ok(found.attachment_ids.into_iter().map(Into::into).collect());
                }
                _ if Instant::now() >= deadline => return Err(WaitError::TimedOut),
                _ => sleep(WAIT_INTERVAL).await,
            }
        }
    }

    /// Calls to the service that are still repeated.
    pub async fn pending_calls(&self) -> Result<u64, DbError> {
        self.outbox.pending().await
    }

    /// Refuses new requests and ends. Pending calls stay in the database.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        let drained = timeout(GRACE, async {
            while self.tasks.join_next().await.is_some() {}
        });
        if drained.await.is_err() {
            tracing::warn!("requests cut off on shutdown");
            self.tasks.shutdown().await;
        }
        self.pool.close().await;
    }
}

fn open_pool(settings: &Settings) -> Result<PgPool, DbError> {
    let options = PgConnectOptions::from_str(settings.database_url.expose_secret())
        .map_err(DbError::Settings)?
        .application_name("webhook_gateway");
    Ok(PgPoolOptions::new()
        .max_connections(POOL_SIZE)
        .acquire_timeout(settings.budget)
        .connect_lazy_with(options))
}

/// Connects when it is first used, and again whenever the connection is lost.
fn open_channel(service: Uri) -> Channel {
    Channel::builder(service)
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .connect_lazy()
}

fn bearer(token: &SecretString) -> Result<AsciiMetadataValue, StartError> {
    let mut bearer: AsciiMetadataValue = format!("Bearer {}", token.expose_secret())
        .parse()
        .map_err(|_| StartError::Token)?;
    bearer.set_sensitive(true);
    Ok(bearer)
}

async fn serve(listener: TcpListener, router: axum::Router, stop: CancellationToken) {
    let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
    if let Err(error) = served.await {
        tracing::error!(error = %Chain(&error), "the gateway stopped serving");
    }
}

/// The gateway could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database is unavailable or its URL is not valid.
    #[error("the gateway's tables could not be prepared")]
    Database(#[from] DbError),
    /// The token has characters that no header may hold.
    #[error("the token is not valid")]
    Token,
    /// The address is taken or not ours.
    #[error("the gateway could not listen")]
    Bind(#[from] io::Error),
}

/// A message's files are not registered.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    /// Not within the given time.
    #[error("the message's files were not registered in time")]
    TimedOut,
    /// The gateway's database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}
