//! What `/metrics` shows, by name. What to do about it is in
//! `docs/operations.md`, which has the same names.
//!
//! Each counter is made at zero by whoever counts it: a rate over a series
//! that begins with its first event does not see that event.

use metrics::{counter, describe_counter, describe_gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::sync::OnceLock;

const GAUGES: &[(&str, &str)] = &[
    (
        "attachments_due_work",
        "Attempts that may be claimed now, counted up to 10,000; all replicas show the same",
    ),
    (
        "attachments_oldest_due_seconds",
        "For how long the oldest of them has been due; all replicas show the same",
    ),
    (
        "attachments_running_attempts",
        "Attempts that hold their lease; all replicas show the same",
    ),
    (
        "attachments_due_removals",
        "Objects that may be removed now, counted up to 10,000; all replicas show the same",
    ),
    (
        "attachments_oldest_removal_seconds",
        "For how long the oldest of them has been due; all replicas show the same",
    ),
    (
        "attachments_failing_removals",
        "Objects whose removal was tried five times or more; all replicas show the same",
    ),
    (
        "attachments_sweep_age_seconds",
        "Since when this replica has made no whole pass of the sweeper",
    ),
    (
        "attachments_storage_outage",
        "1 while this worker holds the store to be unavailable",
    ),
    (
        "attachments_spool_taken_bytes",
        "Bytes of this worker's spool disk that are taken",
    ),
    (
        "attachments_watch_streams",
        "Streams of status changes that are open at this replica",
    ),
    (
        "attachments_watch_lag_seconds",
        "For how long the oldest change that this replica's watchers were not told has been there",
    ),
];

const COUNTERS: &[(&str, &str)] = &[
    ("attachments_swept_total", "What the sweeper did"),
    ("attachments_attempts_total", "Attempts that ended"),
    (
        "attachments_spool_failures_total",
        "Writes to this worker's spool disk that failed",
    ),
    (
        "attachments_credential_circuits_opened_total",
        "Credentials that this worker found refused, or told to slow down",
    ),
    (
        "attachments_damaged_reads_total",
        "Reads that met a stored object which is gone or not whole",
    ),
    (
        "attachments_log_lines_dropped_total",
        "Log lines that nobody took in time",
    ),
];

/// The process's metrics; installed by the first who asks.
pub fn metrics() -> PrometheusHandle {
    static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();
    METRICS.get_or_init(install).clone()
}

fn install() -> PrometheusHandle {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    // Somebody else's recorder stays; ours then shows nothing.
    let _ = metrics::set_global_recorder(recorder);
    for (name, help) in GAUGES {
        describe_gauge!(*name, *help);
    }
    for (name, help) in COUNTERS {
        describe_counter!(*name, *help);
    }
    // Lines can be dropped before there is anybody to count them.
    counter!("attachments_log_lines_dropped_total").absolute(0);
    handle
}
