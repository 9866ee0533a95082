//! `files.info`: what Slack knows of a file, and what its errors mean.

use super::{REQUEST_ID, Settings, refused};
use crate::attachment::failure::FailureReason;
use crate::attachment::source::Method;
use crate::egress::{ChosenBy, Egress, FetchError, Known};
use http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;

/// Asks Slack about a file.
pub(super) async fn get(
    egress: &Egress,
    settings: &Settings,
    file_id: &str,
    credential: &SecretString,
) -> Result<FileInfo, FetchError> {
    let file = ask(egress, settings, file_id, credential).await;
    file.map_err(|failure| failure.by(Method::FileInfo))
}

/// Slack answers 200 even where it refuses.
async fn ask(
    egress: &Egress,
    settings: &Settings,
    file_id: &str,
    credential: &SecretString,
) -> Result<FileInfo, FetchError> {
    let mut url = settings.api_url.clone();
    url.path_segments_mut()
        .map_err(|()| refused("the API's address cannot be read"))?
        .pop_if_empty()
        .push("files.info");
    url.query_pairs_mut().append_pair("file", file_id);
    let reply = egress
        .get(url, ChosenBy::Operator, Some(credential))
        .await?;
    let head = reply.head(REQUEST_ID);
    if reply.status() != StatusCode::OK {
        return Err(reply.failure(head));
    }
    let answer = reply.into_document().await;
    match answer.map_err(|failure| failure.with_head(head.clone()))? {
        InfoAnswer {
            ok: true,
            file: Some(file),
            ..
        } => Ok(file),
        InfoAnswer { error, .. } => Err(info_failure(error.as_deref()).with_head(head)),
    }
}

#[derive(Debug, Deserialize)]
struct InfoAnswer {
    ok: bool,
    file: Option<FileInfo>,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct FileInfo {
    #[serde(default)]
    mode: String,
    name: Option<String>,
    mimetype: Option<String>,
    size: Option<u64>,
    url_private_download: Option<String>,
    url_private: Option<String>,
}

impl FileInfo {
    /// What Slack says of the file.
    pub(super) fn known(&self) -> Known {
        Known {
            file_name: self.name.clone(),
            content_type: self.mimetype.clone(),
            size_bytes: self.size,
        }
    }

    /// Whether the file is a page, so that one of this length may be it. The
    /// sign-in page has another length.
    pub(super) fn is_page(&self, length: Option<u64>) -> bool {
        let is_html = self
            .mimetype
            .as_deref()
            .is_some_and(|mime| mime.trim().eq_ignore_ascii_case("text/html"));
        let same = self
            .size
            .zip(length)
            .is_none_or(|(size, length)| size == length);
        is_html && same
    }

    /// Where the bytes lie, or why there are none to be had.
    pub(super) fn download_url(&self) -> Result<String, FetchError> {
        match self.mode.as_str() {
            "tombstone" => Err(FetchError::new(
                FailureReason::SourceDeleted,
                "Slack says the file was deleted",
            )),
            "external" => Err(FetchError::new(
                FailureReason::ExternalFile,
                "Slack says the file lies elsewhere",
            )),
            "hidden_by_limit" => Err(FetchError::new(
                FailureReason::SourcePlanLimit,
                "Slack hides the file behind its plan's limit",
            )),
            _ => self
                .url_private_download
                .clone()
                .or_else(|| self.url_private.clone())
                .ok_or_else(|| {
                    FetchError::new(FailureReason::SourceNotReady, "Slack gives no address yet")
                }),
        }
    }
}

/// What an error of `files.info` means. [Slack, "files.info"]
fn info_failure(error: Option<&str>) -> FetchError {
    let (reason, detail) = match error.unwrap_or_default() {
        "missing_scope" => (
            FailureReason::SourceScopeMissing,
            "the token lacks the scope files:read",
        ),
        "invalid_auth"
        | "not_authed"
        | "token_expired"
        | "token_revoked"
        | "account_inactive"
        | "not_allowed_token_type" => (FailureReason::SourceAuthFailed, "Slack refused the token"),
        "access_denied" | "not_visible" | "no_permission" | "ekm_access_denied"
        | "org_login_required" | "team_added_to_org" => {
            (FailureReason::SourceForbidden, "Slack forbids this file")
        }
        "file_not_found" => (FailureReason::SourceNotFound, "Slack knows no such file"),
        "file_deleted" => (
            FailureReason::SourceDeleted,
            "Slack says the file was deleted",
        ),
        "ratelimited" => (FailureReason::SourceRateLimited, "Slack asks to slow down"),
        _ => (FailureReason::SourceUnavailable, "files.info failed"),
    };
    FetchError::new(reason, detail)
}
