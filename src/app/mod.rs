//! The composition root: settings in, a running service out.
//!
//! The one place that knows every module; no rule lives here.

mod confinement;
mod health;
mod readiness;
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
use crate::db::{Db, DbError, KeptChannels};
use crate::egress::{Egress, EgressError};
use crate::grpc::{self, Capabilities, Reflection};
use crate::http::AdminListener;
use crate::ingest::{Ingest, Queues};
use crate::listener;
use crate::provider::{Providers, Sealer};
use crate::purge::Purge;
use crate::queue::Queue;
use crate::redrive::Redrive;
use crate::register::Register;
use crate::sandbox::Sandbox;
use crate::seal::Seal;
use crate::sweep::{Rounds, Sweeper};
use crate::telemetry::{self, Chain};
use crate::watch::Watch;
use futures::future::BoxFuture;
use readiness::{Dependency, Readiness, Report};
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
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
    /// The name that this process's attempts bear.
    pub worker: String,
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
    /// The thread that children are started from could not be.
    #[error("sandbox")]
    Sandbox(#[source] io::Error),
    /// The proto that is compiled in cannot be served.
    #[error("reflection")]
    Reflection(#[from] grpc::ReflectionError),
    /// A port could not be bound.
    #[error("{addr} cannot be listened on; {flag}, or its setting, names another address")]
    Bind {
        /// What names it.
        flag: &'static str,
        /// Which.
        addr: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

impl App {
    /// Composes the parts, binds the ports and starts what `role` runs. Boxed:
    /// else every program and every test binary would compile all of it again.
    pub fn start(
        settings: Resolved,
        role: Role,
        clock: Arc<dyn Clock>,
    ) -> BoxFuture<'static, Result<Self, StartError>> {
        Box::pin(Self::compose(settings, role, clock))
    }

    async fn compose(
        mut settings: Resolved,
        role: Role,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        install_crypto();
        // Before whoever counts.
        let metrics = telemetry::metrics();
        let db = Db::new(&settings.database)?;
        let parts = Parts {
            channels: KeptChannels::new(db.clone()),
            bucket: Bucket::new(&settings.bucket).await,
            sealer: Arc::new(Sealer::new(mem::take(&mut settings.sealing_keys))),
            queue: Queue::new(db.patient(), WorkKind::Ingest, settings.queue.clone()),
            content_queue: Queue::new(
                db.patient(),
                WorkKind::Content,
                settings.content_queue.clone(),
            ),
            stop: CancellationToken::new(),
            db,
            clock,
        };
        let readiness = Readiness::new(parts.dependencies(role, &settings), &parts.stop);
        let (rounds, pulse) = parts.sweeper(&settings).rounds();

        let admin_listener = bind("--admin-listen", settings.admin_listen).await?;
        let mut app = Self {
            grpc_addr: settings.listen,
            admin_addr: local(&admin_listener),
            worker: parts.queue.worker().to_owned(),
            db: parts.db.clone(),
            grace: settings.grace,
            stop: parts.stop.clone(),
            tasks: JoinSet::new(),
            admin: AdminListener::start(
                admin_listener,
                health::probes(readiness.reports(), pulse, metrics),
            ),
        };
        if role != Role::Worker {
            app.api(&parts, &settings, readiness.reports()).await?;
        }
        if role != Role::Api {
            app.worker(&parts, settings)?;
        }
        app.background(parts, readiness, rounds);
        Ok(app)
    }

    /// Serves gRPC, and wakes the workers of other replicas.
    async fn api(
        &mut self,
        parts: &Parts,
        settings: &Resolved,
        reports: watch::Receiver<Report>,
    ) -> Result<(), StartError> {
        let verifier = Arc::new(Verifier::new(&settings.auth, parts.clock.clone())?);
        let listener = bind("--listen", settings.listen).await?;
        self.grpc_addr = local(&listener);
        let (reporter, health) = tonic_health::server::health_reporter();
        health::nobody_has_looked(&reporter).await;
        let reflection = if settings.reflection {
            Reflection::On
        } else {
            Reflection::Off
        };
        let capabilities = parts.capabilities(settings);
        self.tasks.spawn(capabilities.watch.clone().read());
        let router = grpc::router(capabilities, verifier, health, reflection)?;
        let stop = &parts.stop;
        self.tasks
            .spawn(health::follow(reporter, reports, stop.clone()));
        self.tasks.spawn(serve_grpc(listener, router, stop.clone()));
        for queue in [parts.queue.clone(), parts.content_queue.clone()] {
            let stop = stop.clone();
            self.tasks
                .spawn(async move { queue.notify_replicas(stop).await });
        }
        Ok(())
    }

    /// Works the queues.
    fn worker(&mut self, parts: &Parts, settings: Resolved) -> Result<(), StartError> {
        let egress = Egress::new(&settings.egress)?;
        let sandbox = Sandbox::new(&settings.sandbox).map_err(StartError::Sandbox)?;
        self.tasks.spawn(confinement::tell(sandbox.clone()));
        let makes_content = settings.ingest.makes_content;
        let ingest = Ingest::new(
            parts.db.patient(),
            parts.channels.clone(),
            Queues {
                ingest: parts.queue.clone(),
                content: parts.content_queue.clone(),
            },
            Providers::new(egress, settings.line, settings.slack),
            parts.sealer.clone(),
            (parts.bucket.clone(), sandbox.clone()),
            settings.ingest,
        );
        let (queue, stop) = (parts.queue.clone(), parts.stop.clone());
        self.tasks.spawn(work(queue, ingest, stop));
        let queue = parts.content_queue.clone();
        let content = Content::new(
            queue.clone(),
            parts.bucket.clone(),
            sandbox,
            settings.content,
        );
        if makes_content {
            let stop = parts.stop.clone();
            self.tasks.spawn(work_at_content(queue, content, stop));
        }
        if settings.manage_lifecycle {
            let settled = settle_lifecycle(parts.bucket.clone(), parts.stop.clone());
            self.tasks.spawn(settled);
        }
        Ok(())
    }

    /// What every role does beside its work: look after itself, and sweep.
    fn background(&mut self, parts: Parts, readiness: Readiness, rounds: Rounds) {
        self.tasks.spawn(readiness.run(parts.stop.clone()));
        self.tasks.spawn(rounds.run(parts.stop));
    }

    /// Refuses new work, lets what runs end within the grace, and comes back
    /// when everything has stopped.
    #[must_use = "nothing stops before it is awaited"]
    pub fn shutdown(self) -> BoxFuture<'static, ()> {
        Box::pin(self.stop())
    }

    async fn stop(mut self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(self.grace + MARGIN, async {
            while self.tasks.join_next().await.is_some() {}
        });
        if ended.await.is_err() {
            tracing::warn!("the grace is over; what still runs is cut off");
            self.tasks.shutdown().await;
        }
        self.admin.stop().await;
        // A database that is unavailable must not keep the process.
        let _ = tokio::time::timeout(CLOSING, self.db.close()).await;
    }
}

/// What the roles share.
struct Parts {
    db: Db,
    channels: KeptChannels,
    bucket: Bucket,
    sealer: Arc<Sealer>,
    /// Of files to be brought in.
    queue: Queue,
    /// Of content to be made.
    content_queue: Queue,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
}

impl Parts {
    /// What the gRPC edge asks. Only registrations and reads of a few records
    /// are in a hurry.
    fn capabilities(&self, settings: &Resolved) -> Capabilities {
        let (db, bucket, queue) = (&self.db, &self.bucket, &self.queue);
        Capabilities {
            register: Register::new(
                db,
                self.channels.clone(),
                queue.clone(),
                settings.register.clone(),
            ),
            access: Access::new(
                db.clone(),
                bucket.clone(),
                self.clock.clone(),
                settings.access.clone(),
            ),
            purge: Purge::new(db.patient(), bucket.clone()),
            admin: Admin::new(
                db.patient(),
                self.channels.clone(),
                self.sealer.clone(),
                queue.clone(),
            ),
            redrive: Redrive::new(
                db.patient(),
                queue.clone(),
                self.content_queue.clone(),
                settings.register.limits.max_files_per_message,
            ),
            watch: Watch::new(db.patient(), settings.watch.clone(), self.stop.clone()),
            seal: Seal::new(&settings.signing_key),
        }
    }

    fn sweeper(&self, settings: &Resolved) -> Sweeper {
        Sweeper::new(
            self.db.patient(),
            self.bucket.clone(),
            self.queue.clone(),
            self.clock.clone(),
            settings.sweep.clone(),
        )
    }

    /// What `role` cannot do without.
    fn dependencies(&self, role: Role, settings: &Resolved) -> Vec<Dependency> {
        let mut all = vec![
            health::database(&self.db),
            health::migrations(&self.db),
            health::object_storage(&self.bucket, settings.bucket.endpoint.as_deref()),
        ];
        if role != Role::Api {
            all.push(health::spool(&settings.ingest.spool_dir));
        }
        all
    }
}

/// TLS and tokens both run on ring; whoever comes first installs it.
pub fn install_crypto() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    ring_crypto::install();
}

async fn bind(flag: &'static str, addr: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(addr)
        .await
        .map_err(|source| StartError::Bind { flag, addr, source })
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
        tracing::error!(error = %Chain(&error), "the gRPC listener ended");
    }
}

async fn work(queue: Queue, ingest: Ingest, stop: CancellationToken) {
    let store = ingest.clone();
    let handler = move |job| {
        let ingest = ingest.clone();
        async move { ingest.run(job).await }
    };
    let paused_for = Arc::new(move || store.paused_for());
    queue.work(handler, paused_for, stop).await;
}

async fn work_at_content(queue: Queue, content: Content, stop: CancellationToken) {
    let handler = move |job| {
        let content = content.clone();
        async move { content.run(job).await }
    };
    queue.work(handler, Arc::new(|| None), stop).await;
}

/// Writes the bucket's lifecycle rules, in the background: the service does not
/// wait for them to start.
async fn settle_lifecycle(bucket: Bucket, stop: CancellationToken) {
    stop.run_until_cancelled(bucket.settle_lifecycle()).await;
}
