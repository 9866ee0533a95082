//! LINE's content API. [LINE, "Get content"]
//!
//! 202 means that a file is still being prepared, and comes for every type;
//! for a video or a sound a call of its own tells whether it ever will be.
//! 410 means that its sender took it back; 404 that there is no such message.

use crate::attachment::failure::FailureReason;
use crate::attachment::media::{DeclaredType, MediaKind};
use crate::attachment::source::{LinePart, LineSource};
use crate::egress::{ChosenBy, Egress, FetchError, Fetched, ResponseHead};
use ::url::Url;
use http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;

/// Where LINE is.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Base of the content API, `https://api-data.line.me` in production.
    pub content_url: Url,
}

/// LINE asks for this id when something must be looked into.
const REQUEST_ID: &str = "x-line-request-id";

pub(super) async fn fetch(
    egress: &Egress,
    settings: &Settings,
    source: &LineSource,
    declared: DeclaredType,
    credential: &SecretString,
) -> Result<Fetched, FetchError> {
    let url = content_url(&settings.content_url, source)?;
    let reply = egress
        .get(url.clone(), ChosenBy::Operator, Some(credential))
        .await?;
    let head = reply.head(REQUEST_ID);
    match reply.status() {
        StatusCode::OK => reply.into_fetched(head),
        StatusCode::ACCEPTED => {
            let mut failure = reply.failure(head);
            failure.reason = FailureReason::SourceNotReady;
            failure.detail = "LINE is still preparing the file";
            // Drops the first answer before the second question.
            drop(reply);
            if source.part == LinePart::Content
                && may_be_transcoded(declared)
                && let Some(head) = given_up(egress, url, credential).await
            {
                failure.reason = FailureReason::SourcePreparationFailed;
                failure.detail = "LINE could not prepare the file";
                failure.head = head;
            }
            Err(failure)
        }
        _ => Err(reply.failure(head)),
    }
}

fn may_be_transcoded(declared: DeclaredType) -> bool {
    match declared {
        DeclaredType::Known(media_type) => match media_type.kind() {
            MediaKind::Audio | MediaKind::Video => true,
            MediaKind::Image | MediaKind::Document | MediaKind::Other => false,
        },
        DeclaredType::Nothing | DeclaredType::Foreign => true,
    }
}

#[derive(Debug, Deserialize)]
struct Transcoding {
    status: String,
}

/// Whether LINE has given the content up, and what it answered then. Whatever
/// else this call meets, the content is asked for again.
async fn given_up(
    egress: &Egress,
    mut content: Url,
    credential: &SecretString,
) -> Option<ResponseHead> {
    content.path_segments_mut().ok()?.push("transcoding");
    let asked = egress.get(content, ChosenBy::Operator, Some(credential));
    let reply = asked.await.ok()?;
    let head = reply.head(REQUEST_ID);
    if reply.status() != StatusCode::OK {
        return None;
    }
    let transcoding: Transcoding = reply.into_document().await.ok()?;
    (transcoding.status == "failed").then_some(head)
}

/// The message id is one path segment whatever it holds.
fn content_url(base: &Url, source: &LineSource) -> Result<Url, FetchError> {
    let refused = || {
        FetchError::new(
            FailureReason::SourceNotFound,
            "the message id names no LINE message",
        )
    };
    if matches!(source.message_id.as_str(), "." | "..") {
        return Err(refused());
    }
    let mut url = base.clone();
    {
        let mut path = url.path_segments_mut().map_err(|()| refused())?;
        path.pop_if_empty()
            .extend(["v2", "bot", "message", &source.message_id, "content"]);
        match source.part {
            LinePart::Content => {}
            LinePart::Preview => {
                path.push("preview");
            }
        }
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attachment::source::LineContentProvider;

    fn url_for(message_id: &str, part: LinePart) -> Result<String, FetchError> {
        let source = LineSource {
            message_type: None,
            message_id: message_id.to_owned(),
            part,
            content_provider: LineContentProvider::Line,
            image_set: None,
        };
        let base = Url::parse("https://api-data.line.me").unwrap();
        content_url(&base, &source).map(String::from)
    }

    #[test]
    fn the_message_id_is_one_segment_whatever_it_holds() {
        let base = "https://api-data.line.me/v2/bot/message";
        assert_eq!(
            url_for("42", LinePart::Content).unwrap(),
            format!("{base}/42/content")
        );
        assert_eq!(
            url_for("42", LinePart::Preview).unwrap(),
            format!("{base}/42/content/preview")
        );
        assert_eq!(
            url_for("../../oauth?x#y", LinePart::Content).unwrap(),
            format!("{base}/..%2F..%2Foauth%3Fx%23y/content")
        );
        assert!(url_for("..", LinePart::Content).is_err());
    }
}
