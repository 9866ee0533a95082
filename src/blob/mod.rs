//! The bucket: objects put whole, read in ranges, linked for a while.
//!
//! Promises: an object is visible only if the store has verified its SHA-256,
//! that of each part where it came in parts, and no error or link shows the
//! secret key. Relies on no conditional put and no tags, which stores disagree
//! about. Which keys there are is the core's business.

mod check;
mod credentials;
mod digest;
mod error;
mod lifecycle;
mod listing;
mod multipart;
mod payload;
mod presign;
mod uploads;

pub use error::BlobError;
pub use listing::ListedObject;
pub use payload::Payload;
pub use presign::{LinkOptions, PresignedLink};
pub use uploads::OpenUpload;

use crate::attachment::status::{Sha256, StoredObject};
use crate::attachment::storage_key::StorageKey;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    retry::RetryConfig,
};
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::types::{Delete, ObjectIdentifier, ServerSideEncryption};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use check::Check;
use futures::stream::{self, Stream};
use presign::Presigner;
use secrecy::SecretString;
use std::collections::HashSet;
use std::time::Duration;

/// How to reach the bucket.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The store's URL; `None` is AWS itself.
    pub endpoint: Option<String>,
    /// The URL that browsers use; links are signed for its host.
    pub public_endpoint: Option<String>,
    /// The region that requests are signed for.
    pub region: String,
    /// The bucket's name.
    pub bucket: String,
    /// `endpoint/bucket/key` rather than `bucket.endpoint/key`.
    pub path_style: bool,
    /// Static keys; `None` is the ambient credential chain.
    pub keys: Option<StaticKeys>,
    /// When the SDK adds checksums of its own.
    pub checksums: ChecksumMode,
    /// Asked for with every put.
    pub server_side_encryption: Option<String>,
    /// How long the store may be silent within one request; a put may take
    /// longer by the time its bytes need.
    pub operation_timeout: Duration,
}

/// An access key with its secret.
#[derive(Debug, Clone)]
pub struct StaticKeys {
    /// The access key's id; shows in presigned links by design.
    pub access_key_id: String,
    /// The secret; never shows anywhere.
    pub secret_access_key: SecretString,
}

/// When the SDK adds checksums of its own, beside the SHA-256 that every put carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChecksumMode {
    /// Where the API demands one. Some stores refuse more over plain http.
    Required,
    /// Wherever the API supports one.
    Supported,
}

/// The bucket that attachments are stored in.
#[derive(Debug, Clone)]
pub struct Bucket {
    client: aws_sdk_s3::Client,
    presigner: Presigner,
    credentials: SharedCredentialsProvider,
    name: String,
    encryption: Option<ServerSideEncryption>,
    operation_timeout: Duration,
}

/// An upload that is slower than this, in bytes a second, is given up.
const SLOWEST_UPLOAD: u64 = 512 * 1024;

/// Tries of a call whose caller has time, at 0.2, 0.6, 1.4, 3 and 6.2 s at most.
const INSISTENT_TRIES: u32 = 6;

