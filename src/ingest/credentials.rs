//! What this process knows of the channels' credentials: which of them their
//! provider refuses, and which it asks to slow down. Both spare the provider
//! calls whose answer is known, and a thousand files their attempts.
//!
//! Promises: what one credential meets touches no other, of this tenant or of
//! any; memory is bounded; no credential is kept, sealed or otherwise.

use super::circuit::Circuit;
use super::counts;
use crate::attachment::failure::FailureReason;
use crate::attachment::retry::RetryPolicy;
use crate::attachment::source::Method;
use crate::egress::FetchError;
use crate::ids::{ChannelId, TenantId};
use moka::sync::Cache;
use sha2::{Digest as _, Sha256};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Credentials in trouble that are remembered at most.
const REMEMBERED: u64 = 10_000;
/// One that nobody asks for is forgotten after this.
const FORGOTTEN_AFTER: Duration = Duration::from_hours(2);
/// A refused credential is probed again after this at the latest.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// One credential of one channel. Another one put in its place has another id,
/// so it begins with a clean record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct CredentialId([u8; 32]);

impl CredentialId {
    pub(super) fn of(tenant: &TenantId, channel: &ChannelId, sealed: &[u8]) -> Self {
        let owner = format!("{tenant}/{channel}/");
        Self(
            Sha256::new_with_prefix(owner)
                .chain_update(sealed)
                .finalize()
                .into(),
        )
    }
}

/// Why the provider is not to be asked now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It refuses the credential, for this reason.
    Refused(FailureReason),
    /// It wants to be left alone for so long.
    Slowed(Duration),
}

/// The credentials in trouble; one that is not here is in none.
#[derive(Debug)]
pub(super) struct Credentials {
    troubled: Cache<CredentialId, Arc<Mutex<Trouble>>>,
    policy: RetryPolicy,
}

#[derive(Debug)]
struct Trouble {
    refusals: Circuit,
    /// The latest refusal's.
    reason: FailureReason,
    downloads: Slowed,
    file_infos: Slowed,
}

/// How the provider wants one method to be slowed down.
#[derive(Debug, Default)]
struct Slowed {
    /// Times in a row that it asked to.
    times: u16,
    until: Option<Instant>,
}

impl Credentials {
    /// The policy says how long to slow down where the provider does not.
    pub(super) fn new(policy: RetryPolicy) -> Self {
        Self {
            troubled: Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_idle(FORGOTTEN_AFTER)
                .build(),
            policy,
        }
    }

    /// Lets an attempt through to the provider, or says why not. A credential
    /// that is refused lets one through in a while, to probe.
    pub(super) fn admit(
        &self,
        id: CredentialId,
        method: Method,
        now: Instant,
    ) -> Result<(), Refusal> {
        let Some(trouble) = self.troubled.get(&id) else {
            return Ok(());
        };
        let mut trouble = trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let until = trouble.slowed(method).until;
        if let Some(until) = until.filter(|until| *until > now) {
            return Err(Refusal::Slowed(until - now));
        }
        match trouble.refusals.wait(now) {
            Some(_) => Err(Refusal::Refused(trouble.reason)),
            None => Ok(()),
        }
    }

    /// Learns from how the provider took the credential: with a file, or with
    /// this failure. Gives true when it takes one again that it had refused,
    /// so that what was parked unasked has to be put back.
    pub(super) fn learn(
        &self,
        id: CredentialId,
        failure: Option<&FetchError>,
        now: Instant,
    ) -> bool {
        let Some(failure) = failure else {
            return self.accepted(id);
        };
        match failure.reason {
            FailureReason::SourceAuthFailed | FailureReason::SourceScopeMissing => {
                self.with(id, |trouble| trouble.refused(failure.reason, now));
            }
            FailureReason::SourceRateLimited => {
                self.with(id, |trouble| {
                    trouble.slowed(failure.method).slow_down(
                        failure.retry_after,
                        &self.policy,
                        now,
                    );
                });
            }
            // Providers give these answers only to a valid credential.
            FailureReason::SourceNotReady | FailureReason::SourceDeleted => {
                return self.accepted(id);
            }
            // The others say nothing about the credential.
            _ => {}
        }
        false
    }

    fn accepted(&self, id: CredentialId) -> bool {
        let Some(trouble) = self.troubled.get(&id) else {
            return false;
        };
        let mut trouble = trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let was_open = trouble.refusals.is_open();
        trouble.refusals.succeeded();
        trouble.downloads.times = 0;
        trouble.file_infos.times = 0;
        was_open
    }

