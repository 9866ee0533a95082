//! What the process needs, and how it says of itself whether it has it: to
//! probes, to Prometheus and over gRPC.

use super::readiness::{Dependency, Finding, Report, Whose};
use crate::blob::Bucket;
use crate::db::Db;
use crate::http::{Answer, Condition, Probes, Verdict};
use crate::sweep::Pulse;
use metrics_exporter_prometheus::PrometheusHandle;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

/// How long gRPC health may go without a look at a report that does not change.
const INTERVAL: Duration = Duration::from_secs(10);

/// Answers, and takes writes.
pub(super) fn database(db: &Db) -> Dependency {
    let (address, db) = (db.address(), db.clone());
    Dependency {
        name: "database",
        whose: Whose::Shared,
        address,
        check: Box::new(move || {
            let db = db.clone();
            Box::pin(async move { db.check().await.into() })
        }),
    }
}

/// The tables are those that this version knows. Of its own: another replica
/// may be of a version whose tables are there.
pub(super) fn migrations(db: &Db) -> Dependency {
    let (address, db) = (db.address(), db.clone());
    Dependency {
        name: "migrations",
        whose: Whose::Own,
        address,
        check: Box::new(move || {
            let db = db.clone();
            Box::pin(async move {
                match db.check_tables().await {
                    Err(error) if error.is_unavailable() => Finding::Unknown,
                    checked => checked.into(),
                }
            })
        }),
    }
}

/// Answers, and has the bucket.
pub(super) fn object_storage(bucket: &Bucket, endpoint: Option<&str>) -> Dependency {
    let bucket = bucket.clone();
    Dependency {
        name: "object_storage",
        whose: Whose::Shared,
        address: endpoint.unwrap_or("AWS").to_owned(),
        check: Box::new(move || {
            let bucket = bucket.clone();
            Box::pin(async move { bucket.check().await.into() })
        }),
    }
}

/// The folder is there and takes a file.
pub(super) fn spool(folder: &Path) -> Dependency {
    let folder = folder.to_owned();
    Dependency {
        name: "spool",
        whose: Whose::Own,
        address: folder.display().to_string(),
        check: Box::new(move || {
            let folder = folder.clone();
            Box::pin(async move {
                let written = tokio::task::spawn_blocking(|| write(folder)).await;
                written.map_err(io::Error::other).flatten().into()
            })
        }),
    }
}

/// As a download does: a file without a name.
#[expect(
    clippy::needless_pass_by_value,
    reason = "it comes from another thread"
)]
fn write(folder: PathBuf) -> io::Result<()> {
    tempfile::tempfile_in(&folder)?.write_all(b"spool")
}

impl<E: std::error::Error + Send + Sync + 'static> From<Result<(), E>> for Finding {
    fn from(checked: Result<(), E>) -> Self {
        checked.map_or_else(|error| Self::Fails(Box::new(error)), |()| Self::Works)
    }
}

/// What `/readyz`, `/livez` and `/metrics` ask.
pub(super) fn probes(
    reports: watch::Receiver<Report>,
    pulse: Pulse,
    metrics: PrometheusHandle,
) -> Probes {
    let alive = pulse.clone();
    Probes {
        readiness: Box::new(move || reports.borrow().answer()),
        liveness: Box::new(move || {
            let (verdict, sweeper) = if alive.is_alive() {
                (Verdict::Ok, Condition::Ok)
            } else {
                (Verdict::Unavailable, Condition::Unavailable)
            };
            Answer {
                verdict,
                checks: vec![("sweeper", sweeper)],
            }
        }),
        metrics: Box::new(move || {
            pulse.show_age();
            metrics.render()
        }),
    }
}

/// tonic says SERVING until it is told otherwise.
pub(super) async fn nobody_has_looked(reporter: &HealthReporter) {
    tell(reporter, ServingStatus::NotServing).await;
}

/// gRPC health says what `/readyz` says.
pub(super) async fn follow(
    reporter: HealthReporter,
    mut reports: watch::Receiver<Report>,
    stop: CancellationToken,
) {
    loop {
        let status = match reports.borrow_and_update().verdict() {
            Verdict::Ok | Verdict::Degraded => ServingStatus::Serving,
            Verdict::Unavailable => ServingStatus::NotServing,
        };
        tell(&reporter, status).await;
        tokio::select! {
            () = stop.cancelled() => break,
            changed = reports.changed() => if changed.is_err() { break },
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
    tell(&reporter, ServingStatus::NotServing).await;
}

/// Of the server as a whole and of each service.
async fn tell(reporter: &HealthReporter, status: ServingStatus) {
    for service in [
        "",
        "attachments.v1.AttachmentService",
        "attachments.v1.AdminService",
    ] {
        reporter.set_service_status(service, status).await;
    }
}
