//! How the bucket is reached.

use super::credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Region, RequestChecksumCalculation, ResponseChecksumValidation,
};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use secrecy::SecretString;
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
    /// Which requests carry a checksum header.
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

/// Which requests carry a checksum header. Whatever it is, every put is
/// signed for the SHA-256 of its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChecksumMode {
    /// Those that S3 refuses without: deleting many, and lifecycle rules.
    Required,
    /// All that S3 takes one of: every put and part has its SHA-256, which S3
    /// keeps with the object.
    Supported,
    /// None, for stores that refuse them.
    Off,
}

impl Settings {
    /// A client, and the credentials it signs with.
    pub(super) async fn connect(&self) -> (aws_sdk_s3::Client, SharedCredentialsProvider) {
        let https = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let region = Region::new(self.region.clone());
        let credentials = match &self.keys {
            Some(keys) => credentials::fixed(keys),
            None => credentials::ambient(region.clone(), https.clone()).await,
        };
        let mut config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(region)
            .force_path_style(self.path_style)
            .credentials_provider(credentials.clone())
            .retry_config(RetryConfig::standard().with_max_attempts(2))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(Duration::from_secs(3))
                    .read_timeout(self.operation_timeout)
                    .build(),
            )
            .http_client(https);
        // What is read whole is hashed against its record, whatever the store says.
        config = config.response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        if self.checksums != ChecksumMode::Supported {
            config = config.request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
        }
        if let Some(endpoint) = &self.endpoint {
            config = config.endpoint_url(endpoint);
        }
        (aws_sdk_s3::Client::from_conf(config.build()), credentials)
    }
}
