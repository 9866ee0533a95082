//! What is recorded, worked on, swept, and by which rules.

use crate::attachment::media::MediaType;
use crate::attachment::media_limits::MediaLimits;
use crate::attachment::retry::RetryPolicy;
use crate::config::fault::Fault;
use crate::config::sections::Config;
use crate::db::Gathering;
use crate::{content, ingest, queue, register, sweep};
use std::time::Duration;

/// Registrations that one statement writes.
const BATCH: usize = 256;
/// Statements at the same time.
const FLUSHERS: usize = 2;
/// Nobody waits for content as they do for a file: while there is none to make,
/// it is looked for less often, or a replica at rest would ask twice as much.
const CONTENT_POLLS: u32 = 20;
/// Files that content is made of are held in memory meanwhile, and a child of
/// the sandbox has room for no more.
const LARGEST_CONTENT: u64 = 64 * 1024 * 1024;

impl Config {
    /// What the queue needs.
    #[must_use]
    pub fn queue_settings(&self) -> queue::Settings {
        queue::Settings {
            concurrency: self.limits.ingest_concurrency,
            tenant_concurrency: self.limits.tenant_concurrency,
            lease: self.retry.lease.0,
            poll_interval: self.retry.poll_interval.0,
            grace: self.server.grace.0,
            orphaned_after: self.retention.orphaned_after.0,
        }
    }

    /// The queue of content: slots of its own, whatever the downloads take.
    #[must_use]
    pub fn content_queue_settings(&self) -> queue::Settings {
        queue::Settings {
            // Where none is made the queue has no worker.
            concurrency: self.limits.content_concurrency.max(1),
            tenant_concurrency: self.limits.content_concurrency.div_ceil(2).max(1),
            poll_interval: self.retry.poll_interval.0 * CONTENT_POLLS,
            ..self.queue_settings()
        }
    }

    pub(super) fn register_settings(&self, limits: MediaLimits) -> register::Settings {
        register::Settings {
            limits,
            max_attempts: self.retry.max_attempts,
            patience: self.database.patience.0,
            recorder: register::RecorderSettings {
                gathering: Gathering {
                    flushers: FLUSHERS,
                    batch: BATCH,
                    queue: self.limits.register_queue,
                },
                // Half of what a caller waits: the last try needs time too.
                patience: self.database.patience.0 / 2,
            },
        }
    }

    pub(super) fn ingest_settings(
        &self,
        limits: MediaLimits,
        allowance: ingest::Allowance,
    ) -> ingest::Settings {
        ingest::Settings {
            limits,
            retry: self.retry_policy(),
            floor: ingest::Floor {
                bytes_per_second: self.egress.min_bytes_per_second,
                window: self.egress.min_rate_window.0,
            },
            allowance,
            spool_memory_bytes: self.limits.spool_memory_bytes,
            spool_dir: self
                .limits
                .spool_dir
                .clone()
                .unwrap_or_else(std::env::temp_dir),
            spool_disk_bytes: self.limits.spool_disk_bytes,
            makes_content: self.limits.content_concurrency > 0,
        }
    }

    pub(super) fn sweep_settings(&self) -> sweep::Settings {
        sweep::Settings {
            interval: self.retention.sweep_interval.0,
            hung_after: self.retention.sweep_hung_after.0,
            lost_after: self.retention.lost_after.0,
            remove_again_after: self.retention.remove_again_after.0,
            remembered: sweep::Remembered {
                events: self.retention.events_remembered.0,
                attempts: self.retention.attempts_remembered.0,
                records: self.retention.records_remembered.0,
            },
            uploads_abandoned_after: self.retention.uploads_abandoned_after.0,
        }
    }

    pub(super) fn media_limits(&self, faults: &mut Vec<Fault>) -> Option<MediaLimits> {
        let limits = &self.limits;
        let mut opted_in = Vec::new();
        let mut are_all_known = true;
        for mime in &limits.extra_content_types {
            if let Some(media_type) = MediaType::from_mime(mime) {
                opted_in.push(media_type);
            } else {
                let known = MediaType::OPT_IN.iter().map(|known| known.mime());
                let known: Vec<_> = known.collect();
                let what = format!("{mime:?} must be one of {}", known.join(", "));
                faults.push(Fault::unfit("limits.extra_content_types", what));
                are_all_known = false;
            }
        }
        if !are_all_known {
            return None;
        }
        Some(MediaLimits {
            image_max_bytes: limits.image_max_bytes,
            document_max_bytes: limits.document_max_bytes,
            audio_max_bytes: limits.audio_max_bytes,
            video_max_bytes: limits.video_max_bytes,
            max_files_per_message: limits.max_files_per_message,
            opted_in,
        })
    }

    pub(super) fn content_settings(&self) -> content::Settings {
        content::Settings {
            retry: self.retry_policy(),
            max_bytes: LARGEST_CONTENT,
        }
    }

    fn retry_policy(&self) -> RetryPolicy {
        RetryPolicy {
            base: self.retry.base.0,
            cap: self.retry.cap.0,
            retry_after_cap: self.retry.retry_after_cap.0,
            not_ready_budget: self.retry.not_ready_budget.0,
        }
    }

    /// Numbers that leave nothing to work with.
    pub(super) fn check_work(&self, faults: &mut Vec<Fault>) {
        let shortest = Duration::from_secs(1);
        for (is_right, key, what) in [
            (
                (1..=100).contains(&self.retry.max_attempts),
                "retry.max_attempts",
                "must be 1 to 100",
            ),
            (
                self.retry.lease.0 >= shortest,
                "retry.lease",
                "must be at least 1s",
            ),
            (
                self.retention.uploads_abandoned_after.0 >= shortest,
                "retention.uploads_abandoned_after",
                "must be at least 1s",
            ),
            (
                self.limits.ingest_concurrency > 0,
                "limits.ingest_concurrency",
                "must be at least 1",
            ),
            (
                self.limits.tenant_concurrency > 0,
                "limits.tenant_concurrency",
                "must be at least 1",
            ),
            (
                self.watch.max_streams > 0,
                "watch.max_streams",
                "must be at least 1",
            ),
            (
                self.watch.max_streams_per_tenant > 0,
                "watch.max_streams_per_tenant",
                "must be at least 1",
            ),
        ] {
            if !is_right {
                faults.push(Fault::unfit(key, what));
            }
        }
    }
}
