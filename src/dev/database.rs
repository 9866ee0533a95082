//! The database of a stack: one that was given, or a Postgres of its own.
//!
//! What blocks, the start and the end of that Postgres, has threads that can
//! be waited for: who gives a start up, or drops a stack, still leaves no
//! server behind and holds up nobody.

use super::postgres::{self, EmbeddedPostgres};
use super::stack::{Options, StackError};
use crate::config::{Config, Secret};
use sqlx::{Connection as _, PgConnection};
use std::io;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

const DATABASE: &str = "attachments";

/// What holds the Postgres that was started, if one was.
pub(super) struct Database {
    embedded: Option<EmbeddedPostgres>,
    threads: TaskTracker,
}

impl Database {
    /// A private cluster, unless `config` names a database; it does after this.
    pub(super) async fn start(
        options: &Options,
        config: &mut Config,
        threads: &TaskTracker,
    ) -> Result<Self, StackError> {
        let mut this = Self {
            embedded: None,
            threads: threads.clone(),
        };
        if config.database.url.is_some() || config.database.url_file.is_some() {
            return Ok(this);
        }
        let wanted = postgres::Options {
            data_dir: options.data_dir.join("postgres"),
            bin_dir: options.pg_bin.clone(),
            durability: options.durability,
            max_connections: 100,
        };
        let started = threads.spawn_blocking(move || EmbeddedPostgres::start(&wanted));
        let postgres = started.await.map_err(io::Error::other)??;
        let maintenance = postgres.url("postgres");
        config.database.url = Some(Secret(postgres.url(DATABASE).into()));
        this.embedded = Some(postgres);
        create(&maintenance).await?;
        Ok(this)
    }

    /// Ends the server, if it is ours, and returns when it is gone.
    pub(super) async fn stop(mut self) {
        if let Some(postgres) = self.embedded.take() {
            let _ = self.threads.spawn_blocking(move || postgres.stop()).await;
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(postgres) = self.embedded.take()
            && let Ok(runtime) = Handle::try_current()
        {
            self.threads
                .spawn_blocking_on(move || postgres.stop(), &runtime);
        }
    }
}

async fn create(maintenance_url: &str) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(maintenance_url).await?;
    let there = sqlx::query("select 1 from pg_database where datname = $1")
        .bind(DATABASE)
        .fetch_optional(&mut connection)
        .await?;
    if there.is_none() {
        sqlx::query("create database attachments")
            .execute(&mut connection)
            .await?;
    }
    connection.close().await
}
