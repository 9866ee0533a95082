//! A Postgres of one test's own, which can die and come back.

use crate::between;
use crate::ground::database;
use attachments::dev::postgres::{Durability, EmbeddedPostgres, Options};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::{Connection as _, PgConnection};
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
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
        Self::start_below(&std::env::temp_dir()).await
    }

    /// The same, with its data on the disk of this folder.
    pub async fn start_below(parent: &Path) -> Self {
        let mut this = Self::prepare(parent);
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

    fn prepare(parent: &Path) -> Self {
        // Open to the account that an embedded Postgres of root runs as.
        let folder = tempfile::Builder::new()
            .permissions(Permissions::from_mode(0o755))
            .tempdir_in(parent)
            .unwrap();
        let options = Options {
            data_dir: folder.path().join("postgres"),
            bin_dir: None,
            durability: Durability::Durable,
            max_connections: 100,
        };
        Self {
            postgres: None,
            options,
            url: String::new(),
            _folder: folder,
        }
    }

    /// A hot standby of this one, which from now on answers no commit before
    /// the standby has it too.
    pub async fn replicate(&self) -> Self {
        let mut standby = Self::prepare(&std::env::temp_dir());
        let home = &standby.options.data_dir;
        fs::create_dir(home).unwrap();
        fs::set_permissions(home, Permissions::from_mode(0o755)).unwrap();
        let from = self.data_folder();
        let data = home.join(from.file_name().unwrap());

        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        sqlx::raw_sql("select pg_backup_start('standby', true)")
            .execute(&mut connection)
            .await
            .unwrap();
        // What comes and goes while it is copied comes with the log.
        let _ = Command::new("cp")
            .arg("-a")
            .args([&from, &data])
            .status()
            .unwrap();
        let label: String = sqlx::query_scalar("select labelfile from pg_backup_stop(false)")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        let _ = fs::remove_file(data.join("postmaster.pid"));
        let socket = self.socket();
        let primary = format!(
            "primary_conninfo = 'host={} user=postgres application_name=standby'\n",
            socket.parent().unwrap().display()
        );
        let owner = fs::metadata(&data).unwrap();
        for (name, text) in [
            ("backup_label", label.as_str()),
            ("standby.signal", ""),
            ("postgresql.auto.conf", &primary),
        ] {
            fs::write(data.join(name), text).unwrap();
            chown(data.join(name), Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        standby.start_again().await;
        standby.url = standby.postgres.as_ref().unwrap().url("attachments");
        for statement in [
            "alter system set synchronous_standby_names = 'standby'",
            "select pg_reload_conf()",
        ] {
            sqlx::raw_sql(statement)
                .execute(&mut connection)
                .await
                .unwrap();
        }
        standby
    }

    /// Makes the standby a primary; it takes writes on return.
    pub async fn promote(&self) {
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        let promoted: bool = sqlx::query_scalar("select pg_promote()")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert!(promoted);
    }

    /// Where this version's data lies.
    fn data_folder(&self) -> PathBuf {
        let home = self.postgres.as_ref().unwrap().data_dir();
        fs::read_dir(home)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.join("PG_VERSION").exists())
            .unwrap()
    }

    /// Where it listens, for a proxy before it.
    pub fn socket(&self) -> PathBuf {
        between::socket_of(&self.url)
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
