//! The store through the real SDK, over a real socket.

mod durability;
mod faults;
mod keys;
mod lifecycle;
mod objects;
mod presigned;
mod uploads;
mod wire;

use super::{ObjectStore, Settings};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{Credentials, Region};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_http_client::tls;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use uuid::Uuid;

const BUCKET: &str = "attachments";
const ACCESS_KEY: &str = "dev-key";
const SECRET_KEY: &str = "dev-secret";

/// A folder that goes with the test.
struct TempDir(PathBuf);

impl TempDir {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("object-store-{}", Uuid::now_v7()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A store of its own for one test, with a client that does not retry.
struct Rig {
    store: ObjectStore,
    s3: Client,
    root: TempDir,
}

impl Rig {
    async fn start() -> Self {
        let root = TempDir::new();
        let store = start_at(root.path()).await;
        Self {
            s3: client(store.local_addr(), SECRET_KEY),
            store,
            root,
        }
    }

    /// Ends the server and starts another on what it left.
    async fn restart(self) -> Self {
        let Self { store, root, .. } = self;
        store.shutdown().await;
        let store = start_at(root.path()).await;
        Self {
            s3: client(store.local_addr(), SECRET_KEY),
            store,
            root,
        }
    }

    async fn put(&self, key: &str, bytes: impl Into<Vec<u8>>) {
        let put = self.s3.put_object().bucket(BUCKET).key(key);
        put.body(ByteStream::from(bytes.into()))
            .send()
            .await
            .unwrap();
    }

    /// The object's bytes, or the code of the error.
    async fn get(&self, key: &str) -> Result<Vec<u8>, String> {
        let got = self.s3.get_object().bucket(BUCKET).key(key).send().await;
        let body = got.map_err(|error| code(&error))?.body;
        Ok(body.collect().await.unwrap().to_vec())
    }

    async fn keys(&self) -> Vec<String> {
        let listed = self.s3.list_objects_v2().bucket(BUCKET).send().await;
        let objects = listed.unwrap().contents.unwrap_or_default();
        objects
            .into_iter()
            .filter_map(|object| object.key)
            .collect()
    }

    /// The files below one of the bucket's folders.
    fn files(&self, folder: &str) -> usize {
        let path = self.root.path().join("buckets").join(BUCKET).join(folder);
        std::fs::read_dir(path).unwrap().count()
    }
}

async fn start_at(root: &Path) -> ObjectStore {
    ObjectStore::start(Settings {
        root: root.to_owned(),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        access_key: ACCESS_KEY.to_owned(),
        secret_key: SECRET_KEY.into(),
        buckets: vec![BUCKET.to_owned()],
    })
    .await
    .unwrap()
}

fn client(address: SocketAddr, secret_key: &str) -> Client {
    let ring = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    let http = aws_smithy_http_client::Builder::new().tls_provider(ring);
    let config = aws_sdk_s3::Config::builder()
        .region(Region::new("us-east-1"))
        .endpoint_url(format!("http://{address}"))
        .force_path_style(true)
        .credentials_provider(Credentials::new(ACCESS_KEY, secret_key, None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .http_client(http.build_https());
    Client::from_conf(config.build())
}

/// The code of an S3 error: `NoSuchKey`, for one.
fn code<E: ProvideErrorMetadata>(error: &SdkError<E>) -> String {
    let code = error.as_service_error().and_then(|error| error.code());
    code.unwrap_or("no answer").to_owned()
}

/// Bytes that differ from their neighbours.
fn pattern(length: usize) -> Vec<u8> {
    (0..length)
        .map(|i| u8::try_from((i * 31 + i / 251) % 251).unwrap())
        .collect()
}
