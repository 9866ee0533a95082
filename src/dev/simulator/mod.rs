//! Simulated LINE and Slack on one loopback port, for `dev`, `demo`, tests and
//! everybody who wants to see a state by hand.
//!
//! | Path | Stands for |
//! | --- | --- |
//! | `/line/v2/bot/message/{id}/content` (`/transcoding`, `/preview`) | `api-data.line.me` |
//! | `/slack/api/files.info`, `/slack/api/auth.test` | `slack.com/api` |
//! | `/slack/files-pri/{team}-{file}/download/{name}` | `files.slack.com` |
//! | `/control` | nobody: it puts files and tokens in place and reads the journal |
//!
//! Each file has a script, one step a request ("202", "429:7", "cut:1000",
//! "ok"), so a sequence of failures is exact and needs no clock. The control
//! API and the Rust API work on the same state:
//!
//! | Call | Does |
//! | --- | --- |
//! | `PUT /control/line/messages/{id}` | content and script of a LINE message |
//! | `PUT /control/slack/files/{id}` | content, record and scripts of a Slack file |
//! | `PUT /control/tokens/{token}` | makes a token known, or revokes it |
//! | `GET /control/messages` | what is there |
//! | `GET`, `DELETE /control/journal` | every request to a provider; tokens appear as hashes |
//! | `GET /control/forbidden` | an address that must never be called, and its hits |
//!
//! It promises what the providers document, and, where they do not, what was
//! observed of them. It shares no code with the service: a misreading there
//! must not be repeated here. Files, tokens and how far each script has come
//! are in memory and, where it is told a folder, in that folder too, so that
//! they outlive the process; the journal is in memory alone.

mod answer;
mod control;
mod fixtures;
mod journal;
mod line;
mod media;
mod padding;
mod script;
mod server;
mod shelf;
mod slack;
mod slack_file;
mod state;
#[cfg(test)]
mod tests;
mod tokens;
pub mod webhook;
mod wire;

pub use fixtures::Fixture;
pub use journal::JournalEntry;
pub use media::{Media, Transcoding};
pub use padding::{ImpossibleSize, MAX_SIZE, fixture_of_size};
pub use script::InvalidStep;
pub use slack_file::{SlackFile, TEAM_ID};
pub use tokens::{FILES_READ, Grant, LINE_DEV_TOKEN, Provider, SLACK_DEV_TOKEN};

use axum::Router;
use serde_json::Value;
use shelf::Shelf;
use state::Shared;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Where the simulator listens.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The port may be 0. The forbidden listener takes a free port of the same address.
    pub listen: SocketAddr,
}

/// The simulator could not start.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each says what it is")]
pub enum StartError {
    #[error("the simulator cannot listen on {address}")]
    Listen {
        address: SocketAddr,
        source: io::Error,
    },
    #[error("the simulator cannot read the files it kept")]
    Kept(#[from] io::Error),
}

/// A running simulator. Dropping it ends its connections.
pub struct Simulator {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

impl Simulator {
    /// Takes the ports and serves. What is put is gone at its end.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        Self::with(settings, None).await
    }

    /// The same, with what was put in an earlier run on this folder.
    pub async fn start_in(folder: &Path, settings: Settings) -> Result<Self, StartError> {
        Self::with(settings, Some(Shelf::new(folder))).await
    }

    async fn with(settings: Settings, shelf: Option<Shelf>) -> Result<Self, StartError> {
        let (listener, address) = bind(settings.listen).await?;
        let (forbidden, forbidden_address) = bind(SocketAddr::new(settings.listen.ip(), 0)).await?;
        let shared = Arc::new(Shared::new(address, forbidden_address, shelf)?);
        let router = Router::new()
            .nest("/line", line::routes())
            .nest("/slack", slack::routes())
            .nest("/control", control::routes())
            .with_state(Arc::clone(&shared));
        let mut tasks = JoinSet::new();
        tasks.spawn(server::serve(listener, router, Arc::clone(&shared)));
        tasks.spawn(server::serve_forbidden(forbidden, Arc::clone(&shared)));
        Ok(Self { shared, tasks })
    }

    /// The address it listens on.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.shared.address
    }

    /// For `ATTACHMENTS_LINE_CONTENT_URL`.
    #[must_use]
    pub fn line_content_url(&self) -> String {
        self.shared.url("/line")
    }

    /// For `ATTACHMENTS_SLACK_API_URL`.
    #[must_use]
    pub fn slack_api_url(&self) -> String {
        self.shared.url("/slack/api")
    }

    /// The control API.
    #[must_use]
    pub fn control_url(&self) -> String {
        self.shared.url("/control")
    }

    /// Puts a LINE message's content in place, or replaces it and starts its script anew.
    pub fn put_line_message(&self, id: &str, media: Media) {
        self.shared.put_line(id.to_owned(), media);
    }

    /// Puts a Slack file in place or replaces it; gives its `url_private_download`.
    pub fn put_slack_file(&self, id: &str, file: SlackFile) -> String {
        let url = file.url_private_download(&self.shared.url("/slack"), id);
        self.shared.put_slack(id.to_owned(), file);
        url
    }

    /// The file object that an event about this file carries, for [`webhook::slack_event`].
    #[must_use]
    pub fn slack_file_object(&self, id: &str) -> Option<Value> {
        let slack_url = self.shared.url("/slack");
        let tables = self.shared.tables();
        Some(tables.slack.get(id)?.event_object(&slack_url, id))
    }

    /// Makes a token known, or changes what it may do.
    pub fn put_token(&self, token: &str, grant: Grant) {
        self.shared.put_token(token.to_owned(), grant);
    }

    /// Every request to a provider, oldest first.
    #[must_use]
    pub fn journal(&self) -> Vec<JournalEntry> {
        self.shared.journal.entries(|_| true)
    }

    /// How many of them have this in path or query.
    #[must_use]
    pub fn requests_for(&self, path_fragment: &str) -> usize {
        self.shared
            .journal
            .entries(|path| path.contains(path_fragment))
            .len()
    }

    /// An address that answers, and that no well-behaved client calls: it
    /// stands for a private one.
    #[must_use]
    pub fn forbidden_addr(&self) -> SocketAddr {
        self.shared.forbidden_address
    }

    /// Connections made to [`Self::forbidden_addr`].
    #[must_use]
    pub fn forbidden_hits(&self) -> usize {
        self.shared.forbidden_hits()
    }

    /// Ends every connection and gives the ports back.
    pub async fn shutdown(mut self) {
        self.tasks.shutdown().await;
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.shared.address;
        f.debug_struct("Simulator")
            .field("address", &address)
            .finish_non_exhaustive()
    }
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let local = listener.local_addr().map_err(failed)?;
    Ok((listener, local))
}
