//! A Postgres of one test's own, which can die and come back.

use crate::ground::database;
use attachments::dev::postgres::{Durability, EmbeddedPostgres, Options};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::{Connection as _, PgConnection};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use tempfile::TempDir;

/// Commits are on disk, so whatever it had said survives [`Cluster::crash`].
pub struct Cluster {
    postgres: Option<EmbeddedPostgres>,
    options: Options,
    url: String,
    _folder: TempDir,
}

impl Cluster {
    /// With one database that has the tables.
    pub async fn start() -> Self {
        // Open to the account that an embedded Postgres of root runs as.
        let folder = tempfile::Builder::new()
            .permissions(Permissions::from_mode(0o755))
            .tempdir()
            .unwrap();
        let options = Options {
            data_dir: folder.path().join("postgres"),
            bin_dir: None,
            durability: Durability::Durable,
            max_connections: 100,
        };
        let mut this = Self {
            postgres: None,
            options,
            url: String::new(),
            _folder: folder,
        };
        this.start_again().await;
        let postgres = this.postgres.as_ref().unwrap();
        let mut connection = PgConnection::connect(&postgres.url("postgres"))
            .await
            .unwrap();
        sqlx::raw_sql("create database attachments")
            .execute(&mut connection)
            .await
            .unwrap();
        this.url = postgres.url("attachments");
        database::migrate(&this.url).await;
        this
    }

    /// The database, by its socket; the same after every restart.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// An immediate shutdown, as `pg_ctl -m immediate` makes one: every backend
    /// is gone at once, nothing is written down, the next start recovers.
    pub async fn crash(&mut self) {
        let postgres = self.postgres.take().unwrap();
        let pid_file = fs::read_dir(postgres.data_dir())
            .unwrap()
            .map(|entry| entry.unwrap().path().join("postmaster.pid"))
            .find(|path| path.exists())
            .unwrap();
        let noted = fs::read_to_string(&pid_file).unwrap();
        let pid = noted.lines().next().unwrap().parse().unwrap();
        kill(Pid::from_raw(pid), Signal::SIGQUIT).unwrap();
        // Waits for its end and reaps it.
        tokio::task::spawn_blocking(|| postgres.stop())
            .await
            .unwrap();
    }

    /// Starts it on the same data; it takes connections on return.
    pub async fn start_again(&mut self) {
        let options = self.options.clone();
        let started = tokio::task::spawn_blocking(move || EmbeddedPostgres::start(&options));
        self.postgres = Some(started.await.unwrap().unwrap());
    }
}
