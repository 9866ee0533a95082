//! Who we are to the store: static keys, or the ambient chain.

use super::StaticKeys;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{
    ProvideCredentials, SharedCredentialsProvider, future::ProvideCredentials as Provided,
};
use aws_sdk_s3::config::{BehaviorVersion, HttpClient, Region};
use secrecy::ExposeSecret as _;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::sync::Mutex;

/// Credentials are asked for again this long before they expire.
const REFRESH_AHEAD: Duration = Duration::from_mins(5);

/// Keys from the settings, which never change.
pub(super) fn fixed(keys: &StaticKeys) -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Credentials::new(
        &keys.access_key_id,
        keys.secret_access_key.expose_secret(),
        None,
        None,
        "settings",
    ))
}

/// The chain of environment, profile, web identity, ECS and IMDS.
pub(super) async fn ambient(
    region: Region,
    https: impl HttpClient + 'static,
) -> SharedCredentialsProvider {
    let loaded = aws_config::defaults(BehaviorVersion::latest())
        .region(region)
        .http_client(https)
        .load()
        .await;
    SharedCredentialsProvider::new(Cached {
        chain: loaded.credentials_provider(),
        latest: Mutex::new(None),
    })
}

/// Keeps what the chain gave until shortly before it expires: signing a link
/// must not call out.
#[derive(Debug)]
struct Cached {
    chain: Option<SharedCredentialsProvider>,
    latest: Mutex<Option<Credentials>>,
}

impl Cached {
    #[expect(
        clippy::disallowed_methods,
        reason = "the expiry is told in machine time, and nothing but the refresh hangs on it"
    )]
    async fn get(&self) -> Result<Credentials, CredentialsError> {
        let mut latest = self.latest.lock().await;
        let refresh_at = OffsetDateTime::now_utc() + REFRESH_AHEAD;
        if let Some(credentials) = latest.as_ref() {
            let fresh = credentials
                .expiry()
                .is_none_or(|end| OffsetDateTime::from(end) > refresh_at);
            if fresh {
                return Ok(credentials.clone());
            }
        }
        let chain = self
            .chain
            .as_ref()
            .ok_or_else(|| CredentialsError::not_loaded("no ambient credentials"))?;
        let credentials = chain.provide_credentials().await?;
        *latest = Some(credentials.clone());
        Ok(credentials)
    }
}

impl ProvideCredentials for Cached {
    fn provide_credentials<'a>(&'a self) -> Provided<'a>
    where
        Self: 'a,
    {
        Provided::new(self.get())
    }
}
