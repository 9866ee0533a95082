//! When a failed attempt is tried again.
//!
//! Pure: the jitter comes from a hash of the attachment and the attempt, so
//! the same failure always waits the same time and no generator is injected.

use super::failure::{Consequence, FailureReason};
use crate::ids::AttachmentId;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::time::Duration;

/// How often, and how long apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The ceiling of the first wait; it doubles with each attempt.
    pub base: Duration,
    /// No backoff is longer than this.
    pub cap: Duration,
    /// A provider's `Retry-After` is believed up to this.
    pub retry_after_cap: Duration,
    /// How long a provider may go on saying "not ready".
    pub not_ready_budget: Duration,
}

/// A provider that is preparing a file is asked again after this at the latest.
const LONGEST_READY_WAIT: Duration = Duration::from_secs(30);

/// What is decided after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Try again after this time. `counted` says whether the attempt counts.
    RetryAfter {
        /// The wait, from now.
        wait: Duration,
        /// Whether the attempt counts against the cap.
        counted: bool,
    },
    /// It is over; the reason says how.
    Final,
}

/// What is known of an attempt when it fails.
#[derive(Debug, Clone, Copy)]
pub struct Trial {
    /// The attachment, for the jitter.
    pub attachment_id: AttachmentId,
    /// Attempts begun so far, this one included.
    pub attempts: u16,
    /// Attempts that may be begun on this attachment.
    pub max_attempts: u16,
    /// How long the provider has been saying "not ready".
    pub waited: Duration,
}

impl RetryPolicy {
    /// Decides whether and when to try again after `reason`.
    #[must_use]
    pub fn decide(
        &self,
        trial: Trial,
        reason: FailureReason,
        retry_after: Option<Duration>,
    ) -> Verdict {
        match reason.consequence() {
            Consequence::Retry if trial.attempts < trial.max_attempts => Verdict::RetryAfter {
                wait: self.backoff(trial, retry_after),
                counted: true,
            },
            Consequence::Wait if trial.waited < self.not_ready_budget => Verdict::RetryAfter {
                // The wait follows the time spent waiting, not the attempts: those stand still.
                wait: (trial.waited / 2)
                    .max(self.base / 2)
                    .min(self.cap.min(LONGEST_READY_WAIT))
                    .max(self.believed(retry_after.unwrap_or_default())),
                counted: false,
            },
            Consequence::Retry
            | Consequence::Wait
            | Consequence::GiveUp
            | Consequence::AwaitCredential
            | Consequence::Reject
            | Consequence::Unsupported
            | Consequence::Delete => Verdict::Final,
        }
    }

    /// Full jitter: anything up to the doubled base, never above the cap;
    /// `Retry-After` is a floor.
    fn backoff(&self, trial: Trial, retry_after: Option<Duration>) -> Duration {
        let jitter = jitter(trial.attachment_id, trial.attempts);
        let jittered = self.ceiling(trial.attempts).mul_f64(jitter);
        jittered.max(self.believed(retry_after.unwrap_or_default()))
    }

    /// The longest wait after so many failures: the base, doubled with each
    /// further one, never above the cap.
    #[must_use]
    pub fn ceiling(&self, failures: u16) -> Duration {
        let doublings = u32::from(failures.saturating_sub(1)).min(30);
        self.base.saturating_mul(1 << doublings).min(self.cap)
    }

    /// A provider's `Retry-After`, as far as it is believed.
    #[must_use]
    pub fn believed(&self, retry_after: Duration) -> Duration {
        retry_after.min(self.retry_after_cap)
    }
}

/// `wait` and up to a tenth of it: those who wait for the same moment come
/// one after the other.
#[must_use]
pub fn spread(wait: Duration, attachment_id: AttachmentId, fence: i64) -> Duration {
    wait.saturating_add((wait / 10).mul_f64(jitter(attachment_id, fence)))
}

/// A number in [0, 1) that is fixed for one attempt of one attachment.
fn jitter(attachment_id: AttachmentId, attempt: impl Hash) -> f64 {
    let mut hasher = DefaultHasher::new();
    attachment_id.hash(&mut hasher);
    attempt.hash(&mut hasher);
    // 32 bits are exact in an f64.
    f64::from(u32::try_from(hasher.finish() >> 32).unwrap_or(u32::MAX))
        / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        base: Duration::from_secs(2),
        cap: Duration::from_mins(5),
        retry_after_cap: Duration::from_hours(1),
        not_ready_budget: Duration::from_mins(10),
    };

    fn trial(attempts: u16) -> Trial {
        Trial {
            attachment_id: AttachmentId::generate(),
            attempts,
            max_attempts: 5,
            waited: Duration::ZERO,
        }
    }

    #[test]
    fn backoff_is_full_jitter_under_a_doubling_ceiling() {
        for attempts in 1..5 {
            let ceiling = Duration::from_secs(2) * (1 << (attempts - 1));
            let waits: Vec<_> = (0..200)
                .map(|_| POLICY.backoff(trial(attempts), None))
                .collect();
            assert!(waits.iter().all(|wait| *wait <= ceiling));
            assert!(waits.iter().any(|wait| *wait < ceiling / 4));
            assert!(waits.iter().any(|wait| *wait > ceiling * 3 / 4));
        }
    }

    #[test]
    fn the_last_attempt_is_final() {
        for reason in FailureReason::ALL {
            let verdict = POLICY.decide(trial(5), *reason, None);
            let waits = reason.consequence() == Consequence::Wait;
            assert_eq!(verdict != Verdict::Final, waits, "{reason}");
        }
    }

    #[test]
    fn retry_after_is_a_floor_and_is_clamped() {
        let reason = FailureReason::SourceRateLimited;
        let Verdict::RetryAfter { wait, counted } =
            POLICY.decide(trial(1), reason, Some(Duration::from_secs(30)))
        else {
            panic!("not retried");
        };
        assert_eq!((wait, counted), (Duration::from_secs(30), true));
        let absurd = POLICY.decide(trial(1), reason, Some(Duration::from_secs(1 << 40)));
        assert_eq!(
            absurd,
            Verdict::RetryAfter {
                wait: POLICY.retry_after_cap,
                counted: true
            }
        );
    }

    #[test]
    fn a_base_above_every_ceiling_is_cut_to_it() {
        let slow = RetryPolicy {
            base: Duration::from_mins(10),
            ..POLICY
        };
        assert_eq!(
            slow.decide(trial(1), FailureReason::SourceNotReady, None),
            Verdict::RetryAfter {
                wait: LONGEST_READY_WAIT,
                counted: false
            }
        );
    }

    #[test]
    fn not_ready_is_not_counted_until_its_budget_is_used_up() {
        let mut trial = trial(5);
        let reason = FailureReason::SourceNotReady;
        assert!(matches!(
            POLICY.decide(trial, reason, None),
            Verdict::RetryAfter { counted: false, .. }
        ));
        trial.waited = POLICY.not_ready_budget;
        assert_eq!(POLICY.decide(trial, reason, None), Verdict::Final);
    }
}
