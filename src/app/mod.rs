//! The composition root: settings in, a running service out.
//!
//! The one place that knows every module; no rule lives here.

mod health;
mod threads;

pub use threads::runtime;

use crate::access::Access;
use crate::admin::Admin;
use crate::attachment::work::WorkKind;
use crate::auth::{InvalidSettings, Verifier, ring_crypto};
use crate::blob::Bucket;
use crate::clock::Clock;
use crate::config::{Resolved, Role};
use crate::content::Content;
use crate::db::{Db, DbError};
use crate::egress::{Egress, EgressError};
use crate::grpc::{self, Capabilities, Reflection};
use crate::http::AdminListener;
use crate::ingest::Ingest;
use crate::listener;
use crate::provider::{Providers, Sealer};
use crate::purge::Purge;
use crate::queue::Queue;
use crate::redrive::Redrive;
use crate::register::Register;
use crate::seal::Seal;
use crate::sweep::Sweeper;
use crate::telemetry;
use crate::watch::Watch;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;

/// A client that keeps the default window of 64 KiB halves its byte streams;
/// the server's side of it is not left small too.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
/// Calls on one connection at the same time.
const STREAMS_PER_CONNECTION: u32 = 256;
const KEEPALIVE: Duration = Duration::from_secs(30);
/// What ends with the grace may take so much longer: outcomes are written, and
/// clients read the last of their streams.
const MARGIN: Duration = listener::SILENCE;
/// How long connections to the database may take to close.
const CLOSING: Duration = Duration::from_secs(2);

/// A service whose ports are bound and whose parts are running.
pub struct App {
    /// Where gRPC is served; the configured address in a worker, which serves none.
    pub grpc_addr: SocketAddr,
    /// Where probes and metrics are served.
    pub admin_addr: SocketAddr,
    db: Db,
    grace: Duration,
    stop: CancellationToken,
    tasks: JoinSet<()>,
    /// Outlives the others, so that probes see the drain.
    admin: AdminListener,
}

