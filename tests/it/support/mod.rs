//! One service per test, on a database of its own in one shared cluster.

mod bucket;
mod gateway;
mod steps;
mod web;

pub use crate::ground::requests::*;
pub use crate::ground::{ANY_PORT, LINE, PATIENCE, SLACK, TENANT, URL, database};
pub use gateway::TestGateway;
pub use steps::{FIGURES_TOLD_WITHIN, next_change};
pub use web::{Visit, Web, serve};

use attachments::app::{self, App};
use attachments::auth::{DEV_KID, KeyAlgorithm, Scope};
use attachments::clock::{Clock, ShiftedClock};
use attachments::config::{Config, Human, Role, Secret, TokenKey};
use attachments::dev::client::{self, Admin, Attachments};
use attachments::dev::object_store::{self, ObjectStore};
use attachments::dev::simulator::{self, LINE_DEV_TOKEN, SLACK_DEV_TOKEN, Simulator};
use attachments::dev::token::{DEV_AUDIENCE, DEV_ISSUER, DevKey, MintRequest};
use attachments::proto::{Attachment, attachment::Status as AttachmentStatus, channel::Provider};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use secrecy::SecretString;
use sqlx::PgPool;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// Somebody else, with channels of the same names.
pub const OTHER_TENANT: &str = "globex";

/// A running service with everything around it.
pub struct TestApp {
    pub app: App,
    pub simulator: Simulator,
    pub store: ObjectStore,
    pub clock: Arc<ShiftedClock>,
    /// The test's own database, for what only SQL can see or do.
    pub pool: PgPool,
    pub database_url: String,
    /// What the service was started with, for another one beside it.
    pub config: Config,
    key: DevKey,
    _folder: TempDir,
}

impl TestApp {
    /// With fast retries; see [`fast`].
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// With settings of the test's own on top of the fast ones.
    pub async fn start_with(adjust: impl FnOnce(&mut Config)) -> Self {
        app::install_crypto();
        let folder = TempDir::new().unwrap();
        let database_url = database::create().await;
        let s3_secret = SecretString::from("secret-of-the-test-store");
        let store = ObjectStore::start(object_store::Settings {
            root: folder.path().join("s3"),
            listen: ANY_PORT,
            access_key: "test".to_owned(),
            secret_key: s3_secret.clone(),
            buckets: vec!["bucket".to_owned()],
        })
        .await
        .unwrap();
        let simulator = Simulator::start(simulator::Settings { listen: ANY_PORT })
            .await
            .unwrap();
        let key = DevKey::load_or_generate(folder.path()).unwrap();

        let mut config = fast();
        config.database.url = Some(Secret::from(database_url.as_str()));
        "bucket".clone_into(&mut config.s3.bucket);
        config.s3.endpoint = Some(format!("http://{}", store.local_addr()));
        config.s3.access_key_id = Some("test".to_owned());
        config.s3.secret_access_key = Some(Secret(s3_secret));
        config.line.content_url = simulator.line_content_url();
        config.slack.api_url = simulator.slack_api_url();
        DEV_ISSUER.clone_into(&mut config.auth.issuer);
        DEV_AUDIENCE.clone_into(&mut config.auth.audience);
        config.auth.keys = vec![TokenKey {
            kid: Some(DEV_KID.to_owned()),
            algorithm: KeyAlgorithm::EdDsa,
            key: Some(Secret(key.public_key_pem().into())),
            key_file: None,
        }];
        adjust(&mut config);

        let clock = Arc::new(ShiftedClock::default());
        let app = start_service(&config, Role::All, clock.clone()).await;
        let pool = PgPool::connect(&database_url).await.unwrap();
        let this = Self {
            app,
            simulator,
            store,
            clock,
            pool,
            database_url,
            config,
            key,
            _folder: folder,
        };
        for tenant in [TENANT, OTHER_TENANT] {
            for (id, provider, credential) in [
                (LINE, Provider::Line, LINE_DEV_TOKEN),
                (SLACK, Provider::Slack, SLACK_DEV_TOKEN),
                (URL, Provider::Url, ""),
            ] {
                put_channel(&mut this.admin(tenant), channel(id, provider), credential).await;
            }
        }
        this
    }

    /// Another service process' worth of parts on the same database and bucket.
    pub async fn another(&self, role: Role) -> App {
        start_service(&self.config, role, self.clock.clone()).await
    }

