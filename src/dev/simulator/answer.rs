//! Turns a step of a script into an HTTP answer.

use super::script::Step;
use super::wire::below;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzEncoder;
use futures::{Stream, StreamExt as _, stream};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::json;
use std::convert::Infallible;
use std::io::Read as _;
use std::time::Duration;

/// The page Slack shows instead of a file, with the marks it is known by.
const SIGN_IN_PAGE: &str = r#"<!DOCTYPE html>
<html lang="en-US" data-primer>
<head><title>Sign in to your workspace | Slack</title>
<link rel="stylesheet" href="https://a.slack-edge.com/bv1-13/signin.css"></head>
<body><form id="signin_form" action="/signin"><input type="hidden" name="redirectURL" value="%2Ffiles-pri%2F"></form></body>
</html>
"#;

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// How much of an endless or chunked body goes out at a time.
const CHUNK: usize = 16 * 1024;

/// What is sent when all is well.
#[derive(Debug, Clone)]
pub(super) struct Payload {
    pub(super) bytes: Bytes,
    pub(super) content_type: HeaderValue,
}

/// Who answers: it decides what an error looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Host {
    /// `api-data.line.me`.
    LineContent,
    /// `slack.com/api`.
    SlackApi,
    /// `files.slack.com`.
    SlackFiles,
}

/// Does one step. `sign_in_url` is where the host would send a client without a session.
pub(super) async fn play(step: Step, payload: Payload, host: Host, sign_in_url: &str) -> Response {
    let Payload {
        bytes,
        content_type,
    } = payload;
    let length = bytes.len();
    let ok = |body: Body| {
        response(
            StatusCode::OK,
            &[(CONTENT_TYPE, content_type.clone())],
            body,
        )
    };
    let sized = |body: Body| {
        let headers = [
            (CONTENT_TYPE, content_type.clone()),
            (CONTENT_LENGTH, length.into()),
        ];
        response(StatusCode::OK, &headers, body)
    };
    match step {
        Step::Ok => ok(bytes.into()),
        Step::Status { code, retry_after } => {
            let mut response = refusal(host, code);
            if let Some(value) = retry_after {
                response.headers_mut().insert(RETRY_AFTER, value);
            }
            response
        }
        Step::Redirect(location) => redirect(location),
        Step::SignIn => {
            HeaderValue::from_str(sign_in_url).map_or_else(|_| sign_in_page(HTML), redirect)
        }
        Step::Html(content_type) => sign_in_page(content_type),
        Step::Gzip => {
            let headers = [
                (CONTENT_TYPE, content_type),
                (CONTENT_ENCODING, HeaderValue::from_static("gzip")),
            ];
            response(StatusCode::OK, &headers, gzip(&bytes).into())
        }
        Step::Chunked => ok(streamed(pieces(bytes, CHUNK))),
        Step::Empty => ok(Body::empty()),
        Step::Endless => {
            let zeros = Bytes::from_static(&[0; CHUNK]);
            ok(streamed(pieces(bytes, CHUNK).chain(stream::repeat(zeros))))
        }
        Step::Hang => std::future::pending().await,
        Step::Stall(after) => {
            let sent = bytes.slice(..below(after.unwrap_or(length / 2), length));
            sized(streamed(pieces(sent, CHUNK).chain(stream::pending())))
        }
        Step::Drip(every) => sized(streamed(
            pieces(bytes, 1).then(move |byte| after(every, byte)),
        )),
        Step::Broken(fault) => {
            let mut response = ok(bytes.into());
            response.extensions_mut().insert(fault);
            response
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut member = Vec::new();
    // Reading from memory cannot fail.
    let _ = GzEncoder::new(bytes, Compression::fast()).read_to_end(&mut member);
    member
}

/// 200 and a JSON document.
pub(super) fn json_payload(document: &serde_json::Value) -> Payload {
    Payload {
        bytes: document.to_string().into(),
        content_type: JSON,
    }
}

/// 200 and the page that asks a person to sign in.
pub(super) fn sign_in_page(content_type: HeaderValue) -> Response {
    response(
        StatusCode::OK,
        &[(CONTENT_TYPE, content_type)],
        SIGN_IN_PAGE.into(),
    )
}

/// [`sign_in_page`] under its usual type.
pub(super) fn html_sign_in_page() -> Response {
    sign_in_page(HTML)
}

/// A status with the body that `host` gives with it.
pub(super) fn refusal(host: Host, code: StatusCode) -> Response {
    // 202 says "not ready", and has "no binary" in LINE's words.
    if code.is_success() || code.is_redirection() {
        return response(code, &[], Body::empty());
    }
    let document = match host {
        Host::LineContent => json!({ "message": line_message(code) }),
        Host::SlackApi => json!({ "ok": false, "error": slack_error(code) }),
        Host::SlackFiles => {
            let page = format!("<!DOCTYPE html><title>{code}</title>\n");
            return response(code, &[(CONTENT_TYPE, HTML)], page.into());
        }
    };
    response(code, &[(CONTENT_TYPE, JSON)], document.to_string().into())
}

/// LINE's words where they are documented (401, 404, 410), else the status's own.
fn line_message(code: StatusCode) -> &'static str {
    match code {
        StatusCode::UNAUTHORIZED => "valid channel access token is not specified",
        StatusCode::NOT_FOUND => "not found",
        StatusCode::GONE => "The content is gone",
        _ => code.canonical_reason().unwrap_or("error"),
    }
}

fn slack_error(code: StatusCode) -> &'static str {
    match code {
        StatusCode::TOO_MANY_REQUESTS => "ratelimited",
        StatusCode::SERVICE_UNAVAILABLE => "service_unavailable",
        _ => "internal_error",
    }
}

fn redirect(location: HeaderValue) -> Response {
    response(StatusCode::FOUND, &[(LOCATION, location)], Body::empty())
}

fn response(status: StatusCode, headers: &[(HeaderName, HeaderValue)], body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().extend(headers.iter().cloned());
    response
}

fn streamed(pieces: impl Stream<Item = Bytes> + Send + 'static) -> Body {
    Body::from_stream(pieces.map(Ok::<_, Infallible>))
}

fn pieces(mut bytes: Bytes, size: usize) -> impl Stream<Item = Bytes> + Send + 'static {
    stream::iter(std::iter::from_fn(move || {
        let piece = bytes.split_to(size.min(bytes.len()));
        (!piece.is_empty()).then_some(piece)
    }))
}

async fn after(wait: Duration, piece: Bytes) -> Bytes {
    tokio::time::sleep(wait).await;
    piece
}
