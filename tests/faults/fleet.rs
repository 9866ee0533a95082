//! Real processes on one database, one bucket and one simulator, and what they
//! have promised so far.

use crate::ground::requests::{channel, line, put_channel};
use crate::ground::running_service::{Ground, RunningService};
use crate::ground::sandbox::eventually;
use crate::ground::{LINE, PATIENCE};
use attachments::dev::client::{self, Attachments};
use attachments::dev::simulator::{LINE_DEV_TOKEN, Media};
use attachments::proto::{RegisterAttachmentRequest, channel::Provider};
use nix::sys::signal::Signal;
use sqlx::PgPool;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout};

/// Fleets at the same time: processes are heavy.
static ROOM: Semaphore = Semaphore::const_new(2);

/// Dead workers are noticed soon, and no pause is long.
const QUICK: &[(&str, &str)] = &[
    ("retry.lease", "2s"),
    ("retry.base", "20ms"),
    ("retry.cap", "200ms"),
    ("retry.poll_interval", "50ms"),
    ("retry.max_attempts", "10"),
    ("retention.sweep_interval", "200ms"),
    ("retention.lost_after", "1s"),
    ("retention.remove_again_after", "500ms"),
    ("retention.orphaned_after", "1s"),
    ("database.max_connections", "8"),
    ("server.grace", "5s"),
    // What is counted here is files, and attempts at them.
    ("limits.content_concurrency", "0"),
];

pub struct Fleet {
    pub ground: Ground,
    /// The database, past every proxy.
    pub pool: PgPool,
    /// Where clients find the service now.
    api: Mutex<Option<SocketAddr>>,
    promises: Mutex<BTreeMap<String, Promise>>,
    _room: SemaphorePermit<'static>,
}

/// What is known of a file from outside.
#[derive(Debug, Clone)]
pub struct Promise {
    /// The SHA-256 of what the provider has, in hex.
    pub checksum: String,
    /// Every id that a registration of it was answered with.
    pub ids: Vec<String>,
}

impl Fleet {
    /// On a database of its own in the shared cluster.
    pub async fn new() -> Self {
        let room = ROOM.acquire().await.unwrap();
        Self::of(Ground::new().await, room).await
    }

    /// On a database that is there, such as a cluster's of its own.
    pub async fn on(database_url: &str) -> Self {
        let room = ROOM.acquire().await.unwrap();
        Self::of(Ground::on(database_url).await, room).await
    }

    async fn of(mut ground: Ground, room: SemaphorePermit<'static>) -> Self {
        let pool = PgPool::connect(&ground.database_url).await.unwrap();
        for (key, value) in QUICK {
            set(&mut ground, key, value);
        }
        Self {
            ground,
            pool,
            api: Mutex::default(),
            promises: Mutex::default(),
            _room: room,
        }
    }

    /// Changes a setting, such as `retry.lease`, for the processes to come.
    pub fn set(&mut self, key: &str, value: &str) -> &mut Self {
        set(&mut self.ground, key, value);
        self
    }

    /// Gives settings their defaults back, for the processes to come.
    pub fn unset(&mut self, keys: &[&str]) -> &mut Self {
        for key in keys {
            self.ground.sandbox.unset(&variable(key));
        }
        self
    }

    /// Starts a process that serves calls, and sends clients there. The first
    /// one gets the channel.
    pub async fn serve(&self, role: &str) -> RunningService {
        self.serve_by(&[], role).await
    }

    /// The same, by way of another program, such as `faketime`.
    pub async fn serve_by(&self, launcher: &[&str], role: &str) -> RunningService {
        let service = self.ground.serve_by(launcher, &["--role", role]).await;
        self.adopt(&service).await;
        service
    }

    /// Sends clients to a process that was started in another way.
    pub async fn adopt(&self, service: &RunningService) {
        if let Some(address) = service.grpc {
            service.wait_ready().await;
            if self.api.lock().unwrap().replace(address).is_none() {
                let (_, mut admin) = service.clients(&self.ground.token());
                put_channel(&mut admin, channel(LINE, Provider::Line), LINE_DEV_TOKEN).await;
            }
        }
    }

