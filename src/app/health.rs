//! What the process says of itself: to probes, to Prometheus and over gRPC.

use crate::blob::Bucket;
use crate::db::Db;
use crate::http::{Probe, Probes};
use crate::sweep::Sweeper;
use metrics_exporter_prometheus::PrometheusHandle;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

/// How often gRPC health follows the database.
const INTERVAL: Duration = Duration::from_secs(2);

/// What `/readyz`, `/livez` and `/metrics` ask.
pub(super) fn probes(
    db: &Db,
    bucket: &Bucket,
    sweeper: &Sweeper,
    metrics: PrometheusHandle,
    stop: &CancellationToken,
) -> Probes {
    let (db, bucket, stop) = (db.clone(), bucket.clone(), stop.clone());
    let (alive, aged) = (sweeper.clone(), sweeper.clone());
    Probes {
        readiness: vec![
            // Unavailable while the process drains.
            Probe {
                name: "accepting",
                required: true,
                check: Box::new(move || {
                    let accepting = !stop.is_cancelled();
                    Box::pin(async move { accepting })
                }),
            },
            Probe {
                name: "database",
                required: true,
                check: Box::new(move || {
                    let db = db.clone();
                    Box::pin(async move { db.check().await.is_ok() })
                }),
            },
            Probe {
                name: "object_storage",
                required: false,
                check: Box::new(move || {
                    let bucket = bucket.clone();
                    Box::pin(async move { bucket.check().await.is_ok() })
                }),
            },
        ],
        liveness: vec![Probe {
            name: "sweeper",
            required: true,
            check: Box::new(move || {
                let alive = alive.is_alive();
                Box::pin(async move { alive })
            }),
        }],
        metrics: Box::new(move || {
            aged.show_age();
            metrics.render()
        }),
    }
}

/// tonic says SERVING until it is told otherwise.
pub(super) async fn nobody_has_looked(reporter: &HealthReporter) {
    tell(reporter, ServingStatus::NotServing).await;
}

/// gRPC health says what registration needs: the database.
pub(super) async fn follow_database(reporter: HealthReporter, db: Db, stop: CancellationToken) {
    loop {
        let status = if db.check().await.is_ok() {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        tell(&reporter, status).await;
        tokio::select! {
            () = stop.cancelled() => break,
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
