//! What `serve` needs, all of the test's own, and a `serve` that is up.

use super::requests::{channel, put_channel};
use super::sandbox::{Process, Sandbox, eventually, http};
use super::{ANY_PORT, LINE, TENANT, bucket, database};
use attachments::auth::Scope;
use attachments::dev::client::{self, Admin, Attachments};
use attachments::dev::object_store::{self, ObjectStore};
use attachments::dev::simulator::{self, LINE_DEV_TOKEN, Simulator};
use attachments::dev::token::DevKey;
use attachments::proto::channel::Provider;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

/// Secrets, so that a test can look for them where they must not be.
#[derive(Clone)]
pub struct Secrets {
    pub s3: String,
    pub database_password: String,
    pub signing_key: String,
    pub sealing_key: [u8; 32],
}

/// A database, a store, providers and an issuer, and the variables that name them.
pub struct Ground {
    pub sandbox: Sandbox,
    pub simulator: Simulator,
    pub store: ObjectStore,
    pub database_url: String,
    secrets: Secrets,
    issuer: EncodingKey,
}

impl Ground {
    /// On a migrated database.
    pub async fn new() -> Self {
        Self::on(&database::create().await).await
    }

    /// On this database.
    pub async fn on(database_url: &str) -> Self {
        let secrets = Secrets {
            s3: "the secret of the store".to_owned(),
            database_password: "any".to_owned(),
            signing_key: "a signing key of 32 characters or more".to_owned(),
            sealing_key: [7; 32],
        };
        Self::with(database_url, &secrets).await
    }

    /// On this database, with these secrets.
    pub async fn with(database_url: &str, secrets: &Secrets) -> Self {
        let mut sandbox = Sandbox::new();
        let store = ObjectStore::start(object_store::Settings {
            root: sandbox.path("s3"),
            listen: ANY_PORT,
            access_key: "test".to_owned(),
            secret_key: secrets.s3.clone().into(),
            buckets: vec!["bucket".to_owned()],
        })
        .await
        .unwrap();
        let simulator = Simulator::start(simulator::Settings { listen: ANY_PORT })
            .await
            .unwrap();

        // A key pair as an identity provider has one; `serve` takes none called `dev`.
        let public = DevKey::load_or_generate(&sandbox.path(""))
            .unwrap()
            .public_key_pem();
        let private = std::fs::read(sandbox.path("token-key.pk8")).unwrap();
        let issuer = EncodingKey::from_ed_der(&private);
        let pem = sandbox.write("issuer.pem", &public);
        let keys = format!(
            r#"[{{kid="k1", algorithm="EdDSA", key_file="{}"}}]"#,
            pem.display()
        );

        // The cluster asks for no password, so any will do.
        let password = format!("postgres:{}@", secrets.database_password);
        sandbox
            .set("DATABASE_URL", database_url.replace("postgres@", &password))
            .set("ATTACHMENTS_SERVER_LISTEN", "127.0.0.1:0")
            .set("ATTACHMENTS_SERVER_ADMIN_LISTEN", "127.0.0.1:0")
            .set("ATTACHMENTS_AUTH_ISSUER", "https://issuer.test")
            .set("ATTACHMENTS_AUTH_AUDIENCE", "attachments")
            .set("ATTACHMENTS_AUTH_KEYS", keys)
            .set(
                "ATTACHMENTS_S3_ENDPOINT",
                format!("http://{}", store.local_addr()),
            )
            .set("ATTACHMENTS_S3_BUCKET", "bucket")
            .set("ATTACHMENTS_S3_ACCESS_KEY_ID", "test")
            .set("ATTACHMENTS_S3_SECRET_ACCESS_KEY", &secrets.s3)
            .set("ATTACHMENTS_LINE_CONTENT_URL", simulator.line_content_url())
            .set("ATTACHMENTS_SLACK_API_URL", simulator.slack_api_url())
            .set("ATTACHMENTS_LINKS_SIGNING_KEY", &secrets.signing_key)
            .set(
                "ATTACHMENTS_SEALING_KEY",
                BASE64.encode(secrets.sealing_key),
            )
            .set("ATTACHMENTS_RETRY_BASE", "20ms")
            .set("ATTACHMENTS_RETRY_POLL_INTERVAL", "50ms");
        Self {
            sandbox,
            simulator,
            store,
            database_url: database_url.to_owned(),
            secrets: secrets.clone(),
            issuer,
        }
    }

    /// A token that `serve` takes, for everything.
    pub fn token(&self) -> String {
        self.token_of(TENANT)
    }

    /// The same, of this tenant.
    pub fn token_of(&self, tenant: &str) -> String {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some("k1".to_owned());
        let scopes: Vec<_> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
        let claims = json!({
            "iss": "https://issuer.test",
            "aud": "attachments",
            "sub": "test",
            "tenant_id": tenant,
            "scope": scopes.join(" "),
            "exp": now + 3600,
        });
        jsonwebtoken::encode(&header, &claims, &self.issuer).unwrap()
    }

    /// A client of the store, past the service.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        let endpoint = format!("http://{}", self.store.local_addr());
        bucket::client(endpoint, "us-east-1".to_owned(), &self.secrets.s3)
    }

    /// Starts `serve` with these flags and waits until it says that it serves.
    pub async fn serve(&self, flags: &[&str]) -> RunningService {
        self.serve_by(&[], flags).await
    }

    /// The same, by way of another program.
    pub async fn serve_by(&self, launcher: &[&str], flags: &[&str]) -> RunningService {
        let arguments = [&["serve"], flags].concat();
        let mut process = self.sandbox.start_by(launcher, &arguments);
        let line = process
            .wait_for("it says that it serves", |process| said(process, "serving"))
            .await;
        let address = |name: &str| line[name].as_str().map(|text| text.parse().unwrap());
        RunningService {
            grpc: address("grpc"),
            admin: address("admin").unwrap(),
            process,
        }
    }
}

/// A running `serve`.
pub struct RunningService {
    pub process: Process,
    /// None when it serves no gRPC.
    pub grpc: Option<SocketAddr>,
    pub admin: SocketAddr,
}

impl RunningService {
    pub fn clients(&self, token: &str) -> (Attachments, Admin) {
        client::connect(self.grpc.unwrap(), &token.into()).unwrap()
    }

    /// A client, with the LINE channel put.
    pub async fn client_with_line(&self, token: &str) -> Attachments {
        let (client, mut admin) = self.clients(token);
        put_channel(&mut admin, channel(LINE, Provider::Line), LINE_DEV_TOKEN).await;
        client
    }

    /// Status and body of `/readyz`; none when nobody answers.
    pub async fn readyz(&self) -> Option<(u16, Value)> {
        let url = format!("http://{}/readyz", self.admin);
        let answer = http().get(url).send().await.ok()?;
        Some((answer.status().as_u16(), answer.json().await.ok()?))
    }

    /// The body of `/metrics`.
    pub async fn metrics(&self) -> String {
        let url = format!("http://{}/metrics", self.admin);
        http().get(url).send().await.unwrap().text().await.unwrap()
    }

    /// A metric without labels; none while it is not shown.
    pub async fn metric(&self, name: &str) -> Option<f64> {
        let metrics = self.metrics().await;
        metrics
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    }

    pub async fn wait_ready(&self) {
        eventually("it is ready", async || {
            self.readyz().await.is_some_and(|(status, _)| status == 200)
        })
        .await;
    }
}

/// The line of the log with this message.
pub fn said(process: &Process, message: &str) -> Option<Value> {
    let log = process.stderr();
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.into_iter().find(|line| line["message"] == message)
}