    fn with(&self, id: CredentialId, change: impl FnOnce(&mut Trouble)) {
        let trouble = self.troubled.get_with(id, Arc::default);
        change(&mut trouble.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Default for Trouble {
    fn default() -> Self {
        Self {
            refusals: Circuit::new(LONGEST_PAUSE),
            reason: FailureReason::SourceAuthFailed,
            downloads: Slowed::default(),
            file_infos: Slowed::default(),
        }
    }
}

impl Trouble {
    fn refused(&mut self, reason: FailureReason, now: Instant) {
        let was_open = self.refusals.is_open();
        self.reason = reason;
        self.refusals.failed(now);
        if self.refusals.is_open() && !was_open {
            counts::circuit_opened(reason);
        }
    }

    fn slowed(&mut self, method: Method) -> &mut Slowed {
        match method {
            Method::Download => &mut self.downloads,
            Method::FileInfo => &mut self.file_infos,
        }
    }
}

impl Slowed {
    /// Each such answer has cost one attempt, so no file is put off for ever.
    fn slow_down(&mut self, asked: Option<Duration>, policy: &RetryPolicy, now: Instant) {
        let asked = asked.filter(|wait| !wait.is_zero());
        let under_way = self.until.filter(|until| *until > now);
        if under_way.is_none() {
            self.times = self.times.saturating_add(1);
            counts::circuit_opened(FailureReason::SourceRateLimited);
        } else if asked.is_none() {
            // It was on its way when the pause began and tells nothing new.
            return;
        }
        let wait = asked.map_or_else(
            || policy.ceiling(self.times),
            |asked| policy.believed(asked),
        );
        self.until = under_way.max(Some(now + wait));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        base: Duration::from_secs(2),
        cap: Duration::from_secs(5),
        retry_after_cap: Duration::from_mins(1),
        not_ready_budget: Duration::from_mins(10),
    };
    const SECOND: Duration = Duration::from_secs(1);

    fn id(tenant: &str, channel: &str, sealed: &[u8]) -> CredentialId {
        CredentialId::of(&tenant.parse().unwrap(), &channel.parse().unwrap(), sealed)
    }

    fn failure(reason: FailureReason) -> FetchError {
        FetchError::new(reason, "")
    }

    #[tokio::test]
    async fn what_one_credential_meets_touches_no_other() {
        let (credentials, now) = (Credentials::new(POLICY), Instant::now());
        let dead = id("acme", "line", b"dead");
        let refusal = failure(FailureReason::SourceScopeMissing);
        for _ in 0..3 {
            assert_eq!(credentials.admit(dead, Method::Download, now), Ok(()));
            credentials.learn(dead, Some(&refusal), now);
        }
        let held = Err(Refusal::Refused(FailureReason::SourceScopeMissing));
        assert_eq!(credentials.admit(dead, Method::Download, now), held);
        for other in [
            id("acme", "line", b"new"),
            id("acme", "line-2", b"dead"),
            id("globex", "line", b"dead"),
        ] {
            assert_eq!(credentials.admit(other, Method::Download, now), Ok(()));
        }
        assert_eq!(
            credentials.admit(dead, Method::Download, now + SECOND),
            Ok(()),
            "one probes"
        );
        assert_eq!(
            credentials.admit(dead, Method::Download, now + SECOND),
            held,
            "only one"
        );
        assert!(
            credentials.learn(dead, None, now + SECOND),
            "it works again"
        );
        assert!(!credentials.learn(dead, None, now + SECOND), "as before");
        assert_eq!(
            credentials.admit(dead, Method::Download, now + SECOND),
            Ok(())
        );
    }

    #[tokio::test]
    async fn refusals_count_in_a_row_only() {
        let (credentials, now) = (Credentials::new(POLICY), Instant::now());
        let good = id("acme", "line", b"good");
        let refusal = failure(FailureReason::SourceAuthFailed);
        for _ in 0..5 {
            credentials.learn(good, Some(&refusal), now);
            credentials.learn(good, Some(&refusal), now);
            credentials.learn(good, Some(&failure(FailureReason::SourceUnavailable)), now);
            credentials.learn(good, Some(&failure(FailureReason::SourceNotReady)), now);
        }
        assert_eq!(credentials.admit(good, Method::Download, now), Ok(()));
    }

    #[tokio::test]
    async fn a_slow_down_ends_for_all_at_once_and_grows_where_the_provider_says_nothing() {
        let (credentials, now) = (Credentials::new(POLICY), Instant::now());
        let busy = id("acme", "line", b"busy");
        let mut limited = failure(FailureReason::SourceRateLimited);
        let slowed = |wait| Err(Refusal::Slowed(wait));
        credentials.learn(busy, Some(&limited), now);
        credentials.learn(busy, Some(&limited), now);
        assert_eq!(
            credentials.admit(busy, Method::Download, now),
            slowed(POLICY.base)
        );
        let later = now + POLICY.base;
        assert_eq!(credentials.admit(busy, Method::Download, later), Ok(()));
        assert_eq!(credentials.admit(busy, Method::Download, later), Ok(()));
        credentials.learn(busy, Some(&limited), later);
        assert_eq!(
            credentials.admit(busy, Method::Download, later),
            slowed(POLICY.base * 2)
        );

        limited.retry_after = Some(Duration::from_secs(30));
        credentials.learn(busy, Some(&limited), later);
        let told = slowed(Duration::from_secs(30));
        assert_eq!(credentials.admit(busy, Method::Download, later), told);
        limited.retry_after = Some(SECOND);
        credentials.learn(busy, Some(&limited), later);
        assert_eq!(
            credentials.admit(busy, Method::Download, later),
            told,
            "the longest holds"
        );
        limited.retry_after = Some(Duration::from_secs(1 << 40));
        credentials.learn(busy, Some(&limited), later);
        assert_eq!(
            credentials.admit(busy, Method::Download, later),
            slowed(POLICY.retry_after_cap)
        );
    }

    #[tokio::test]
    async fn a_method_that_is_slowed_stops_no_other() {
        let (credentials, now) = (Credentials::new(POLICY), Instant::now());
        let busy = id("acme", "slack", b"busy");
        let limited = failure(FailureReason::SourceRateLimited).by(Method::FileInfo);
        credentials.learn(busy, Some(&limited), now);
        let slowed = Err(Refusal::Slowed(POLICY.base));
        assert_eq!(credentials.admit(busy, Method::FileInfo, now), slowed);
        assert_eq!(credentials.admit(busy, Method::Download, now), Ok(()));
    }
}
