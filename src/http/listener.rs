//! The admin listener, from start to the very end.

use super::probes::{Probes, router};
use crate::telemetry::Chain;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// How long a slow reader of an answer is waited for at the end.
const PATIENCE: Duration = Duration::from_secs(1);

/// Serves probes and metrics until it is stopped, which is meant to be last:
/// so probes see the drain, and metrics its outcome.
pub struct AdminListener {
    stop: CancellationToken,
    serving: AbortOnDropHandle<()>,
}

impl AdminListener {
    /// Serves on `listener`.
    #[must_use]
    pub fn start(listener: TcpListener, probes: Probes) -> Self {
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let serving = tokio::spawn(async move {
            let served = axum::serve(listener, router(probes))
                .with_graceful_shutdown(stopped)
                .await;
            if let Err(error) = served {
                tracing::error!(error = %Chain(&error), "the admin listener ended");
            }
        });
        Self {
            stop,
            serving: AbortOnDropHandle::new(serving),
        }
    }

    /// Answers what was asked, and ends.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = tokio::time::timeout(PATIENCE, self.serving).await;
    }
}