/// The service could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The token settings are wrong.
    #[error("auth")]
    Auth(#[from] InvalidSettings),
    /// The database settings are wrong.
    #[error("database")]
    Database(#[from] DbError),
    /// The HTTP client could not be built.
    #[error("egress")]
    Egress(#[from] EgressError),
    /// The proto that is compiled in cannot be served.
    #[error("reflection")]
    Reflection(#[from] grpc::ReflectionError),
    /// A port could not be bound.
    #[error("{addr} could not be bound")]
    Bind {
        /// Which.
        addr: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

impl App {
    /// Composes the parts, binds the ports and starts what `role` runs.
    pub async fn start(
        settings: Resolved,
        role: Role,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        install_crypto();
        // Before whoever counts.
        let metrics = telemetry::metrics();
        let verifier = Arc::new(Verifier::new(&settings.auth, clock.clone())?);
        let db = Db::new(&settings.database)?;
        let egress = Egress::new(&settings.egress)?;
        let admin_listener = bind(settings.admin_listen).await?;
        let admin_addr = local(&admin_listener);
        let grpc_listener = match role {
            Role::Worker => None,
            Role::All | Role::Api => Some(bind(settings.listen).await?),
        };
        let grpc_addr = grpc_listener.as_ref().map_or(settings.listen, local);

        let bucket = Bucket::new(&settings.bucket).await;
        let sealer = Arc::new(Sealer::new(settings.sealing_keys));
        // For all but registrations and reads of a few records.
        let unhurried = db.unhurried();
        let queue = Queue::new(unhurried.clone(), WorkKind::Ingest, settings.queue);
        let content_queue =
            Queue::new(unhurried.clone(), WorkKind::Content, settings.content_queue);
        let sweeper = Sweeper::new(
            unhurried.clone(),
            bucket.clone(),
            queue.clone(),
            clock.clone(),
            settings.sweep,
        );

        let max_files_per_message = settings.register.limits.max_files_per_message;
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let probes = health::probes(&db, &bucket, &sweeper, metrics, &stop);
        let admin = AdminListener::start(admin_listener, probes);
        if let Some(grpc_listener) = grpc_listener {
            let (reporter, health) = tonic_health::server::health_reporter();
            health::nobody_has_looked(&reporter).await;
            tasks.spawn(health::follow_database(reporter, db.clone(), stop.clone()));
            for herald in [queue.clone(), content_queue.clone()] {
                let until = stop.clone();
                tasks.spawn(async move { herald.spread_news(until).await });
            }
            let capabilities = Capabilities {
                register: Register::new(&db, queue.clone(), settings.register),
                access: Access::new(db.clone(), bucket.clone(), clock, settings.access),
                purge: Purge::new(unhurried.clone(), bucket.clone()),
                admin: Admin::new(unhurried.clone(), sealer.clone(), queue.clone()),
                redrive: Redrive::new(
                    unhurried.clone(),
                    queue.clone(),
                    content_queue.clone(),
                    max_files_per_message,
                ),
                watch: Watch::new(unhurried.clone(), settings.watch, stop.clone()),
                seal: Seal::new(&settings.signing_key),
            };
            let reflection = if settings.reflection {
                Reflection::On
            } else {
                Reflection::Off
            };
            let router = grpc::router(capabilities, verifier, health, reflection)?;
            tasks.spawn(serve_grpc(grpc_listener, router, stop.clone()));
        }
        if role != Role::Api {
            if settings.manage_lifecycle {
                tasks.spawn(settle_lifecycle(bucket.clone(), stop.clone()));
            }
            let providers = Providers::new(egress, settings.line, settings.slack);
            let content =
                Content::new(content_queue.clone(), bucket.clone(), settings.content);
            let until = stop.clone();
            tasks.spawn(async move {
                let handler = move |job| {
                    let content = content.clone();
                    async move { content.run(job).await }
                };
                content_queue.work(handler, Arc::new(|| None), until).await;
            });
            let ingest = Ingest::new(
                unhurried,
                queue.clone(),
                providers,
                sealer,
                bucket,
                settings.ingest,
            );
            let stop = stop.clone();
            tasks.spawn(async move {
                let bar = ingest.clone();
                let handler = move |job| {
                    let ingest = ingest.clone();
                    async move { ingest.run(job).await }
                };
                queue
                    .work(handler, Arc::new(move || bar.barred_for()), stop)
                    .await;
            });
        }
        let until = stop.clone();
        tasks.spawn(async move { sweeper.run(until).await });
        Ok(Self {
            grpc_addr,
            admin_addr,
            db,
            grace: settings.grace,
            stop,
            tasks,
            admin,
        })
    }

    /// Refuses new work, lets what runs end within the grace, and comes back
    /// when everything has stopped.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(self.grace + MARGIN, async {
            while self.tasks.join_next().await.is_some() {}
        });
        if ended.await.is_err() {
            tracing::warn!("the grace is over; what still runs is cut off");
            self.tasks.shutdown().await;
        }
        self.admin.stop().await;
        // A database that is away must not keep the process.
        let _ = tokio::time::timeout(CLOSING, self.db.close()).await;
    }
}

/// TLS and tokens both run on ring; whoever comes first installs it.
pub fn install_crypto() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    ring_crypto::install();
}

async fn bind(addr: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(addr)
        .await
        .map_err(|source| StartError::Bind { addr, source })
}

/// The bound address; a listener that is bound has one.
fn local(listener: &TcpListener) -> SocketAddr {
    listener
        .local_addr()
        .unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)))
}

async fn serve_grpc(listener: TcpListener, router: axum::Router, stop: CancellationToken) {
    let served = Server::builder()
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(STREAM_WINDOW_BYTES * 4)
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .accept_http1(true)
        .add_routes(Routes::from(router))
        .serve_with_incoming_shutdown(listener::incoming(listener), stop.cancelled())
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "the gRPC listener ended");
    }
}

/// Nobody waits for the bucket's rules.
async fn settle_lifecycle(bucket: Bucket, stop: CancellationToken) {
    stop.run_until_cancelled(bucket.settle_lifecycle()).await;
}