    /// Starts a process that fails at these points.
    pub async fn serve_to_fail(&mut self, role: &str, fail_at: &str) -> RunningService {
        self.ground.sandbox.set("ATTACHMENTS_FAIL_AT", fail_at);
        let service = self.serve(role).await;
        self.ground.sandbox.unset("ATTACHMENTS_FAIL_AT");
        service
    }

    /// A client of the process that serves now.
    pub fn client(&self) -> Attachments {
        let address = self.api.lock().unwrap().unwrap();
        self.client_of(address)
    }

    /// The same, for another tenant.
    pub fn client_for(&self, tenant: &str) -> Attachments {
        let address = self.api.lock().unwrap().unwrap();
        let token = self.ground.token_of(tenant);
        client::connect(address, &token.into()).unwrap().0
    }

    /// A client of this one.
    pub fn client_of(&self, address: SocketAddr) -> Attachments {
        let token = self.ground.token();
        client::connect(address, &token.into()).unwrap().0
    }

    /// Puts a text of its own for each id into the simulated LINE.
    pub fn put_files(&self, ids: &[String]) {
        for id in ids {
            self.put_file(id, &text(id, 4_000), &[]);
        }
    }

    /// Puts a file into the simulated LINE that behaves as the script says.
    pub fn put_file(&self, id: &str, content: &str, script: &[&str]) {
        let content_type = http::HeaderValue::from_static("text/plain");
        let media = Media::new(content.to_owned(), content_type);
        let media = media.script(script).unwrap();
        let promise = Promise {
            checksum: media.checksum_sha256(),
            ids: Vec::new(),
        };
        self.promises.lock().unwrap().insert(id.to_owned(), promise);
        self.ground.simulator.put_line_message(id, media);
    }

    /// Everything that was promised so far, by the provider's id.
    pub fn promises(&self) -> BTreeMap<String, Promise> {
        self.promises.lock().unwrap().clone()
    }

    /// Registers a file as a gateway does: again and again until it has an
    /// answer, at whichever process serves. Gives the id.
    pub async fn register(&self, id: &str) -> String {
        self.insist(line(id)).await
    }

    /// Registers many, a few at the same time.
    pub async fn register_all(&self, ids: &[String]) {
        use futures::StreamExt as _;
        futures::stream::iter(ids)
            .for_each_concurrent(16, async |id| drop(self.register(id).await))
            .await;
    }

    async fn insist(&self, request: RegisterAttachmentRequest) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut client = self.client();
            let call = client.register_attachment(request.clone());
            // As long as a webhook may take.
            let answer = timeout(Duration::from_secs(5), call).await;
            if let Ok(Ok(answer)) = answer {
                let attachment = answer.into_inner().attachment.unwrap();
                self.note(&request.message_id, &attachment.attachment_id);
                return attachment.attachment_id;
            }
            assert!(Instant::now() < deadline, "no answer: {answer:?}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Notes that a registration was answered with this id.
    pub fn note(&self, media_id: &str, attachment_id: &str) {
        let mut promises = self.promises.lock().unwrap();
        let promise = promises.get_mut(media_id).unwrap();
        promise.ids.push(attachment_id.to_owned());
    }

    /// Waits until exactly so many requests for these files have come.
    pub async fn under_way(&self, path: &str, requests: usize) {
        eventually("they are under way", async || {
            self.ground.simulator.requests_for(path) == requests
        })
        .await;
    }

    /// How many rows the query counts.
    pub async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }
}

/// Waits until a process is dead by the signal that it sent itself.
pub async fn wait_killed(service: RunningService) {
    let finished = service.process.finish().await;
    assert_eq!(finished.code, None, "not by a signal: {finished:?}");
}

/// `SIGTERM`, and an orderly end.
pub async fn stop(service: RunningService) {
    service.process.signal(Signal::SIGTERM);
    let finished = service.process.finish().await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
}

/// Ids for so many files.
pub fn ids(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}{n:04}")).collect()
}

/// A text that is no other file's, of about this length.
pub fn text(id: &str, bytes: usize) -> String {
    let line = format!("the file {id}\n");
    line.repeat(bytes.div_ceil(line.len()))
}

fn set(ground: &mut Ground, key: &str, value: &str) {
    ground.sandbox.set(&variable(key), value);
}

fn variable(key: &str) -> String {
    format!("ATTACHMENTS_{}", key.replace('.', "_").to_uppercase())
}
