//! `/livez`, `/readyz` and `/metrics`, on a listener that is not for the public.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use futures::future::BoxFuture;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;

/// A dependency that does not answer in this time counts as away.
const PATIENCE: Duration = Duration::from_secs(2);

/// One thing that is looked at.
pub struct Probe {
    /// Its name in the answer.
    pub name: &'static str,
    /// Whether the service is of no use without it. Registration needs the
    /// database and nothing else, so a store that is away must not take the
    /// webhook path out of the load balancer.
    pub required: bool,
    /// Looks at it; false is away.
    pub check: Box<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>,
}

/// What the admin listener shows.
pub struct Probes {
    /// What readiness looks at.
    pub readiness: Vec<Probe>,
    /// What liveness looks at: things that only a restart mends.
    pub liveness: Vec<Probe>,
    /// Gives the metrics as they are now.
    pub metrics: Box<dyn Fn() -> String + Send + Sync>,
}

/// The admin listener's routes.
pub(super) fn router(probes: Probes) -> axum::Router {
    axum::Router::new()
        .route(
            "/livez",
            get(async |State(probes): State<Arc<Probes>>| answer(&probes.liveness).await),
        )
        .route(
            "/readyz",
            get(async |State(probes): State<Arc<Probes>>| answer(&probes.readiness).await),
        )
        .route(
            "/metrics",
            get(async |State(probes): State<Arc<Probes>>| (probes.metrics)()),
        )
        .with_state(Arc::new(probes))
}

async fn answer(probes: &[Probe]) -> Response {
    let mut checks = Map::new();
    let mut ok = true;
    for probe in probes {
        let well = tokio::time::timeout(PATIENCE, (probe.check)())
            .await
            .unwrap_or(false);
        checks.insert(
            probe.name.to_owned(),
            Value::from(if well { "ok" } else { "unavailable" }),
        );
        ok &= well || !probe.required;
    }
    let status = if ok {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(json!({ "ok": ok, "checks": checks }))).into_response()
}
