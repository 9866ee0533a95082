//! A database with many attachments, and a bucket with their objects.

use super::Outcome;
use attachments::app;
use attachments::dev::object_store::{self, ObjectStore};
use attachments::dev::postgres::{Durability, EmbeddedPostgres, Options};
use futures::TryStreamExt as _;
use secrecy::SecretString;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use sqlx::{Connection as _, PgConnection};
use std::fs::{self, Permissions};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::process::Command;
use uuid::Uuid;

pub(crate) const BUCKET: &str = "audit";
pub(crate) const ACCESS_KEY: &str = "audit";
pub(crate) const SECRET: &str = "the secret of the audit's store";

const BINARY: &str = env!("CARGO_BIN_EXE_attachments");
/// What every object holds.
const CONTENT: [u8; 1000] = [7; 1000];
/// Names that one file may have, and some to spare: ext4 allows 65,000.
const LINKS: usize = 60_000;

/// Goes with everything in it.
pub(crate) struct Ground {
    pub(crate) database_url: String,
    pub(crate) store: ObjectStore,
    postgres: EmbeddedPostgres,
    _folder: TempDir,
}

impl Ground {
    pub(crate) async fn seed(rows: u32) -> Outcome<Self> {
        app::install_crypto();
        // Open, for the database may run under another account.
        let folder = tempfile::Builder::new()
            .permissions(Permissions::from_mode(0o755))
            .tempdir()?;
        let options = Options {
            data_dir: folder.path().join("postgres"),
            bin_dir: None,
            durability: Durability::Ephemeral,
            max_connections: 20,
        };
        let postgres = tokio::task::spawn_blocking(move || EmbeddedPostgres::start(&options));
        let postgres = postgres.await??;
        let mut connection = PgConnection::connect(&postgres.url("postgres")).await?;
        sqlx::query("create database audit")
            .execute(&mut connection)
            .await?;
        let database_url = postgres.url("audit");
        // The store comes up later, and no migration asks it anything.
        let migrate = command(&database_url, "http://127.0.0.1:9")
            .arg("migrate")
            .status();
        let migrated = migrate.await?;
        if !migrated.success() {
            return Err(format!("migrate: {migrated}").into());
        }
        let mut connection = PgConnection::connect(&database_url).await?;
        sqlx::query(
            "select set_config('seed.rows', $1, false), set_config('seed.sha256', $2, false)",
        )
        .bind(rows.to_string())
        .bind(hex::encode(Sha256::digest(CONTENT)))
        .execute(&mut connection)
        .await?;
        sqlx::raw_sql(include_str!("seed.sql"))
            .execute(&mut connection)
            .await?;
        // As autovacuum leaves it.
        sqlx::query("vacuum analyze")
            .execute(&mut connection)
            .await?;
        eprintln!("{rows} rows are there; now their objects");
        let root = folder.path().join("s3");
        fill(&root, &mut connection).await?;
        let store = ObjectStore::start(object_store::Settings {
            root,
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            access_key: ACCESS_KEY.to_owned(),
            secret_key: SecretString::from(SECRET),
            buckets: vec![BUCKET.to_owned()],
        })
        .await?;
        Ok(Self {
            database_url,
            store,
            postgres,
            _folder: folder,
        })
    }

    /// The release binary, told where everything is.
    pub(crate) fn command(&self) -> Command {
        let endpoint = format!("http://{}", self.store.local_addr());
        command(&self.database_url, &endpoint)
    }

    pub(crate) async fn raze(self) {
        self.store.shutdown().await;
        self.postgres.stop();
    }
}

/// Writes what the embedded store keeps on disk: a record an object and, since
/// all have the same bytes, another name of one file.
async fn fill(root: &Path, connection: &mut PgConnection) -> Outcome<()> {
    let bucket = root.join("buckets").join(BUCKET);
    let (objects, blobs) = (bucket.join("objects"), bucket.join("blobs"));
    fs::create_dir_all(&objects)?;
    fs::create_dir_all(&blobs)?;
    let mut keys =
        sqlx::query_scalar::<_, String>("select storage_key from objects").fetch(connection);
    let mut original = PathBuf::new();
    let mut count = 0;
    while let Some(key) = keys.try_next().await? {
        let blob = Uuid::now_v7();
        let path = blobs.join(blob.to_string());
        if count % LINKS == 0 {
            fs::write(&path, CONTENT)?;
            original = path;
        } else {
            fs::hard_link(&original, path)?;
        }
        let record = json!({
            "key": key,
            "blob": blob,
            "size": CONTENT.len(),
            "etag": "0123456789abcdef0123456789abcdef",
            "modified": "2026-01-01T00:00:00Z",
            "headers": {"content-type": "image/jpeg"},
            "checksums": {},
        });
        let name = hex::encode(Sha256::digest(key.as_bytes()));
        fs::write(
            objects.join(name).with_extension("json"),
            record.to_string(),
        )?;
        count += 1;
    }
    Ok(())
}

/// Blind to settings of the machine's owner.
fn command(database_url: &str, endpoint: &str) -> Command {
    let mut command = Command::new(BINARY);
    command
        .env_clear()
        .env("DATABASE_URL", database_url)
        .env("ATTACHMENTS_S3_ENDPOINT", endpoint)
        .env("ATTACHMENTS_S3_BUCKET", BUCKET)
        .env("ATTACHMENTS_S3_ACCESS_KEY_ID", ACCESS_KEY)
        .env("ATTACHMENTS_S3_SECRET_ACCESS_KEY", SECRET)
        .kill_on_drop(true);
    command
}
