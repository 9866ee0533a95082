//! The one access key this store knows.

use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Result, s3_error};
use secrecy::{ExposeSecret as _, SecretString};

/// An access key and its secret, as `SigV4` wants them.
pub(super) struct AccessKey {
    id: String,
    secret: SecretString,
}

impl AccessKey {
    pub(super) fn new(id: String, secret: SecretString) -> Self {
        Self { id, secret }
    }
}

#[async_trait::async_trait]
impl S3Auth for AccessKey {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == self.id {
            Ok(SecretKey::from(self.secret.expose_secret()))
        } else {
            Err(s3_error!(InvalidAccessKeyId))
        }
    }
}
