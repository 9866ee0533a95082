//! Who we are to the store: static keys, or the ambient chain.
//!
//! Promises: a credential that is still good is given out whatever happens to
//! the refresh, and many callers make one refresh.

use super::StaticKeys;
use crate::telemetry::Chain;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{
    ProvideCredentials, SharedCredentialsProvider, future::ProvideCredentials as Provided,
};
use aws_sdk_s3::config::{BehaviorVersion, HttpClient, Region};
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use secrecy::ExposeSecret as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use time::OffsetDateTime;
use tokio::time::{Instant, timeout};

/// Credentials are asked for again this long before they expire.
const REFRESH_AHEAD: Duration = Duration::from_mins(5);
/// A caller that has a credential which is still good waits no longer than
/// this for the next one, whose links would live longer.
const PATIENCE: Duration = Duration::from_secs(1);
/// While the kept credential is good, the chain is left alone for this long
/// after it failed, or gave one that ends as soon.
const PAUSE: Duration = Duration::from_secs(5);

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
        state: Arc::default(),
    })
}

/// Keeps what the chain gave until shortly before it expires: signing a link
/// must not call out.
#[derive(Debug)]
struct Cached {
    chain: Option<SharedCredentialsProvider>,
    /// Locked for moments only, never while the chain is asked.
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    kept: Option<Credentials>,
    /// The refresh that is under way, and since when.
    refresh: Option<(Instant, Refresh)>,
    /// When the last refresh ended.
    answered_at: Option<Instant>,
}

type Refresh = Shared<BoxFuture<'static, Result<Credentials, Arc<CredentialsError>>>>;

/// What is to be done for a caller.
enum Next {
    Use(Credentials),
    /// The kept one is good still, and is used if no new one comes soon.
    Prefer(Refresh, Credentials),
    Need(Refresh),
}

impl Cached {
    #[expect(
        clippy::disallowed_methods,
        reason = "the expiry is told in machine time, and nothing but the refresh hangs on it"
    )]
    async fn get(&self) -> Result<Credentials, CredentialsError> {
        match self.next(OffsetDateTime::now_utc())? {
            Next::Use(kept) => Ok(kept),
            Next::Prefer(refresh, kept) => {
                let refreshed = timeout(PATIENCE, refresh).await;
                Ok(refreshed.ok().and_then(Result::ok).unwrap_or(kept))
            }
            Next::Need(refresh) => refresh.await.map_err(CredentialsError::provider_error),
        }
    }

    fn next(&self, now: OffsetDateTime) -> Result<Next, CredentialsError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let good_for = |span: Duration| {
            let kept = state.kept.as_ref()?;
            let is_good = kept
                .expiry()
                .is_none_or(|end| OffsetDateTime::from(end) > now + span);
            is_good.then(|| kept.clone())
        };
        if let Some(fresh) = good_for(REFRESH_AHEAD) {
            return Ok(Next::Use(fresh));
        }
        let kept = good_for(Duration::ZERO);
        let under_way = state
            .refresh
            .clone()
            // One that broke off answers its callers and leaves itself behind.
            .filter(|(_, refresh)| refresh.peek().is_none());
        if let Some(kept) = &kept {
            let is_paused = state.answered_at.is_some_and(|at| at.elapsed() < PAUSE);
            let is_slow = matches!(&under_way, Some((since, _)) if since.elapsed() >= PATIENCE);
            if is_slow || (is_paused && under_way.is_none()) {
                return Ok(Next::Use(kept.clone()));
            }
        }
        let refresh = if let Some((_, refresh)) = under_way {
            refresh
        } else {
            let refresh = self.begin()?;
            state.refresh = Some((Instant::now(), refresh.clone()));
            refresh
        };
        Ok(match kept {
            Some(kept) => Next::Prefer(refresh, kept),
            None => Next::Need(refresh),
        })
    }

    /// Asks the chain, in a task that no caller's going away ends.
    fn begin(&self) -> Result<Refresh, CredentialsError> {
        let chain = self
            .chain
            .clone()
            .ok_or_else(|| CredentialsError::not_loaded("no ambient credentials"))?;
        let state = Arc::clone(&self.state);
        let asked = tokio::spawn(async move {
            let given = chain.provide_credentials().await;
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            state.refresh = None;
            state.answered_at = Some(Instant::now());
            match given {
                Ok(given) => {
                    state.kept = Some(given.clone());
                    Ok(given)
                }
                Err(error) => {
                    tracing::warn!(
                        error = %Chain(&error),
                        "no new credential for object storage is to be had"
                    );
                    Err(Arc::new(error))
                }
            }
        });
        let given = asked.map(|ended| {
            ended.unwrap_or_else(|broken| Err(Arc::new(CredentialsError::unhandled(broken))))
        });
        Ok(given.boxed().shared())
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
