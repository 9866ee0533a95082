//! The gateway as a command beside `attachments dev`.
//!
//! What is not given comes from `dev`'s data directory: the key that tokens
//! are made with, and a folder for a Postgres of the gateway's own. So it
//! takes webhooks while `dev` is down, and what it took is there when either
//! is started again.

use super::{Gateway, SCOPES, Settings, StartError};
use crate::auth::{DEFAULT_TENANT_CLAIM, MAX_TOKEN_LIFE};
use crate::clock::Clock;
use crate::dev::postgres::{self, Durability, EmbeddedPostgres};
use crate::dev::token::{DevKey, DevKeyError, MintError, MintRequest};
use crate::ids::TenantId;
use ::http::Uri;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// LINE's channel secret where none is given, on loopback only.
pub const LINE_DEV_SECRET: &str = "line-dev-secret";
/// Slack's signing secret where none is given, on loopback only.
pub const SLACK_DEV_SECRET: &str = "slack-dev-secret";

const DEFAULT_SERVICE: &str = "http://127.0.0.1:50051";
const DEFAULT_TENANT: &str = "dev";

/// Takes LINE and Slack webhooks and registers their files. Beside an
/// `attachments dev` that runs in this folder it needs no argument.
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "webhook_gateway")]
pub struct Args {
    /// Where to take webhooks.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// The data directory of `dev`; the gateway keeps its own under it.
    #[arg(long, default_value = ".attachments")]
    data_dir: PathBuf,
    /// The file that `dev --ready-file` wrote, where it listens elsewhere.
    #[arg(long)]
    ready_file: Option<PathBuf>,
    /// The attachment service's gRPC endpoint [default: dev's].
    #[arg(long)]
    service: Option<Uri>,
    /// The tenant of messages and files [default: the token's, or dev's].
    #[arg(long)]
    tenant: Option<TenantId>,
    /// Milliseconds within which a webhook is answered; LINE gives up after 2000.
    #[arg(long, default_value_t = 1500)]
    budget_ms: u64,
    /// The database for messages and pending calls [default: one of its own].
    #[arg(long, env, hide_env_values = true)]
    database_url: Option<SecretString>,
    /// A token with the scopes `attachments:register` and
    /// `attachments:delete` [default: one that dev accepts, for 24 hours].
    #[arg(long, env = "ATTACHMENTS_TOKEN", hide_env_values = true)]
    token: Option<SecretString>,
    /// LINE's channel secret [default on loopback: line-dev-secret].
    #[arg(long, env, hide_env_values = true)]
    line_channel_secret: Option<SecretString>,
    /// Slack's signing secret [default on loopback: slack-dev-secret].
    #[arg(long, env, hide_env_values = true)]
    slack_signing_secret: Option<SecretString>,
    /// The folder of Postgres' own programs, where they are not to be looked for.
    #[arg(long, env = "ATTACHMENTS_PG_BIN")]
    pg_bin: Option<PathBuf>,
}

/// A running gateway and what it stands on.
#[derive(Debug)]
pub struct Running {
    /// It takes webhooks.
    pub gateway: Gateway,
    /// Whose messages it records.
    pub tenant: TenantId,
    /// The service it registers with.
    pub service: Uri,
    database: Option<EmbeddedPostgres>,
}

