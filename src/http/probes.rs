//! `/livez`, `/readyz` and `/metrics`, on a listener that is not for the public.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// What is known of one thing that the service needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It was tried and works.
    Ok,
    /// It was tried and does not work.
    Unavailable,
    /// It could not be tried, for what it needs itself does not work.
    Unknown,
}

/// Whether a process should be given work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Everything works.
    Ok,
    /// Something does not that no other replica has either: whoever calls is
    /// told more by this process than by a load balancer without any.
    Degraded,
    /// Others will do better.
    Unavailable,
}

/// What a probe is told.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The whole of it.
    pub verdict: Verdict,
    /// Each thing by name.
    pub checks: Vec<(&'static str, Condition)>,
}

/// What the admin listener shows; each is asked at every request, and answers
/// at once.
pub struct Probes {
    /// Whether the process should be given work.
    pub readiness: Box<dyn Fn() -> Answer + Send + Sync>,
    /// Whether only a restart would mend it.
    pub liveness: Box<dyn Fn() -> Answer + Send + Sync>,
    /// Gives the metrics as they are now.
    pub metrics: Box<dyn Fn() -> String + Send + Sync>,
}

/// The admin listener's routes.
pub(super) fn router(probes: Probes) -> axum::Router {
    axum::Router::new()
        .route(
            "/livez",
            get(async |State(probes): State<Arc<Probes>>| (probes.liveness)()),
        )
        .route(
            "/readyz",
            get(async |State(probes): State<Arc<Probes>>| (probes.readiness)()),
        )
        .route(
            "/metrics",
            get(async |State(probes): State<Arc<Probes>>| (probes.metrics)()),
        )
        .with_state(Arc::new(probes))
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let checks: Map<String, Value> = (self.checks.into_iter())
            .map(|(name, condition)| (name.to_owned(), condition.as_str().into()))
            .collect();
        let (code, status) = match self.verdict {
            Verdict::Ok => (StatusCode::OK, "ok"),
            Verdict::Degraded => (StatusCode::OK, "degraded"),
            Verdict::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        };
        let ok = code == StatusCode::OK;
        let body = json!({ "ok": ok, "status": status, "checks": checks });
        (code, Json(body)).into_response()
    }
}

impl Condition {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unavailable => "unavailable",
            Self::Unknown => "unknown",
        }
    }
}
