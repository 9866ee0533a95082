//! What `dev` tells people and programs once it is up.

use super::simulator::{LINE_DEV_TOKEN, SLACK_DEV_TOKEN};
use super::stack::{LINE_CHANNEL, SLACK_CHANNEL, Stack};
use super::token::{DEV_AUDIENCE, DEV_ISSUER, MintError};
use crate::auth::Scope;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// The endpoints and a token for each role, as `--ready-file` spells them.
#[derive(Debug, Serialize)]
pub struct Ready {
    /// `host:port` of gRPC.
    pub grpc: String,
    /// Base URL of HTTP links, on the same port.
    pub http: String,
    /// Base URL of the probes and metrics.
    pub admin: String,
    /// The store.
    pub s3: String,
    /// The simulated providers, whose control is at `/control`; none when both
    /// LINE and Slack were given.
    pub simulator: Option<String>,
    /// The database.
    pub database_url: String,
    /// The `iss` of the tokens.
    pub issuer: &'static str,
    /// The `aud` of the tokens.
    pub audience: &'static str,
    /// A token for each role.
    pub tokens: Tokens,
    /// The tenant of the tokens.
    pub tenant: String,
    /// The channels that are put for it.
    pub channels: Channels,
}

/// The file for whoever waits could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the ready file {} cannot be written", path.display())]
pub struct ReadyFileError {
    path: PathBuf,
    source: io::Error,
}

/// A token for each role.
#[derive(Debug, Serialize)]
pub struct Tokens {
    /// Registers, and deletes what was unsent.
    pub gateway: String,
    /// Reads and links.
    pub bff: String,
    /// Reads, links and purges.
    pub agent: String,
    /// May do everything.
    pub admin: String,
}

/// The channels that are put for the tenant.
#[derive(Debug, Serialize)]
pub struct Channels {
    /// Its simulator token is `line-dev-token`.
    pub line: &'static str,
    /// Its simulator token is `slack-dev-token`.
    pub slack: &'static str,
}

impl Ready {
    /// What a stack has to tell.
    pub fn of(stack: &Stack) -> Result<Self, MintError> {
        let token = |role: &str, scopes: &[Scope]| {
            stack
                .token(role, scopes)
                .map(|token| token.expose_secret().to_owned())
        };
        Ok(Self {
            grpc: stack.app.grpc_addr.to_string(),
            http: format!("http://{}", stack.app.grpc_addr),
            admin: format!("http://{}", stack.app.admin_addr),
            s3: stack.s3_endpoint.clone(),
            simulator: stack
                .simulator
                .as_ref()
                .map(|simulator| format!("http://{}", simulator.local_addr())),
            database_url: stack.database_url.expose_secret().to_owned(),
            issuer: DEV_ISSUER,
            audience: DEV_AUDIENCE,
            tokens: Tokens {
                gateway: token("gateway", &[Scope::Register, Scope::Delete])?,
                bff: token("bff", &[Scope::Read, Scope::Link])?,
                agent: token("agent", &[Scope::Read, Scope::Link, Scope::Delete])?,
                admin: token("admin", &Scope::ALL)?,
            },
            tenant: stack.tenant.to_string(),
            channels: Channels {
                line: LINE_CHANNEL,
                slack: SLACK_CHANNEL,
            },
        })
    }

    /// Removes what an earlier run wrote, and tries whether it can be written.
    pub fn prepare(path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => NamedTempFile::new_in(folder(path)).map(drop),
        }
    }

    /// Writes it as JSON, for its owner's eyes only: it holds tokens. Whoever
    /// waits for the file finds it whole.
    pub fn write(&self, path: &Path) -> Result<(), ReadyFileError> {
        let write = || {
            let mut aside = NamedTempFile::new_in(folder(path))?;
            aside.write_all(&serde_json::to_vec_pretty(self)?)?;
            aside.persist(path)?;
            Ok(())
        };
        write().map_err(|source| ReadyFileError {
            path: path.to_owned(),
            source,
        })
    }

    /// What a person can paste.
    #[must_use]
    pub fn for_people(&self) -> String {
        let Self {
            grpc,
            http,
            admin,
            s3,
            simulator,
            database_url,
            tokens,
            tenant,
            ..
        } = self;
        let (providers, put_file) = match simulator {
            Some(url) => (
                format!("{url}/control"),
                format!(
                    "curl -sSf -X PUT {url}/control/line/messages/1001 -d '{{\"fixture\":\"png\"}}'"
                ),
            ),
            None => (
                "none: LINE and Slack are those that were given".to_owned(),
                "# 1001 is a message of the LINE that was given".to_owned(),
            ),
        };
        format!(
            r#"
The attachment service is up. Ctrl-C stops it; what it stored stays.

  gRPC        {grpc}   (reflection is on)
  HTTP        {http}
  probes      {admin}/readyz  {admin}/metrics
  S3          {s3}
  simulator   {providers}
  Postgres    psql '{database_url}'
  tenant      {tenant}, channels {LINE_CHANNEL} ({LINE_DEV_TOKEN}) and {SLACK_CHANNEL} ({SLACK_DEV_TOKEN})

Tokens, good for 24 hours:
  GATEWAY={gateway}
  BFF={bff}
  AGENT={agent}
  ADMIN={admin_token}

Try it (set the variables above first):
  {put_file}
  grpcurl -plaintext -H "authorization: Bearer $GATEWAY" \
    -d '{{"channel_id":"{LINE_CHANNEL}","line":{{"message_id":"1001"}},"message_id":"1001"}}' \
    {grpc} attachments.v1.AttachmentService/RegisterAttachment
  ID=$(grpcurl -plaintext -H "authorization: Bearer $BFF" -d '{{"message_ids":["1001"]}}' \
    {grpc} attachments.v1.AttachmentService/ListAttachments | jq -er '.attachments[0].attachmentId')
  until URL=$(grpcurl -plaintext -H "authorization: Bearer $BFF" -d "{{\"attachment_id\":\"$ID\"}}" \
    {grpc} attachments.v1.AttachmentService/IssueAccessLink | jq -er .link.url); do sleep 1; done
  curl -sSf "$URL" | sha256sum
"#,
            gateway = tokens.gateway,
            bff = tokens.bff,
            agent = tokens.agent,
            admin_token = tokens.admin,
        )
    }
}

/// Where the file lies.
fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}
