//! Makes the bucket where a store that was given has none yet.

use crate::blob::Settings;
use aws_credential_types::Credentials;
use aws_sdk_s3::config::{BehaviorVersion, Region};
use aws_sdk_s3::error::SdkError;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use secrecy::ExposeSecret as _;

/// The bucket could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the bucket {bucket} could not be made")]
pub struct BucketError {
    bucket: String,
}

/// Creates the bucket unless it is there. Without static keys the store is
/// the operator's, and so is its bucket.
pub async fn create_if_missing(settings: &Settings) -> Result<(), BucketError> {
    let (Some(endpoint), Some(keys)) = (&settings.endpoint, &settings.keys) else {
        return Ok(());
    };
    let https = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let secret = keys.secret_access_key.expose_secret();
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(settings.region.clone()))
        .endpoint_url(endpoint)
        .force_path_style(settings.path_style)
        .credentials_provider(Credentials::new(
            &keys.access_key_id,
            secret,
            None,
            None,
            "dev",
        ))
        .http_client(https)
        .build();
    let created = aws_sdk_s3::Client::from_conf(config)
        .create_bucket()
        .bucket(&settings.bucket)
        .send()
        .await;
    match created {
        Ok(_) => Ok(()),
        Err(SdkError::ServiceError(refusal))
            if refusal.err().is_bucket_already_exists()
                || refusal.err().is_bucket_already_owned_by_you() =>
        {
            Ok(())
        }
        Err(_) => Err(BucketError {
            bucket: settings.bucket.clone(),
        }),
    }
}
