//! The control API: puts files and tokens in place and reads the journal, by
//! hand or from another process. `docs/simulator.md` shows each call.
//!
//! Bodies are JSON whatever `Content-Type` says, so that a bare `curl -d`
//! works; what is wrong with one is answered as 400 `{"error": "..."}`.

mod request;

use super::script::GRAMMAR;
use super::state::Shared;
use super::tokens::Grant;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use bytes::Bytes;
use http::StatusCode;
use request::{InvalidRequest, LineMessageRequest, SlackFileRequest};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The routes under `/control`.
pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/", get(help))
        .route("/line/messages/{id}", put(put_line_message))
        .route("/slack/files/{id}", put(put_slack_file))
        .route("/tokens/{token}", put(put_token))
        .route("/messages", get(messages))
        .route("/journal", get(journal).delete(clear_journal))
        .route("/forbidden", get(forbidden))
        .fallback(async || {
            (
                StatusCode::NOT_FOUND,
                Json(json!({ "error": "no such call; GET /control lists them" })),
            )
        })
        .layer(DefaultBodyLimit::disable())
}

async fn help() -> String {
    format!(
        "Simulated LINE and Slack. One step of a file's script answers one request; the last one repeats.\n\n\
         PUT    /control/line/messages/{{id}}  {{fixture|content_base64, size, content_type, channel_token, transcoding, script}}\n\
         PUT    /control/slack/files/{{id}}    the same and {{team_id, name, mimetype, filetype, mode, file_access,\n\
         \x20                                     declared_size, info_error, info_script}}\n\
         PUT    /control/tokens/{{token}}      {{provider: line|slack, scopes, revoked}}\n\
         GET    /control/messages            what is there\n\
         GET    /control/journal             requests to the providers, ?path_prefix=/line\n\
         DELETE /control/journal\n\
         GET    /control/forbidden           the address nobody may call, and how often somebody did\n\n\
         Steps: {GRAMMAR}\n"
    )
}

async fn put_line_message(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, InvalidRequest> {
    let media = request::parse::<LineMessageRequest>(&body)?.into_media()?;
    let answer = json!({
        "url": shared.url(&format!("/line/v2/bot/message/{id}/content")),
        "size_bytes": media.size_bytes(),
        "checksum_sha256": media.checksum_sha256(),
    });
    shared.put_line(id, media);
    Ok(Json(answer))
}

/// Answers with the file as an event would carry it, for a gateway's tests.
async fn put_slack_file(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, InvalidRequest> {
    let file = request::parse::<SlackFileRequest>(&body)?.into_file(&id)?;
    let slack_url = shared.url("/slack");
    let answer = json!({
        "url_private_download": file.url_private_download(&slack_url, &id),
        "size_bytes": file.media.size_bytes(),
        "checksum_sha256": file.media.checksum_sha256(),
        "event_file": file.event_object(&slack_url, &id),
    });
    shared.put_slack(id, file);
    Ok(Json(answer))
}

async fn put_token(
    State(shared): State<Arc<Shared>>,
    Path(token): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, InvalidRequest> {
    let grant: Grant = request::parse(&body)?;
    let answer =
        json!({ "provider": grant.provider, "scopes": grant.scopes, "revoked": grant.revoked });
    shared.put_token(token, grant);
    Ok(Json(answer))
}

async fn messages(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let tables = shared.tables();
    let describe = |media: &super::Media| {
        json!({
            "content_type": media.content_type.to_str().unwrap_or_default(),
            "size_bytes": media.size_bytes(),
            "requests": media.script.played(),
        })
    };
    let line: serde_json::Map<_, _> = tables
        .line
        .iter()
        .map(|(id, media)| (id.clone(), describe(media)))
        .collect();
    let slack: serde_json::Map<_, _> = tables
        .slack
        .iter()
        .map(|(id, file)| (id.clone(), describe(&file.media)))
        .collect();
    Json(json!({ "line": line, "slack": slack }))
}

#[derive(Deserialize)]
struct JournalFilter {
    #[serde(default)]
    path_prefix: String,
}

async fn journal(
    State(shared): State<Arc<Shared>>,
    Query(filter): Query<JournalFilter>,
) -> Response {
    let entries = shared
        .journal
        .entries(|path| path.starts_with(&filter.path_prefix));
    Json(entries).into_response()
}

async fn clear_journal(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.journal.clear();
    StatusCode::NO_CONTENT
}

async fn forbidden(State(shared): State<Arc<Shared>>) -> Json<Value> {
    Json(json!({ "address": shared.forbidden_address, "hits": shared.forbidden_hits() }))
}

impl IntoResponse for InvalidRequest {
    fn into_response(self) -> Response {
        (
            StatusCode::BAD_REQUEST,
            Json(json!({ "error": self.to_string() })),
        )
            .into_response()
    }
}
