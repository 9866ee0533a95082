//! One body on its way into the spool: paced, counted and recognised as it
//! comes.

use super::counts;
use super::failure::Failure;
use super::pace::Pace;
use super::spool::{Spool, SpoolError, Spooled};
use crate::attachment::failure::FailureReason;
use crate::attachment::retry::spread;
use crate::attachment::status::Attempt;
use crate::egress::FetchError;
use crate::inspect::{Arrived, Intake};
use crate::telemetry::Chain;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt as _};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// After this an attempt looks whether the disk budget has its share.
const BUDGET_PAUSE: Duration = Duration::from_secs(2);
/// After this an attempt looks whether the disk works again, or another worker's does.
const DISK_PAUSE: Duration = Duration::from_secs(10);

/// A body that is taken in.
pub(super) struct Download<'a> {
    pub(super) attempt: &'a Attempt,
    pub(super) intake: Intake<'a>,
    pub(super) spool: Spool<'a>,
    pub(super) pace: Pace,
}

impl Download<'_> {
    /// Takes all of it, unless the file is refused on the way, which reads no
    /// more than one piece beyond the limit.
    pub(super) async fn take_in(
        &mut self,
        mut body: BoxStream<'static, Result<Bytes, FetchError>>,
    ) -> Result<(), Failure> {
        loop {
            let left = self.pace.left(self.intake.at_most(), Instant::now());
            let Ok(next) = timeout(left, body.next()).await else {
                return Err(too_slow(
                    "longer than its size allows (egress.total_timeout)",
                ));
            };
            let Some(piece) = next.transpose()? else {
                return Ok(());
            };
            self.intake.push(&piece)?;
            if !self.pace.keeps_up(self.received_bytes(), Instant::now()) {
                return Err(too_slow(
                    "slower than the floor (egress.min_bytes_per_second)",
                ));
            }
            let pushed = self.spool.push(&piece).await;
            pushed.map_err(|error| spool_failed(&error, self.attempt))?;
        }
    }

    /// Bytes that came so far.
    pub(super) fn received_bytes(&self) -> u64 {
        self.intake.size_bytes()
    }

    /// Ends with the last byte.
    pub(super) async fn finish(self) -> Result<(Arrived, Spooled), Failure> {
        let arrived = self.intake.finish()?;
        let spooled = self.spool.finish().await;
        let spooled = spooled.map_err(|error| spool_failed(&error, self.attempt))?;
        Ok((arrived, spooled))
    }
}

fn too_slow(detail: &'static str) -> Failure {
    Failure::counted(FailureReason::SourceTimeout, detail)
}

/// A disk that others have, or that fails, is no fault of the file's.
fn spool_failed(error: &SpoolError, attempt: &Attempt) -> Failure {
    let pause = match error {
        SpoolError::Full => BUDGET_PAUSE,
        SpoolError::Disk(cause) => {
            counts::spool_failed();
            tracing::error!(error = %Chain(cause), "the spool failed");
            DISK_PAUSE
        }
    };
    let wait = spread(pause, attempt.attachment.id, attempt.fence);
    Failure::not_counted(FailureReason::StorageUnavailable, error.to_string(), wait)
}
