//! What the service stands on: Postgres, a provider, a store, an issuer.

use super::Outcome;
use super::bucket::{BUCKET, Bucket, S3_ACCESS_KEY};
use super::service::{self, Service};
use super::token::{self, AUDIENCE, ISSUER, KID};
use attachments::app;
use attachments::dev::client::{self, Attachments};
use attachments::dev::object_store::{self, ObjectStore};
use attachments::dev::postgres::{Durability, EmbeddedPostgres, Options};
use attachments::dev::simulator::{self, LINE_DEV_TOKEN, Simulator};
use attachments::proto::set_channel_credential_request::Credential;
use attachments::proto::{
    Channel, PutChannelRequest, SetChannelCredentialRequest, channel::Provider,
};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection as _, PgConnection, PgPool};
use std::fs::{self, Permissions};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tempfile::TempDir;
use tokio::runtime::Handle;

/// The tenant that everything happens in.
pub(crate) const TENANT: &str = "bench";
/// Its LINE channel.
pub(crate) const CHANNEL: &str = "line-bench";

const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

pub(crate) struct Stage {
    pub(crate) simulator: Simulator,
    pub(crate) bucket: Bucket,
    pub(crate) pool: PgPool,
    pub(crate) database_url: String,
    store: ObjectStore,
    token: SecretString,
    public_key: String,
    s3_secret: SecretString,
    postgres: EmbeddedPostgres,
    folder: TempDir,
    /// The store's folder; goes with the stage.
    _objects: TempDir,
}

impl Stage {
    /// Starts everything. `origin` runs the provider and the store.
    pub(crate) async fn set(origin: &Handle) -> Outcome<Self> {
        app::install_crypto();
        // Open, for the database may run under another account.
        let folder = tempfile::Builder::new()
            .permissions(Permissions::from_mode(0o755))
            .tempdir()?;
        let postgres = start_postgres(folder.path()).await?;
        let mut connection = PgConnection::connect(&postgres.url("postgres")).await?;
        sqlx::query("create database figures")
            .execute(&mut connection)
            .await?;
        connection.close().await?;
        let database_url = postgres.url("figures");
        let pool = PgPoolOptions::new()
            .max_connections(2)
            .connect_lazy(&database_url)?;

        let objects = memory_folder()?;
        let s3_secret = SecretString::from("secret of the figures' store");
        let store = origin.spawn(ObjectStore::start(object_store::Settings {
            root: objects.path().to_owned(),
            listen: ANY_PORT,
            access_key: S3_ACCESS_KEY.to_owned(),
            secret_key: s3_secret.clone(),
            buckets: vec![BUCKET.to_owned()],
        }));
        let store = store.await??;
        let simulator = simulator::Settings { listen: ANY_PORT };
        let simulator = origin.spawn(Simulator::start(simulator)).await??;
        let (token, public_key) = token::issue(TENANT)?;
        let stage = Self {
            bucket: Bucket::new(store.local_addr(), &s3_secret),
            simulator,
            pool,
            database_url,
            store,
            token,
            public_key,
            s3_secret,
            postgres,
            folder,
            _objects: objects,
        };
        service::migrate(&stage.config(1)?).await?;
        Ok(stage)
    }

    /// Starts the service in this role, with a channel to register files of.
    pub(crate) async fn serve(&self, role: &str, ingest_concurrency: u32) -> Outcome<Service> {
        let log = self.folder.path().join("service.log");
        let service = Service::start(&self.config(ingest_concurrency)?, role, &log).await?;
        let (_, mut admin) = client::connect(service.grpc, &self.token)?;
        let channel = Channel {
            channel_id: CHANNEL.to_owned(),
            provider: Provider::Line.into(),
            ..Channel::default()
        };
        admin
            .put_channel(PutChannelRequest {
                channel: Some(channel),
                update_mask: None,
            })
            .await?;
        admin
            .set_channel_credential(SetChannelCredentialRequest {
                channel_id: CHANNEL.to_owned(),
                credential: Some(Credential::Token(LINE_DEV_TOKEN.to_owned())),
            })
            .await?;
        Ok(service)
    }

    /// A client on a connection of its own.
    pub(crate) fn client(&self, service: &Service) -> Outcome<Attachments> {
        Ok(client::connect(service.grpc, &self.token)?.0)
    }

    /// Empties the tables and writes everything down, so that each round
    /// begins alike.
    pub(crate) async fn clear(&self) -> Outcome<()> {
        sqlx::query(
            "truncate attachments, objects, work, attempts, removals, events, usage, usage_deltas",
        )
        .execute(&self.pool)
        .await?;
        self.checkpoint().await
    }

    /// Writes everything down.
    pub(crate) async fn checkpoint(&self) -> Outcome<()> {
        sqlx::query("checkpoint").execute(&self.pool).await?;
        Ok(())
    }

    /// A folder on the disk that the database lies on.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Stops everything.
    pub(crate) async fn strike(self) {
        self.pool.close().await;
        self.simulator.shutdown().await;
        self.store.shutdown().await;
        self.postgres.stop();
    }

    fn config(&self, ingest_concurrency: u32) -> Outcome<std::path::PathBuf> {
        let text = format!(
            r#"
server = {{ listen = "127.0.0.1:0", admin_listen = "127.0.0.1:0" }}
database = {{ url = "{database}" }}
line = {{ content_url = "{line}" }}
limits = {{ ingest_concurrency = {ingest_concurrency} }}
links = {{ signing_key = "a signing key of the figures, of 32 characters or more" }}
sealing = {{ key = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=" }}

[auth]
issuer = "{ISSUER}"
audience = "{AUDIENCE}"
keys = [{{ kid = "{KID}", algorithm = "EdDSA", key = """{key}""" }}]

[s3]
endpoint = "http://{s3}"
bucket = "{BUCKET}"
access_key_id = "{S3_ACCESS_KEY}"
secret_access_key = "{s3_secret}"
"#,
            database = self.database_url,
            line = self.simulator.line_content_url(),
            key = self.public_key,
            s3 = self.store.local_addr(),
            s3_secret = self.s3_secret.expose_secret(),
        );
        let path = self.folder.path().join("attachments.toml");
        fs::write(&path, text)?;
        Ok(path)
    }
}

async fn start_postgres(folder: &Path) -> Outcome<EmbeddedPostgres> {
    let options = Options {
        data_dir: folder.join("postgres"),
        bin_dir: None,
        durability: Durability::Durable,
        max_connections: 100,
    };
    Ok(tokio::task::spawn_blocking(move || EmbeddedPostgres::start(&options)).await??)
}

/// In memory where the system has such a folder: the store's disk is not what
/// is measured.
fn memory_folder() -> Outcome<TempDir> {
    Ok(tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())?)
}
