//! What this process counts of its attempts. Labels are reasons: whose file or
//! whose credential it was does not belong into a metric.

use crate::attachment::failure::FailureReason;
use metrics::{Counter, counter};

/// What opens a credential's circuit.
const OPENING: &[FailureReason] = &[
    FailureReason::SourceAuthFailed,
    FailureReason::SourceScopeMissing,
    FailureReason::SourceRateLimited,
];

/// Makes every series, so that the first event of each is a change.
pub(super) fn begin() {
    attempts("stored", "").increment(0);
    for reason in FailureReason::ALL {
        attempts("retry", reason.as_str()).increment(0);
        attempts("ended", reason.as_str()).increment(0);
    }
    for reason in OPENING {
        circuits(*reason).increment(0);
    }
    spool_failures().increment(0);
}

pub(super) fn attempt_ended(outcome: &'static str, reason: &'static str) {
    attempts(outcome, reason).increment(1);
}

pub(super) fn circuit_opened(reason: FailureReason) {
    circuits(reason).increment(1);
}

pub(super) fn spool_failed() {
    spool_failures().increment(1);
}

fn attempts(outcome: &'static str, reason: &'static str) -> Counter {
    counter!("attachments_attempts_total", "outcome" => outcome, "reason" => reason)
}

fn circuits(reason: FailureReason) -> Counter {
    counter!("attachments_credential_circuits_opened_total", "reason" => reason.as_str())
}

fn spool_failures() -> Counter {
    counter!("attachments_spool_failures_total")
}