    /// A client of this tenant that may do everything.
    pub fn client(&self, tenant: &str) -> Attachments {
        self.client_with(tenant, &Scope::ALL)
    }

    /// A client of this tenant with these scopes.
    pub fn client_with(&self, tenant: &str, scopes: &[Scope]) -> Attachments {
        client::connect(self.app.grpc_addr, &self.token(tenant, scopes))
            .unwrap()
            .0
    }

    /// An admin client of this tenant.
    pub fn admin(&self, tenant: &str) -> Admin {
        client::connect(self.app.grpc_addr, &self.token(tenant, &Scope::ALL))
            .unwrap()
            .1
    }

    /// A token that is good now, as the service's clock has it.
    pub fn token(&self, tenant: &str, scopes: &[Scope]) -> SecretString {
        let request = MintRequest {
            tenant: tenant.parse().unwrap(),
            scopes: scopes.iter().copied().collect(),
            ttl: Duration::from_hours(1),
            subject: "test".to_owned(),
        };
        self.key.mint(&request, &*self.clock).unwrap().into()
    }

    /// Waits until the attachment is as `is_so` says, and gives it.
    pub async fn wait(
        &self,
        tenant: &str,
        id: &str,
        is_so: impl Fn(&Attachment) -> bool,
    ) -> Attachment {
        let mut client = self.client(tenant);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let request = get_request(id.to_owned());
            let attachment = client
                .get_attachment(request)
                .await
                .unwrap()
                .into_inner()
                .attachment
                .unwrap();
            if is_so(&attachment) {
                return attachment;
            }
            assert!(Instant::now() < deadline, "waited in vain: {attachment:#?}");
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until nothing more will happen to it by itself.
    pub async fn wait_final(&self, tenant: &str, id: &str) -> Attachment {
        self.wait(tenant, id, |attachment| match attachment.status() {
            AttachmentStatus::Pending | AttachmentStatus::Downloading => false,
            AttachmentStatus::Failed => !attachment.retryable,
            _ => true,
        })
        .await
    }

    /// Waits for a condition that is not about one attachment.
    pub async fn eventually<F: Future<Output = bool>>(&self, what: &str, is_so: impl Fn() -> F) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so().await {
            assert!(Instant::now() < deadline, "waited in vain: {what}");
            sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Fails with a message instead of hanging.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let Ok(value) = tokio::time::timeout(PATIENCE, future).await else {
        panic!("took too long: {what}");
    };
    value
}

async fn start_service(config: &Config, role: Role, clock: Arc<dyn Clock>) -> App {
    let mut settings = config.resolve().unwrap();
    settings.auth.allow_dev_keys = true;
    Box::pin(App::start(settings, role, clock)).await.unwrap()
}

/// Gives up on a silent provider soon, for tests of exactly that.
pub fn impatient(config: &mut Config) {
    config.egress.first_byte_timeout = Human(Duration::from_secs(1));
    config.egress.idle_timeout = Human(Duration::from_secs(1));
}

/// The defaults, with waits that suit a test.
fn fast() -> Config {
    let milliseconds = |count| Human(Duration::from_millis(count));
    let mut config = Config::default();
    config.server.listen = ANY_PORT;
    config.server.admin_listen = ANY_PORT;
    config.server.grace = milliseconds(5_000);
    config.server.reflection = true;
    config.database.max_connections = 8;
    // Patient, so that a busy machine is not taken for a database that is unavailable.
    config.database.patience = milliseconds(20_000);
    // Patient, so that a busy machine is not taken for a slow provider.
    config.egress.idle_timeout = milliseconds(5_000);
    config.retry.base = milliseconds(20);
    config.retry.cap = milliseconds(200);
    config.retry.retry_after_cap = milliseconds(2_000);
    config.retry.not_ready_budget = milliseconds(1_000);
    config.retry.lease = milliseconds(6_000);
    config.retry.poll_interval = milliseconds(50);
    config.retention.sweep_interval = milliseconds(100);
    config.retention.lost_after = milliseconds(500);
    config.retention.remove_again_after = milliseconds(500);
    config.retention.orphaned_after = milliseconds(500);
    config.links.signing_key = Some(Secret::from(
        "a signing key of the tests, 32 characters or more",
    ));
    config.sealing.key = Some(Secret(BASE64.encode([7; 32]).into()));
    config
}
