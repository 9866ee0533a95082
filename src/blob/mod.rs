//! The bucket: objects put whole, read in ranges, linked for a while.
//!
//! Promises: an object is visible only if the store has verified its SHA-256,
//! that of each part where it came in parts, and no error or link shows the
//! secret key. Relies on no conditional put, no tags, no multi-object delete
//! and no checksum header, which stores disagree about. Which keys there are
//! is the core's business.

mod check;
mod credentials;
mod delete;
mod digest;
mod error;
mod integrity;
mod lifecycle;
mod listing;
mod multipart;
mod payload;
mod presign;
mod put;
mod reach;
mod read;
mod settings;
mod uploads;

pub use error::BlobError;
pub use listing::ListedObject;
pub use payload::Payload;
pub use presign::{LinkOptions, PresignedLink};
pub use reach::Unreachable;
pub use settings::{ChecksumMode, Settings, StaticKeys};
pub use uploads::OpenUpload;

use crate::attachment::status::StoredObject;
use crate::attachment::storage_key::StorageKey;
use crate::telemetry::Chain;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::types::ServerSideEncryption;
use presign::Presigner;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// The bucket that attachments are stored in.
#[derive(Debug, Clone)]
pub struct Bucket {
    client: aws_sdk_s3::Client,
    presigner: Presigner,
    credentials: SharedCredentialsProvider,
    name: String,
    encryption: Option<ServerSideEncryption>,
    operation_timeout: Duration,
    checksums: ChecksumMode,
    /// The store was seen to delete objects one by one only. Kept for the
    /// life of the process, by all clones together.
    deletes_singly: Arc<AtomicBool>,
}

/// Tries of a call whose caller has time, at 0.2, 0.6, 1.4, 3 and 6.2 s at most.
const INSISTENT_TRIES: u32 = 6;

impl Bucket {
    /// Prepares a client; calls out only where the ambient credential chain does.
    pub async fn new(settings: &Settings) -> Self {
        let (client, credentials) = settings.connect().await;
        Self {
            client,
            presigner: Presigner::new(settings),
            credentials,
            name: settings.bucket.clone(),
            encryption: settings
                .server_side_encryption
                .as_deref()
                .map(ServerSideEncryption::from),
            operation_timeout: settings.operation_timeout,
            checksums: settings.checksums,
            deletes_singly: Arc::default(),
        }
    }

    /// The same bucket for work of many calls that has nobody waiting for it:
    /// a passing failure is tried again for some seconds.
    #[must_use]
    pub fn persistent(self) -> Self {
        let retry = RetryConfig::standard()
            .with_max_attempts(INSISTENT_TRIES)
            .with_initial_backoff(Duration::from_millis(200));
        let config = self.client.config().to_builder().retry_config(retry);
        Self {
            client: aws_sdk_s3::Client::from_conf(config.build()),
            ..self
        }
    }

    /// Whether an object is there.
    pub async fn exists(&self, key: &StorageKey) -> Result<bool, BlobError> {
        Ok(self.size(key).await?.is_some())
    }

    /// The size of an object in bytes, if it is there.
    pub async fn size(&self, key: &StorageKey) -> Result<Option<u64>, BlobError> {
        let head = self
            .client
            .head_object()
            .bucket(&self.name)
            .key(key.as_str())
            .send()
            .await;
        match head {
            Ok(head) => Ok(Some(head.content_length.unwrap_or_default().unsigned_abs())),
            Err(SdkError::ServiceError(refusal)) if refusal.err().is_not_found() => Ok(None),
            Err(error) => Err(BlobError::of("head", error)),
        }
    }

    /// Signs a link to an object. Makes no call to the store.
    pub async fn link(
        &self,
        object: &StoredObject,
        options: &LinkOptions,
    ) -> Result<PresignedLink, BlobError> {
        let credentials = self
            .credentials
            .provide_credentials()
            .await
            .map_err(|error| {
                tracing::warn!(error = %Chain(&error), "there is no credential to sign a link with");
                BlobError::Unavailable { operation: "sign" }
            })?;
        self.presigner
            .sign(&object.key, &credentials, options)
            .map_err(|_| BlobError::Refused { operation: "sign" })
    }
}
