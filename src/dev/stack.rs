//! The whole stack in one process: database, store, providers, service.
//!
//! What is given is used: a database URL, an S3 endpoint or a provider URL in
//! the configuration takes the place of the embedded one.

use super::bucket::{self, BucketError};
use super::client::{self, ClientError};
use super::database::Database;
use super::object_store::{self, ObjectStore};
use super::postgres::{self, Durability};
use super::providers::Given;
use super::secrets;
use super::simulator::{self, LINE_DEV_TOKEN, SLACK_DEV_TOKEN, Simulator};
use super::token::{DEV_AUDIENCE, DEV_ISSUER, DevKey, DevKeyError, MintError, MintRequest};
use crate::app::{self, App};
use crate::auth::{DEV_KID, KeyAlgorithm, MAX_TOKEN_LIFE, Scope};
use crate::clock::Clock;
use crate::config::{Config, Faults, Resolved, Role, Secret, TokenKey};
use crate::db::{Db, DbError, MigrateError};
use crate::ids::TenantId;
use crate::proto::channel::Provider;
use crate::proto::set_channel_credential_request::Credential;
use crate::proto::{Channel, GetChannelRequest, PutChannelRequest, SetChannelCredentialRequest};
use futures::future::LocalBoxFuture;
use secrecy::SecretString;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_util::task::TaskTracker;

/// The LINE channel that is put for the tenant.
pub const LINE_CHANNEL: &str = "line-dev";
/// The Slack channel that is put for the tenant.
pub const SLACK_CHANNEL: &str = "slack-dev";

const BUCKET: &str = "attachments";
const S3_ACCESS_KEY: &str = "attachments-dev";

/// Where the stack lies and listens.
#[derive(Debug, Clone)]
pub struct Options {
    /// The tenant that gets channels.
    pub tenant: TenantId,
    /// Everything that survives a restart.
    pub data_dir: PathBuf,
    /// Whether it does survive.
    pub durability: Durability,
    /// Postgres' own programs, where they are not to be looked for.
    pub pg_bin: Option<PathBuf>,
    /// Where the embedded S3 listens.
    pub s3_listen: SocketAddr,
    /// Where the simulated providers listen.
    pub simulator_listen: SocketAddr,
}

/// A running stack.
pub struct Stack {
    /// The service.
    pub app: App,
    /// The providers, unless others were given.
    pub simulator: Option<Simulator>,
    /// The store, unless another was given.
    pub object_store: Option<ObjectStore>,
    /// The database that is used.
    pub database_url: SecretString,
    /// The store that is used.
    pub s3_endpoint: String,
    /// Mints tokens that the service accepts.
    pub key: DevKey,
    /// The tenant that has channels.
    pub tenant: TenantId,
    database: Database,
    clock: Arc<dyn Clock>,
}

