//! The HTTP side: webhooks in, recorded messages out.
//!
//! A webhook is answered 200 once its messages are recorded, whatever the
//! attachment service does, and within the budget. Only when they could not
//! be recorded is it 503, so that the provider delivers again.

use super::delivery::Delivery;
use super::event::{Event, Malformed};
use super::messages::Messages;
use super::signature::{BadSignature, LineVerifier, SlackVerifier};
use super::slack::Posted;
use super::{line, slack};
use crate::db::DbError;
use crate::ids::{ChannelId, InvalidName};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Bytes of a webhook body.
const BODY_MAX: usize = 1024 * 1024;

/// What the handlers need.
pub(super) struct Webhooks {
    pub(super) line: LineVerifier,
    pub(super) slack: SlackVerifier,
    pub(super) messages: Messages,
    pub(super) delivery: Delivery,
    pub(super) budget: Duration,
}

/// The routes.
pub(super) fn router(webhooks: Webhooks) -> Router {
    Router::new()
        .route("/webhooks/line/{channel_id}", post(line_webhook))
        .route("/webhooks/slack/{channel_id}", post(slack_webhook))
        .route("/messages/{message_id}", get(message))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(Arc::new(webhooks))
}

async fn line_webhook(
    State(webhooks): State<Arc<Webhooks>>,
    Path(channel): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    webhooks.line.verify(&headers, &body)?;
    let channel = channel.parse()?;
    let events = line::parse(&channel, &body)?;
    webhooks.accept(&channel, &events).await?;
    Ok(StatusCode::OK)
}

async fn slack_webhook(
    State(webhooks): State<Arc<Webhooks>>,
    Path(channel): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    webhooks.slack.verify(&headers, &body)?;
    let channel = channel.parse()?;
    match slack::parse(&channel, &body)? {
        Posted::Challenge(challenge) => Ok(Json(json!({"challenge": challenge})).into_response()),
        Posted::Event(event) => {
            webhooks.accept(&channel, event.as_slice()).await?;
            Ok(StatusCode::OK.into_response())
        }
    }
}

async fn message(
    State(webhooks): State<Arc<Webhooks>>,
    Path(message_id): Path<String>,
) -> Result<Response, Refusal> {
    Ok(match webhooks.messages.find(&message_id).await? {
        Some(found) => Json(found).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    })
}

impl Webhooks {
    /// Records first, then tries the calls for what is left of the budget.
    async fn accept(&self, channel: &ChannelId, events: &[Event]) -> Result<(), Refusal> {
        if events.is_empty() {
            return Ok(());
        }
        let deadline = Instant::now() + self.budget;
        let calls = timeout_at(deadline, self.messages.record(channel, events))
            .await
            .map_err(|_| Refusal::TooSlow)??;
        tracing::info!(channel.id = %channel, events = events.len(), calls = calls.len(),
            "webhook recorded");
        if calls.is_empty() {
            return Ok(());
        }
        match timeout_at(deadline, self.delivery.deliver(calls)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "calls put off");
            }
            Err(_) => tracing::warn!("the service is slow, calls put off"),
        }
        Ok(())
    }
}

/// Why there is no 200. The answer has no body: who may know finds it in the
/// log.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Unsigned(#[from] BadSignature),
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("the channel id in the path is not valid")]
    Channel(#[from] InvalidName),
    #[error("recording took longer than the budget")]
    TooSlow,
    #[error(transparent)]
    Database(#[from] DbError),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::Unsigned(_) => StatusCode::UNAUTHORIZED,
            Self::Malformed(_) | Self::Channel(_) => StatusCode::BAD_REQUEST,
            Self::TooSlow | Self::Database(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        tracing::warn!(error = &self as &dyn std::error::Error, %status, "request refused");
        status.into_response()
    }
}
