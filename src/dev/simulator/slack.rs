//! Slack's Web API (`files.info`, `auth.test`) and its file host.
//!
//! The Web API answers 200 also to errors. The file host answers 200 with the
//! sign-in page to whoever may not read the file; nothing of that is
//! documented, all of it is observed by many.

use super::answer::{Host, Payload, html_sign_in_page, json_payload, play, refusal};
use super::state::Shared;
use super::tokens::{FILES_READ, Grant, Provider, bearer};
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::middleware::map_response;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// The routes under `/slack`.
pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/files.info", get(files_info).post(files_info))
        .route("/api/auth.test", get(auth_test).post(auth_test))
        .route("/files-pri/{key}/download/{name}", get(download))
        .route("/files-pri/{key}/{name}", get(download))
        .route("/signin", get(async || html_sign_in_page()))
        .fallback(async || refusal(Host::SlackFiles, StatusCode::NOT_FOUND))
        .layer(map_response(with_request_id))
}

async fn with_request_id(mut response: Response) -> Response {
    if let Ok(id) = HeaderValue::from_str(&Uuid::now_v7().simple().to_string()) {
        response
            .headers_mut()
            .insert(HeaderName::from_static("x-slack-req-id"), id);
    }
    response
}

#[derive(Deserialize)]
struct FileArgument {
    file: String,
}

/// `file` comes in the query or in a form body.
async fn files_info(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
    form: String,
) -> Response {
    let mut grant = match authenticate(&shared, &headers) {
        Ok(grant) => grant,
        Err(error) => return api_error(error, None),
    };
    if !grant.reads_files() {
        return api_error("missing_scope", Some(&grant));
    }
    let Some(id) = file_argument(&uri, &form) else {
        return api_error("invalid_arguments", Some(&grant));
    };
    let slack_url = shared.url("/slack");
    let (step, document) = {
        let mut tables = shared.tables();
        let Some(file) = tables.slack.get_mut(&id) else {
            return api_error("file_not_found", Some(&grant));
        };
        let document = match file.effective_info_error() {
            Some(error) => {
                if error == "missing_scope" {
                    grant.scopes.retain(|scope| scope != FILES_READ);
                }
                error_document(error, &grant)
            }
            None => {
                json!({ "ok": true, "file": file.info_object(&slack_url, &id), "comments": [], "response_metadata": { "next_cursor": "" } })
            }
        };
        let step = file.info_script.advance();
        shared.played(&id, file);
        (step, document)
    };
    let response = play(step, json_payload(&document), Host::SlackApi, "").await;
    with_scopes(response, &grant)
}

async fn auth_test(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    match authenticate(&shared, &headers) {
        Ok(grant) => {
            let document = json!({
                "ok": true, "url": shared.url("/slack/"), "team": "Simulator", "user": "bot",
                "team_id": super::TEAM_ID, "user_id": "U0SIMULATOR", "bot_id": "B0SIMULATOR",
            });
            api_answer(&document, Some(&grant))
        }
        Err(error) => api_error(error, None),
    }
}

async fn download(
    State(shared): State<Arc<Shared>>,
    Path(path): Path<Vec<(String, String)>>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let key = path.first().map_or("", |(_, key)| key.as_str());
    let (team, id) = key.split_once('-').unwrap_or_default();
    let (step, payload) = {
        let mut tables = shared.tables();
        let token = bearer(&headers).unwrap_or_default();
        let reads_files = tables
            .tokens
            .get(token)
            .is_some_and(|grant| good(grant) && grant.reads_files());
        if !reads_files {
            return html_sign_in_page();
        }
        match tables.slack.get_mut(id) {
            Some(file) if file.team_id == team && file.media.admits(token) => {
                let payload = Payload {
                    bytes: file.media.bytes.clone(),
                    content_type: file.media.content_type.clone(),
                };
                let step = file.media.script.advance();
                shared.played(id, file);
                (step, payload)
            }
            // To another workspace's token this is a page it has no session for.
            Some(file) if file.team_id == team => return html_sign_in_page(),
            _ => return refusal(Host::SlackFiles, StatusCode::NOT_FOUND),
        }
    };
    // Stands for `https://TEAM.slack.com/?redir=%2Ffiles-pri%2F...`.
    let target = uri.path().replace('/', "%2F");
    let sign_in_url = shared.url(&format!("/slack/signin?redir={target}"));
    play(step, payload, Host::SlackFiles, &sign_in_url).await
}

/// The token's grant, or Slack's word for what is wrong with it.
fn authenticate(shared: &Shared, headers: &HeaderMap) -> Result<Grant, &'static str> {
    let token = bearer(headers).ok_or("not_authed")?;
    match shared.tables().tokens.get(token) {
        Some(grant) if good(grant) => Ok(grant.clone()),
        Some(grant) if grant.provider == Provider::Slack => Err("token_revoked"),
        _ => Err("invalid_auth"),
    }
}

fn good(grant: &Grant) -> bool {
    grant.provider == Provider::Slack && !grant.revoked
}

fn file_argument(uri: &Uri, form: &str) -> Option<String> {
    let from_query = |uri: &Uri| Query::<FileArgument>::try_from_uri(uri).ok();
    let found = from_query(uri).or_else(|| from_query(&format!("/?{form}").parse().ok()?))?;
    Some(found.0.file)
}

fn api_error(error: &str, grant: Option<&Grant>) -> Response {
    let nobody = Grant::slack(&[]);
    api_answer(&error_document(error, grant.unwrap_or(&nobody)), grant)
}

/// `missing_scope` says which one, and which there are.
fn error_document(error: &str, grant: &Grant) -> Value {
    if error == "missing_scope" {
        return json!({ "ok": false, "error": error, "needed": FILES_READ, "provided": grant.scopes.join(",") });
    }
    json!({ "ok": false, "error": error })
}

fn api_answer(document: &Value, grant: Option<&Grant>) -> Response {
    let Payload {
        bytes,
        content_type,
    } = json_payload(document);
    let response = ([(http::header::CONTENT_TYPE, content_type)], bytes).into_response();
    match grant {
        Some(grant) => with_scopes(response, grant),
        None => response,
    }
}

/// The scopes the token has, and those the method wants.
fn with_scopes(mut response: Response, grant: &Grant) -> Response {
    let headers = response.headers_mut();
    if let Ok(scopes) = HeaderValue::from_str(&grant.scopes.join(",")) {
        headers.insert(HeaderName::from_static("x-oauth-scopes"), scopes);
    }
    headers.insert(
        HeaderName::from_static("x-accepted-oauth-scopes"),
        HeaderValue::from_static(FILES_READ),
    );
    response
}