/// The stack could not start.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each is the error of the part that failed")]
pub enum StackError {
    #[error("{0}")]
    Config(#[from] Faults),
    #[error("the data directory")]
    DataDir(#[from] io::Error),
    #[error("the embedded Postgres")]
    Postgres(#[from] postgres::StartError),
    #[error("the embedded S3")]
    ObjectStore(#[from] object_store::StartError),
    #[error("the simulated providers")]
    Simulator(#[from] simulator::StartError),
    #[error("the store")]
    Bucket(#[from] BucketError),
    #[error("the database")]
    Connect(#[from] sqlx::Error),
    #[error("the database")]
    Database(#[from] DbError),
    #[error("the database")]
    Migrate(#[from] MigrateError),
    #[error("the token key")]
    Key(#[from] DevKeyError),
    #[error("a token")]
    Mint(#[from] MintError),
    #[error("the service")]
    App(#[from] app::StartError),
    #[error("a client")]
    Client(#[from] ClientError),
    #[error("a channel: {}", .0.message())]
    Channel(#[from] tonic::Status),
}

impl Stack {
    /// Brings everything up. `config` is what was given; what it lacks is
    /// embedded, made up, or simulated. What cannot be given up half-way runs
    /// on `threads`.
    pub fn start<'a>(
        options: &'a Options,
        config: Config,
        clock: Arc<dyn Clock>,
        threads: &'a TaskTracker,
    ) -> LocalBoxFuture<'a, Result<Self, StackError>> {
        Box::pin(Self::bring_up(options, config, clock, threads))
    }

    async fn bring_up(
        options: &Options,
        mut config: Config,
        clock: Arc<dyn Clock>,
        threads: &TaskTracker,
    ) -> Result<Self, StackError> {
        app::install_crypto();
        std::fs::create_dir_all(&options.data_dir)?;
        let key = DevKey::load_or_generate(&options.data_dir)?;
        let database = Database::start(options, &mut config, threads).await?;
        let object_store = start_object_store(options, &mut config).await?;
        let given = Given::of(&config);
        let simulator = given
            .simulate_others(
                options.simulator_listen,
                &options.data_dir.join("simulator"),
                &mut config,
            )
            .await?;
        fill_in_secrets(&mut config, &options.data_dir, &key)?;

        let mut settings: Resolved = config.resolve()?;
        settings.auth.allow_dev_keys = true;
        bucket::create_if_missing(&settings.bucket).await?;
        let database_url = settings.database.url.clone();
        let db = Db::new(&settings.database)?;
        db.migrate().await?;
        db.close().await;
        let s3_endpoint = settings.bucket.endpoint.clone().unwrap_or_default();
        let stack = Self {
            app: App::start(settings, Role::All, clock.clone()).await?,
            simulator,
            object_store,
            database_url,
            s3_endpoint,
            key,
            tenant: options.tenant.clone(),
            database,
            clock,
        };
        stack.put_channels(&given).await?;
        Ok(stack)
    }

    /// A token of the dev tenant with these scopes, for as long as tokens may live.
    pub fn token(&self, subject: &str, scopes: &[Scope]) -> Result<SecretString, MintError> {
        let request = MintRequest {
            tenant: self.tenant.clone(),
            scopes: scopes.iter().copied().collect(),
            ttl: MAX_TOKEN_LIFE.unsigned_abs(),
            subject: subject.to_owned(),
        };
        self.key
            .mint(&request, self.clock.as_ref())
            .map(SecretString::from)
    }

    /// Stops the service, then what it stands on.
    pub async fn shutdown(self) {
        self.app.shutdown().await;
        if let Some(simulator) = self.simulator {
            simulator.shutdown().await;
        }
        if let Some(store) = self.object_store {
            store.shutdown().await;
        }
        self.database.stop().await;
    }

    /// The channels that a first call needs, put as an operator puts them. One
    /// of a provider that was given keeps what its operator put.
    async fn put_channels(&self, given: &Given) -> Result<(), StackError> {
        let token = self.token("dev", &[Scope::Admin])?;
        let (_, mut admin) = client::connect(self.app.grpc_addr, &token)?;
        for (channel_id, provider, credential, is_given) in [
            (LINE_CHANNEL, Provider::Line, LINE_DEV_TOKEN, given.line),
            (SLACK_CHANNEL, Provider::Slack, SLACK_DEV_TOKEN, given.slack),
        ] {
            let channel_id = channel_id.to_owned();
            let request = GetChannelRequest {
                channel_id: channel_id.clone(),
            };
            if is_given && admin.get_channel(request).await.is_ok() {
                continue;
            }
            let channel = Channel {
                channel_id: channel_id.clone(),
                provider: provider.into(),
                ..Channel::default()
            };
            let request = PutChannelRequest {
                channel: Some(channel),
                update_mask: None,
            };
            admin.put_channel(request).await?;
            let request = SetChannelCredentialRequest {
                channel_id,
                credential: Some(Credential::Token(credential.to_owned())),
            };
            admin.set_channel_credential(request).await?;
        }
        Ok(())
    }
}

/// An S3 server of our own, unless an endpoint was given.
async fn start_object_store(
    options: &Options,
    config: &mut Config,
) -> Result<Option<ObjectStore>, StackError> {
    if config.s3.bucket.is_empty() {
        BUCKET.clone_into(&mut config.s3.bucket);
    }
    if config.s3.endpoint.is_some() {
        return Ok(None);
    }
    let secret_key = secrets::load_or_generate(&options.data_dir, "s3-secret-key")?;
    let store = ObjectStore::start(object_store::Settings {
        root: options.data_dir.join("s3"),
        listen: options.s3_listen,
        access_key: S3_ACCESS_KEY.to_owned(),
        secret_key: secret_key.clone(),
        buckets: vec![config.s3.bucket.clone()],
    })
    .await?;
    config.s3.endpoint = Some(format!("http://{}", store.local_addr()));
    config.s3.access_key_id = Some(S3_ACCESS_KEY.to_owned());
    config.s3.secret_access_key = Some(Secret(secret_key));
    Ok(Some(store))
}

fn fill_in_secrets(config: &mut Config, data_dir: &Path, key: &DevKey) -> io::Result<()> {
    if config.auth.keys.is_empty() {
        DEV_ISSUER.clone_into(&mut config.auth.issuer);
        DEV_AUDIENCE.clone_into(&mut config.auth.audience);
        config.auth.keys = vec![TokenKey {
            kid: Some(DEV_KID.to_owned()),
            algorithm: KeyAlgorithm::EdDsa,
            key: Some(Secret(key.public_key_pem().into())),
            key_file: None,
        }];
    }
    if config.links.signing_key.is_none() && config.links.signing_key_file.is_none() {
        config.links.signing_key =
            Some(Secret(secrets::load_or_generate(data_dir, "signing-key")?));
    }
    if config.sealing.key.is_none() && config.sealing.key_file.is_none() {
        config.sealing.key = Some(Secret(secrets::load_or_generate(data_dir, "sealing-key")?));
    }
    config.server.reflection = true;
    Ok(())
}
