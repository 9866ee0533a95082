//! One cluster for the whole run; one database, cloned from a migrated
//! template, for each test.

use attachments::db::{Db, Settings};
use attachments::dev::postgres::{Durability, EmbeddedPostgres, Options};
use sqlx::{Connection as _, PgConnection};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;

/// Cloning a template excludes other clones of it.
static TEMPLATE: Mutex<bool> = Mutex::const_new(false);

/// A database of the caller's own, with the tables in it.
pub async fn create() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let cluster = tokio::task::spawn_blocking(cluster).await.unwrap();
    let mut migrated = TEMPLATE.lock().await;
    let mut connection = PgConnection::connect(&cluster.url("postgres"))
        .await
        .unwrap();
    if !*migrated {
        execute(&mut connection, "create database template_of_tests").await;
        migrate(&cluster.url("template_of_tests")).await;
        *migrated = true;
    }
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let clone = format!("create database {name} template template_of_tests strategy file_copy");
    execute(&mut connection, &clone).await;
    connection.close().await.unwrap();
    cluster.url(&name)
}

/// An empty database, without the tables.
pub async fn create_empty() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let cluster = tokio::task::spawn_blocking(cluster).await.unwrap();
    let name = format!("empty_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let mut connection = PgConnection::connect(&cluster.url("postgres"))
        .await
        .unwrap();
    execute(&mut connection, &format!("create database {name}")).await;
    connection.close().await.unwrap();
    cluster.url(&name)
}

async fn execute(connection: &mut PgConnection, statement: &str) {
    // Names of databases cannot be bound; these are our own.
    sqlx::query(sqlx::AssertSqlSafe(statement.to_owned()))
        .execute(connection)
        .await
        .unwrap();
}

/// Gives a database its tables.
pub async fn migrate(url: &str) {
    let db = Db::new(&Settings {
        url: url.into(),
        max_connections: 1,
        acquire_timeout: Duration::from_secs(30),
        patience: Duration::from_secs(30),
        statement_timeout: Duration::from_secs(30),
    })
    .unwrap();
    db.migrate().await.unwrap();
    db.close().await;
}

/// Ends with the process: nothing of it is left, however the process ends.
fn cluster() -> &'static EmbeddedPostgres {
    static CLUSTER: OnceLock<EmbeddedPostgres> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap().keep();
        EmbeddedPostgres::start(&Options {
            data_dir: folder,
            bin_dir: None,
            durability: Durability::Ephemeral,
            max_connections: 400,
        })
        .unwrap()
    })
}