/// The command could not start.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each says in words what it is")]
pub enum CommandError {
    #[error(
        "the token is of the tenant {token}, and --tenant is {asked}: its files would be \
         recorded for {token} and their messages for {asked}. Leave --tenant out, or give a \
         token of {asked}: `attachments token --tenant {asked} \
         --scope attachments:register,attachments:delete`"
    )]
    OtherTenant { asked: TenantId, token: TenantId },
    #[error("the token does not say whose it is: give --tenant")]
    NoTenant,
    #[error(
        "no `attachments dev` has run in {}: start one, say where by --data-dir or --ready-file, \
         or give --token", .0.display()
    )]
    NoDev(PathBuf),
    #[error(
        "the secrets {LINE_DEV_SECRET} and {SLACK_DEV_SECRET} are known to everybody and good \
         on loopback only: to listen on {0}, give --line-channel-secret and --slack-signing-secret"
    )]
    OpenAddress(SocketAddr),
    #[error("the ready file {} cannot be read", path.display())]
    ReadyFile { path: PathBuf, source: io::Error },
    #[error("the service's address is not valid")]
    Service(#[from] ::http::uri::InvalidUri),
    #[error("no token")]
    Key(#[from] DevKeyError),
    #[error("no token")]
    Mint(#[from] MintError),
    #[error("the gateway's own Postgres")]
    Postgres(#[from] postgres::StartError),
    #[error("the gateway's own Postgres")]
    Interrupted(#[from] tokio::task::JoinError),
    #[error("the gateway could not start")]
    Gateway(#[from] StartError),
}

/// What of a ready file counts here.
#[derive(Deserialize)]
struct Told {
    grpc: String,
    tenant: String,
    tokens: Tokens,
}

#[derive(Deserialize)]
struct Tokens {
    gateway: SecretString,
}

impl Args {
    /// Finds what was not given, and starts.
    pub async fn start(self, clock: Arc<dyn Clock>) -> Result<Running, CommandError> {
        let told = self.ready_file.as_deref().map(Told::read).transpose()?;
        let service = match (&self.service, &told) {
            (Some(given), _) => given.clone(),
            (None, Some(told)) => format!("http://{}", told.grpc).parse()?,
            (None, None) => Uri::from_static(DEFAULT_SERVICE),
        };
        let (token, tenant) = self.identity(told, clock.as_ref())?;
        let line_channel_secret =
            self.secret(self.line_channel_secret.as_ref(), LINE_DEV_SECRET)?;
        let slack_signing_secret =
            self.secret(self.slack_signing_secret.as_ref(), SLACK_DEV_SECRET)?;
        let (database_url, database) = self.database().await?;
        let settings = Settings {
            listen: self.listen,
            database_url,
            service: service.clone(),
            token,
            tenant: tenant.clone(),
            line_channel_secret,
            slack_signing_secret,
            budget: Duration::from_millis(self.budget_ms),
        };
        Ok(Running {
            gateway: Gateway::start(settings, clock).await?,
            tenant,
            service,
            database,
        })
    }

    /// The token, and the tenant that it is certain to be of: were they two,
    /// a message's file would be another tenant's.
    fn identity(
        &self,
        told: Option<Told>,
        clock: &dyn Clock,
    ) -> Result<(SecretString, TenantId), CommandError> {
        if let Some(token) = &self.token {
            let tenant = match (&self.tenant, tenant_of(token)) {
                (Some(asked), Some(token)) if *asked != token => {
                    let asked = asked.clone();
                    return Err(CommandError::OtherTenant { asked, token });
                }
                (Some(tenant), _) => tenant.clone(),
                (None, Some(tenant)) => tenant,
                (None, None) => return Err(CommandError::NoTenant),
            };
            return Ok((token.clone(), tenant));
        }
        if let Some(told) = told {
            let tenant = told.tenant.parse().map_err(|_| CommandError::NoTenant)?;
            if self.tenant.as_ref().is_none_or(|asked| *asked == tenant) {
                return Ok((told.tokens.gateway, tenant));
            }
        }
        if !DevKey::exists(&self.data_dir) {
            return Err(CommandError::NoDev(self.data_dir.clone()));
        }
        let tenant = match &self.tenant {
            Some(asked) => asked.clone(),
            None => DEFAULT_TENANT.parse().map_err(|_| CommandError::NoTenant)?,
        };
        let request = MintRequest {
            tenant: tenant.clone(),
            scopes: SCOPES.into_iter().collect(),
            ttl: MAX_TOKEN_LIFE.unsigned_abs(),
            subject: "webhook_gateway".to_owned(),
        };
        let token = DevKey::load_or_generate(&self.data_dir)?.mint(&request, clock)?;
        Ok((token.into(), tenant))
    }

    fn secret(
        &self,
        given: Option<&SecretString>,
        known: &str,
    ) -> Result<SecretString, CommandError> {
        match given {
            Some(given) => Ok(given.clone()),
            None if self.listen.ip().is_loopback() => Ok(known.into()),
            None => Err(CommandError::OpenAddress(self.listen)),
        }
    }

    /// The database that was given, or a cluster of the gateway's own.
    async fn database(&self) -> Result<(SecretString, Option<EmbeddedPostgres>), CommandError> {
        if let Some(url) = &self.database_url {
            return Ok((url.clone(), None));
        }
        let wanted = postgres::Options {
            data_dir: self.data_dir.join("gateway"),
            bin_dir: self.pg_bin.clone(),
            durability: Durability::Durable,
            max_connections: 20,
        };
        let database =
            tokio::task::spawn_blocking(move || EmbeddedPostgres::start(&wanted)).await??;
        Ok((database.url("postgres").into(), Some(database)))
    }
}

impl Running {
    /// Stops the gateway, then what it stands on.
    pub async fn shutdown(self) {
        self.gateway.shutdown().await;
        if let Some(database) = self.database {
            // Waits for the server to end, which is no work for an async thread.
            let _ = tokio::task::spawn_blocking(move || database.stop()).await;
        }
    }
}

impl Told {
    fn read(path: &Path) -> Result<Self, CommandError> {
        let unreadable = |source| CommandError::ReadyFile {
            path: path.to_owned(),
            source,
        };
        let text = std::fs::read(path).map_err(unreadable)?;
        serde_json::from_slice(&text).map_err(|error| unreadable(error.into()))
    }
}

/// What a token says of itself, unverified: the service verifies it.
fn tenant_of(token: &SecretString) -> Option<TenantId> {
    let claims = token.expose_secret().split('.').nth(1)?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    claims[DEFAULT_TENANT_CLAIM].as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use clap::Parser as _;

    fn args(folder: &Path, more: &[&str]) -> Args {
        let data_dir = format!("--data-dir={}", folder.display());
        let given = ["webhook_gateway", &data_dir];
        Args::try_parse_from(given.iter().copied().chain(more.iter().copied())).unwrap()
    }

    fn token_of(folder: &Path, tenant: &str) -> String {
        DevKey::load_or_generate(folder).unwrap();
        let asked = format!("--tenant={tenant}");
        let (token, _) = args(folder, &[&asked])
            .identity(None, &SystemClock)
            .unwrap();
        token.expose_secret().to_owned()
    }

    #[test]
    fn a_token_and_a_tenant_that_do_not_fit_are_refused_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let token = format!("--token={}", token_of(folder.path(), "dev"));
        let asked = args(folder.path(), &[&token, "--tenant=acme"]);
        let error = asked.identity(None, &SystemClock).unwrap_err().to_string();
        assert!(error.contains("attachments token --tenant acme"), "{error}");
        let (_, tenant) = args(folder.path(), &[&token])
            .identity(None, &SystemClock)
            .unwrap();
        assert_eq!(tenant.as_str(), "dev", "it is the token's");
    }

    #[test]
    fn a_tenant_alone_gets_a_token_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let token = token_of(folder.path(), "acme");
        assert_eq!(tenant_of(&token.into()).unwrap().as_str(), "acme");
    }

    #[test]
    fn where_no_dev_has_run_it_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let error = args(folder.path(), &[])
            .identity(None, &SystemClock)
            .unwrap_err();
        assert!(matches!(error, CommandError::NoDev(_)), "{error}");
    }

    #[test]
    fn a_known_secret_is_for_loopback_only() {
        let folder = tempfile::tempdir().unwrap();
        let open = args(folder.path(), &["--listen=0.0.0.0:8080"]);
        assert!(matches!(
            open.secret(None, LINE_DEV_SECRET),
            Err(CommandError::OpenAddress(_))
        ));
        assert!(open.secret(Some(&"given".into()), "").is_ok());
        assert!(args(folder.path(), &[]).secret(None, "known").is_ok());
    }
}
