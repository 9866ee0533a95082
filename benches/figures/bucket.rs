//! The bucket from outside: the floor that ingest is held against, and a broom.

use super::Outcome;
use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Region};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::HeaderMap;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

pub(crate) const BUCKET: &str = "figures";
pub(crate) const S3_ACCESS_KEY: &str = "figures";

pub(crate) struct Bucket {
    client: Client,
}

/// A put that needs no more than to be sent.
struct Put {
    url: String,
    headers: HeaderMap,
}

impl Bucket {
    pub(crate) fn new(store: SocketAddr, secret: &SecretString) -> Self {
        let keys = Credentials::new(S3_ACCESS_KEY, secret.expose_secret(), None, None, "figures");
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(format!("http://{store}"))
            .force_path_style(true)
            .credentials_provider(keys)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        Self {
            client: Client::from_conf(config),
        }
    }

    /// Puts `bytes` under `count` keys, `concurrency` at a time, as plainly as
    /// HTTP allows: signed beforehand, from memory, without the SDK. The store
    /// has to verify the same checksum that the service asks it to.
    pub(crate) async fn put_only(
        &self,
        bytes: &Bytes,
        count: usize,
        concurrency: usize,
    ) -> Outcome<Duration> {
        let checksum = BASE64.encode(Sha256::digest(bytes));
        let mut puts = Vec::with_capacity(count);
        for n in 0..count {
            puts.push(self.presign(&format!("floor/{n}"), &checksum).await?);
        }
        let puts: Arc<[Put]> = puts.into();
        let next = Arc::new(AtomicUsize::new(0));
        let client = reqwest::Client::builder().no_proxy().build()?;
        let began = Instant::now();
        let mut senders = JoinSet::new();
        for _ in 0..concurrency {
            let (puts, next) = (puts.clone(), next.clone());
            let (client, bytes) = (client.clone(), bytes.clone());
            senders.spawn(async move {
                while let Some(put) = puts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    client
                        .put(&put.url)
                        .headers(put.headers.clone())
                        .body(bytes.clone())
                        .send()
                        .await?
                        .error_for_status()?;
                }
                Outcome::Ok(())
            });
        }
        while let Some(sender) = senders.join_next().await {
            sender??;
        }
        Ok(began.elapsed())
    }

    async fn presign(&self, key: &str, checksum: &str) -> Outcome<Put> {
        let signed = self
            .client
            .put_object()
            .bucket(BUCKET)
            .key(key)
            .checksum_sha256(checksum)
            .presigned(PresigningConfig::expires_in(Duration::from_hours(1))?)
            .await?;
        let headers: HeaderMap = signed
            .headers()
            .map(|(name, value)| Ok((name.parse()?, value.parse()?)))
            .collect::<Outcome<_>>()?;
        Ok(Put {
            url: signed.uri().to_owned(),
            headers,
        })
    }

    /// Deletes every object.
    pub(crate) async fn empty(&self) -> Outcome<()> {
        loop {
            let listed = self.client.list_objects_v2().bucket(BUCKET).send().await?;
            let keys: Vec<ObjectIdentifier> = listed
                .contents()
                .iter()
                .filter_map(|object| object.key())
                .map(|key| ObjectIdentifier::builder().key(key).build())
                .collect::<Result<_, _>>()?;
            if keys.is_empty() {
                return Ok(());
            }
            let delete = Delete::builder().set_objects(Some(keys)).build()?;
            self.client
                .delete_objects()
                .bucket(BUCKET)
                .delete(delete)
                .send()
                .await?;
        }
    }
}
