//! `RegisterAttachmentRequest` to [`NewAttachment`], every fault at once.

use super::super::error::Violation;
use super::names::{name, optional_name};
use crate::attachment::NewAttachment;
use crate::attachment::file_name::{FileName, MAX_BYTES as MAX_FILE_NAME_BYTES};
use crate::attachment::source::{
    LineContentProvider, LineImageSet, LinePart, LineSource, MediaSource, SlackSource, UrlSource,
};
use crate::proto::register_attachment_request::Source;
use crate::proto::{self, RegisterAttachmentRequest};

/// The unique key of the table is an index entry, which has room for this.
const MAX_MEDIA_ID_BYTES: usize = 1024;
const MAX_URL_BYTES: usize = 2048;
const MAX_CONTENT_TYPE_BYTES: usize = 255;
const MAX_WORD_BYTES: usize = 64;

/// Reads a request; `at` is its path in the call, such as `requests[3].`.
pub(in crate::grpc) fn new_attachment(
    at: &str,
    request: RegisterAttachmentRequest,
) -> Result<NewAttachment, Vec<Violation>> {
    let mut faults = Vec::new();
    let mut note = |fault: Violation| faults.push(fault);
    let field = |field: &str| format!("{at}{field}");

    let channel = name(&field("channel_id"), &request.channel_id)
        .map_err(&mut note)
        .ok();
    let message_id = name(&field("message_id"), &request.message_id)
        .map_err(&mut note)
        .ok();
    let conversation_id = optional_name(&field("conversation_id"), &request.conversation_id)
        .map_err(&mut note)
        .ok();
    let correlation_id = optional_name(&field("correlation_id"), &request.correlation_id)
        .map_err(&mut note)
        .ok();
    let source = request
        .source
        .ok_or_else(|| Violation::new(field("source"), "must be one of line, slack and url"))
        .and_then(|source| media_source(&field(""), source))
        .map_err(&mut note)
        .ok();
    if request.file_name.len() > MAX_FILE_NAME_BYTES {
        note(too_long(field("file_name"), MAX_FILE_NAME_BYTES));
    }
    if request.declared_content_type.len() > MAX_CONTENT_TYPE_BYTES {
        note(too_long(
            field("declared_content_type"),
            MAX_CONTENT_TYPE_BYTES,
        ));
    }
    if request.declared_content_type.chars().any(char::is_control) {
        note(no_control(field("declared_content_type")));
    }
    if request.declared_size_bytes < 0 {
        note(Violation::new(
            field("declared_size_bytes"),
            "must not be negative",
        ));
    }
    match (channel, message_id, conversation_id, correlation_id, source) {
        (
            Some(channel),
            Some(message_id),
            Some(conversation_id),
            Some(correlation_id),
            Some(source),
        ) if faults.is_empty() => Ok(NewAttachment {
            channel,
            source,
            message_id,
            conversation_id,
            correlation_id,
            file_name: FileName::new(&request.file_name),
            declared_content_type: request.declared_content_type,
            declared_size_bytes: u64::try_from(request.declared_size_bytes)
                .ok()
                .filter(|size| *size > 0),
        }),
        _ => Err(faults),
    }
}

fn media_source(at: &str, source: Source) -> Result<MediaSource, Violation> {
    match source {
        Source::Line(line) => line_source(&format!("{at}line."), line).map(MediaSource::Line),
        Source::Slack(slack) => slack_source(&format!("{at}slack."), slack).map(MediaSource::Slack),
        Source::Url(url) => {
            let url = text(format!("{at}url.url"), url.url, MAX_URL_BYTES)?;
            if url.is_empty() {
                return Err(Violation::new(format!("{at}url.url"), "must not be empty"));
            }
            Ok(MediaSource::Url(UrlSource { url }))
        }
    }
}

fn line_source(at: &str, line: proto::LineSource) -> Result<LineSource, Violation> {
    let external = text(
        format!("{at}original_content_url"),
        line.original_content_url,
        MAX_URL_BYTES,
    )?;
    Ok(LineSource {
        message_id: media_id(format!("{at}message_id"), line.message_id)?,
        part: match line.part.as_str() {
            "" => LinePart::Content,
            "preview" => LinePart::Preview,
            _ => {
                return Err(Violation::new(
                    format!("{at}part"),
                    "must be empty or `preview`",
                ));
            }
        },
        content_provider: match line.content_provider.as_str() {
            "" | "line" => LineContentProvider::Line,
            "external" => LineContentProvider::External {
                original_content_url: external,
            },
            _ => {
                let field = format!("{at}content_provider");
                return Err(Violation::new(field, "must be `line` or `external`"));
            }
        },
        image_set: line
            .image_set
            .map(|set| {
                Ok::<_, Violation>(LineImageSet {
                    id: media_id(format!("{at}image_set.id"), set.id)?,
                    // LINE leaves them out or sends small numbers; anything else is as good as absent.
                    index: u16::try_from(set.index).ok().filter(|index| *index > 0),
                    total: u16::try_from(set.total).ok().filter(|total| *total > 0),
                })
            })
            .transpose()?,
    })
}

fn slack_source(at: &str, slack: proto::SlackSource) -> Result<SlackSource, Violation> {
    let url = text(
        format!("{at}url_private_download"),
        slack.url_private_download,
        MAX_URL_BYTES,
    )?;
    Ok(SlackSource {
        file_id: media_id(format!("{at}file_id"), slack.file_id)?,
        url_private_download: Some(url).filter(|url| !url.is_empty()),
        mode: text(format!("{at}mode"), slack.mode, MAX_WORD_BYTES)?,
        file_access: text(
            format!("{at}file_access"),
            slack.file_access,
            MAX_WORD_BYTES,
        )?,
    })
}

/// A provider's id is text by contract, but it has an end and no control
/// characters.
fn media_id(field: String, id: String) -> Result<String, Violation> {
    if id.is_empty() {
        return Err(Violation::new(field, "must not be empty"));
    }
    text(field, id, MAX_MEDIA_ID_BYTES)
}

fn text(field: String, text: String, max_bytes: usize) -> Result<String, Violation> {
    if text.len() > max_bytes {
        Err(too_long(field, max_bytes))
    } else if text.chars().any(char::is_control) {
        Err(no_control(field))
    } else {
        Ok(text)
    }
}

fn too_long(field: String, max_bytes: usize) -> Violation {
    Violation::new(field, format!("must be at most {max_bytes} bytes"))
}

fn no_control(field: String) -> Violation {
    Violation::new(field, "must not hold control characters")
}