impl Bucket {
    /// Prepares a client; calls out only where the ambient credential chain does.
    pub async fn new(settings: &Settings) -> Self {
        let https = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let region = Region::new(settings.region.clone());
        let credentials = match &settings.keys {
            Some(keys) => credentials::fixed(keys),
            None => credentials::ambient(region.clone(), https.clone()).await,
        };
        let mut config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(region)
            .force_path_style(settings.path_style)
            .credentials_provider(credentials.clone())
            .retry_config(RetryConfig::standard().with_max_attempts(2))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(Duration::from_secs(3))
                    .read_timeout(settings.operation_timeout)
                    .build(),
            )
            .http_client(https);
        config = match settings.checksums {
            ChecksumMode::Supported => config,
            ChecksumMode::Required => config
                .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
                .response_checksum_validation(ResponseChecksumValidation::WhenRequired),
        };
        if let Some(endpoint) = &settings.endpoint {
            config = config.endpoint_url(endpoint);
        }
        Self {
            client: aws_sdk_s3::Client::from_conf(config.build()),
            presigner: Presigner::new(settings),
            credentials,
            name: settings.bucket.clone(),
            encryption: settings
                .server_side_encryption
                .as_deref()
                .map(ServerSideEncryption::from),
            operation_timeout: settings.operation_timeout,
        }
    }

    /// The same bucket for work of many calls that has nobody waiting for it:
    /// a passing failure is tried again for some seconds.
    #[must_use]
    pub fn insistent(self) -> Self {
        let retry = RetryConfig::standard()
            .with_max_attempts(INSISTENT_TRIES)
            .with_initial_backoff(Duration::from_millis(200));
        let config = self.client.config().to_builder().retry_config(retry);
        Self {
            client: aws_sdk_s3::Client::from_conf(config.build()),
            ..self
        }
    }

    /// Puts an object, in parts where it is large. The store verifies its
    /// bytes before the object is visible. Dropping this may leave the object
    /// there or not, and no part of it.
    pub async fn put(
        &self,
        key: &StorageKey,
        payload: Payload,
        sha256: Sha256,
        content_type: &str,
    ) -> Result<(), BlobError> {
        let size = payload.len();
        if size > multipart::PART_BYTES {
            let put = self.put_in_parts(key, payload, sha256, content_type);
            return Box::pin(put).await;
        }
        let checksum = BASE64.encode(sha256.0);
        let answer = self
            .client
            .put_object()
            .bucket(&self.name)
            .key(key.as_str())
            .content_length(i64::try_from(size).unwrap_or(i64::MAX))
            .content_type(content_type)
            .checksum_sha256(&checksum)
            .set_server_side_encryption(self.encryption.clone())
            .body(payload.stream(0, size))
            .customize()
            .config_override(self.time_to_upload(size))
            // The checksum header already binds the bytes; signing them too
            // would hash every byte a second time.
            .disable_payload_signing()
            .send()
            .await
            .map_err(|error| BlobError::of("put", error))?;
        match answer.checksum_sha256() {
            Some(verified) if *verified == checksum => Ok(()),
            Some(_) => Err(BlobError::Altered),
            // It took no notice of the checksum.
            None => self.expect_size(key, size).await,
        }
    }

    /// Looks whether an object that was just put is as long as what was sent.
    async fn expect_size(&self, key: &StorageKey, size: u64) -> Result<(), BlobError> {
        match self.size(key).await? {
            Some(stored) if stored == size => Ok(()),
            _ => Err(BlobError::Truncated),
        }
    }

    /// The SDK's read time-out counts from the first byte that is sent to the
    /// first that comes back, so the whole upload falls into it.
    fn time_to_upload(&self, size: u64) -> aws_sdk_s3::config::Builder {
        let upload = Duration::from_secs(size / SLOWEST_UPLOAD);
        aws_sdk_s3::Config::builder().timeout_config(
            TimeoutConfig::builder()
                .read_timeout(self.operation_timeout + upload)
                .build(),
        )
    }

    /// Streams `length` bytes of an object from `offset` on. Ends in
    /// [`BlobError::Truncated`] rather than early; the whole object, in
    /// [`BlobError::Altered`] if it is not what was stored.
    pub async fn read(
        &self,
        object: &StoredObject,
        offset: u64,
        length: u64,
    ) -> Result<impl Stream<Item = Result<Bytes, BlobError>> + Send + use<>, BlobError> {
        let mut request = self
            .client
            .get_object()
            .bucket(&self.name)
            .key(object.key.as_str());
        if offset > 0 || length < object.size_bytes {
            request = request.range(format!("bytes={offset}-{}", offset + length - 1));
        }
        let response = request
            .send()
            .await
            .map_err(|error| BlobError::of("get", error))?;
        // A store that answers with the length of another object has lost ours.
        if response
            .content_length()
            .is_some_and(|sent| sent.cast_unsigned() != length)
        {
            return Err(BlobError::Truncated);
        }
        let check = (length == object.size_bytes).then(|| Check::against(object.sha256));
        let pieces = stream::unfold(Some((response.body, length, check)), |reading| async move {
            let (mut body, left, mut check) = reading?;
            match body.next().await {
                Some(Ok(piece)) => {
                    let Some(left) = left.checked_sub(piece.len() as u64) else {
                        return Some((Err(BlobError::Truncated), None));
                    };
                    if let Some(check) = &mut check {
                        check.update(&piece);
                    }
                    Some((Ok(piece), Some((body, left, check))))
                }
                Some(Err(_)) => Some((Err(BlobError::Truncated), None)),
                None if left > 0 => Some((Err(BlobError::Truncated), None)),
                None if check.is_some_and(|check| !check.holds()) => {
                    Some((Err(BlobError::Altered), None))
                }
                None => None,
            }
        });
        Ok(pieces)
    }

    /// Deletes objects; those that are not there count as deleted. Gives the
    /// keys that are gone now, as the store's answer has it: what it does not
    /// name as deleted is not.
    pub async fn delete(&self, keys: &[StorageKey]) -> Result<Vec<StorageKey>, BlobError> {
        let mut gone = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(1000) {
            let identifiers = chunk
                .iter()
                .filter_map(|key| ObjectIdentifier::builder().key(key.as_str()).build().ok())
                .collect();
            let delete = Delete::builder()
                .set_objects(Some(identifiers))
                .build()
                .map_err(|_| BlobError::Refused {
                    operation: "delete",
                })?;
            let response = self
                .client
                .delete_objects()
                .bucket(&self.name)
                .delete(delete)
                .send()
                .await
                .map_err(|error| BlobError::of("delete", error))?;
            if let Some(refusal) = response.errors().first() {
                tracing::warn!(
                    s3.code = refusal.code(),
                    count = response.errors().len(),
                    "object storage kept objects that were to be deleted"
                );
            }
            let deleted: HashSet<_> = response
                .deleted()
                .iter()
                .filter_map(|deleted| deleted.key())
                .collect();
            gone.extend(
                chunk
                    .iter()
                    .filter(|key| deleted.contains(key.as_str()))
                    .cloned(),
            );
        }
        Ok(gone)
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
            .map_err(|_| BlobError::Unavailable { operation: "sign" })?;
        self.presigner
            .sign(&object.key, &credentials, options)
            .map_err(|_| BlobError::Refused { operation: "sign" })
    }

    /// Whether the store answers and has the bucket.
    pub async fn check(&self) -> Result<(), BlobError> {
        self.client
            .head_bucket()
            .bucket(&self.name)
            .send()
            .await
            .map_err(|error| BlobError::of("head bucket", error))?;
        Ok(())
    }
}
