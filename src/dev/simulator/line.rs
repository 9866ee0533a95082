//! LINE's content API, as <https://developers.line.biz/en/reference/messaging-api/#get-content> has it.

use super::answer::{Host, Payload, play, refusal};
use super::fixtures::Fixture;
use super::media::{Media, Transcoding};
use super::script::Step;
use super::state::Shared;
use super::tokens::{Provider, bearer};
use axum::extract::{Path, State};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::json;
use std::sync::Arc;
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-line-request-id");

/// The routes under `/line`.
pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/v2/bot/message/{id}/content", get(content))
        .route("/v2/bot/message/{id}/content/transcoding", get(transcoding))
        .route("/v2/bot/message/{id}/content/preview", get(preview))
        .fallback(async || refusal(Host::LineContent, StatusCode::NOT_FOUND))
        .layer(map_response(with_request_id))
}

/// LINE puts an id on every answer and asks for it in support.
async fn with_request_id(mut response: Response) -> Response {
    if let Ok(id) = HeaderValue::from_str(&Uuid::now_v7().to_string()) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

async fn content(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let (step, payload) = with_media(&shared, &id, &headers, |media| {
        let payload = Payload {
            bytes: media.bytes.clone(),
            content_type: media.content_type.clone(),
        };
        let step = media.script.advance();
        shared.played(&id, media);
        Ok((step, payload))
    })?;
    // The content API has no sign-in page; the step leads to the console's.
    Ok(play(step, payload, Host::LineContent, "https://access.line.me/").await)
}

async fn transcoding(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let status = with_media(&shared, &id, &headers, |media| {
        still_there(media)?;
        if !is(media, "video/") && !is(media, "audio/") {
            return Err(Refused::BadRequest(
                "Transcoding status doesn't support this type of content",
            ));
        }
        Ok(media
            .transcoding
            .unwrap_or_else(|| match media.script.peek() {
                Step::Status {
                    code: StatusCode::ACCEPTED,
                    ..
                } => Transcoding::Processing,
                _ => Transcoding::Succeeded,
            }))
    })?;
    Ok(Json(json!({ "status": status })).into_response())
}

/// A smaller picture of an image or a video: always the same one here.
async fn preview(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    with_media(&shared, &id, &headers, |media| {
        still_there(media)?;
        if is(media, "image/") || is(media, "video/") {
            Ok(())
        } else {
            Err(Refused::BadRequest("The content can not be previewed"))
        }
    })?;
    let picture = Fixture::Jpeg;
    Ok(([(CONTENT_TYPE, picture.content_type())], picture.bytes()).into_response())
}

/// Why a call is not answered with content.
enum Refused {
    Status(StatusCode),
    BadRequest(&'static str),
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Status(code) => refusal(Host::LineContent, code),
            Self::BadRequest(message) => {
                (StatusCode::BAD_REQUEST, Json(json!({ "message": message }))).into_response()
            }
        }
    }
}

/// Checks the token, then hands the message's media to `take`.
///
/// Another channel's token answers 404: what LINE does is not documented, and
/// a script's `403` gives the other reading.
fn with_media<T>(
    shared: &Shared,
    id: &str,
    headers: &HeaderMap,
    take: impl FnOnce(&mut Media) -> Result<T, Refused>,
) -> Result<T, Refused> {
    let unauthorized = Refused::Status(StatusCode::UNAUTHORIZED);
    let not_found = Refused::Status(StatusCode::NOT_FOUND);
    let mut tables = shared.tables();
    let Some(token) = bearer(headers) else {
        return Err(unauthorized);
    };
    match tables.tokens.get(token) {
        Some(grant) if grant.provider == Provider::Line && !grant.revoked => {}
        _ => return Err(unauthorized),
    }
    match tables.line.get_mut(id) {
        Some(media) if media.admits(token) => take(media),
        _ => Err(not_found),
    }
}

/// A message that is unknown or unsent for one call is so for all.
fn still_there(media: &Media) -> Result<(), Refused> {
    match media.script.peek() {
        Step::Status {
            code: code @ (StatusCode::NOT_FOUND | StatusCode::GONE),
            ..
        } => Err(Refused::Status(code)),
        _ => Ok(()),
    }
}

fn is(media: &Media, family: &str) -> bool {
    media.content_type.as_bytes().starts_with(family.as_bytes())
}
