//! `RegisterAttachmentRequest` to [`NewAttachment`], every fault at once.

use super::super::error::Violation;
use super::names::{at_most, name, optional_name, provider_id, text};
use super::times::time;
use crate::attachment::NewAttachment;
use crate::attachment::file_name::{FileName, MAX_BYTES as MAX_FILE_NAME_BYTES};
use crate::attachment::source::{
    LineContentProvider, LineImageSet, LineMessageType, LinePart, LineSource, MediaSource,
    SlackSource, UrlSource,
};
use crate::ids::SenderId;
use crate::proto::register_attachment_request::Source;
use crate::proto::{self, RegisterAttachmentRequest};

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
    let sender_id = optional_name::<SenderId>(&field("sender_id"), &request.sender_id)
        .map_err(&mut note)
        .unwrap_or_default();
    let message_time = time(&field("message_time"), request.message_time.as_ref())
        .map_err(&mut note)
        .unwrap_or_default();
    let source = request
        .source
        .ok_or_else(|| Violation::new(field("source"), "must be one of line, slack and url"))
        .and_then(|source| media_source(&field(""), source))
        .map_err(&mut note)
        .ok();
    if let Err(fault) = at_most(&field("file_name"), &request.file_name, MAX_FILE_NAME_BYTES) {
        note(fault);
    }
    let declared_content_type = text(
        &field("declared_content_type"),
        request.declared_content_type,
        MAX_CONTENT_TYPE_BYTES,
    )
    .map_err(&mut note)
    .unwrap_or_default();
    // No file has 0 bytes: an event that says so does not know the size.
    let declared_size_bytes = match request.declared_size_bytes.map(u64::try_from) {
        Some(Err(_)) => {
            let field = field("declared_size_bytes");
            note(Violation::new(field, "must not be negative"));
            None
        }
        Some(Ok(0)) | None => None,
        Some(Ok(size)) => Some(size),
    };
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
            sender_id,
            message_time,
            file_name: FileName::new(&request.file_name),
            declared_content_type,
            declared_size_bytes,
        }),
        _ => Err(faults),
    }
}

fn media_source(at: &str, source: Source) -> Result<MediaSource, Violation> {
    match source {
        Source::Line(line) => line_source(&format!("{at}line."), line).map(MediaSource::Line),
        Source::Slack(slack) => slack_source(&format!("{at}slack."), slack).map(MediaSource::Slack),
        Source::Url(url) => {
            let url = text(&format!("{at}url.url"), url.url, MAX_URL_BYTES)?;
            let source = UrlSource::parse(&url)
                .map_err(|fault| Violation::new(format!("{at}url.url"), fault.to_string()))?;
            Ok(MediaSource::Url(source))
        }
    }
}

fn line_source(at: &str, line: proto::LineSource) -> Result<LineSource, Violation> {
    let field = |field: &str| format!("{at}{field}");
    let external = text(
        &field("original_content_url"),
        line.original_content_url,
        MAX_URL_BYTES,
    )?;
    let message_type = match line.message_type.as_str() {
        "" => None,
        named => Some(LineMessageType::named(named).ok_or_else(|| {
            let wanted = "must be `image`, `video`, `audio`, `file` or empty";
            Violation::new(field("message_type"), wanted)
        })?),
    };
    Ok(LineSource {
        message_id: provider_id(&field("message_id"), line.message_id)?,
        message_type,
        part: match line.part.as_str() {
            "" => LinePart::Content,
            "preview" => LinePart::Preview,
            _ => return Err(Violation::new(field("part"), "must be empty or `preview`")),
        },
        content_provider: match line.content_provider.as_str() {
            "" | "line" => LineContentProvider::Line,
            "external" => LineContentProvider::External {
                original_content_url: external,
            },
            _ => {
                let wanted = "must be `line` or `external`";
                return Err(Violation::new(field("content_provider"), wanted));
            }
        },
        image_set: line
            .image_set
            .map(|set| image_set(&field("image_set."), set))
            .transpose()?,
    })
}

fn image_set(at: &str, set: proto::LineImageSet) -> Result<LineImageSet, Violation> {
    let count = |field: &str, value: i32| match u16::try_from(value) {
        // Old senders leave them out.
        Ok(0) => Ok(None),
        Ok(count) => Ok(Some(count)),
        Err(_) => Err(Violation::new(
            format!("{at}{field}"),
            "must be between 0 and 65535",
        )),
    };
    Ok(LineImageSet {
        id: provider_id(&format!("{at}id"), set.id)?,
        index: count("index", set.index)?,
        total: count("total", set.total)?,
    })
}

fn slack_source(at: &str, slack: proto::SlackSource) -> Result<SlackSource, Violation> {
    let field = |field: &str| format!("{at}{field}");
    let url = text(
        &field("url_private_download"),
        slack.url_private_download,
        MAX_URL_BYTES,
    )?;
    Ok(SlackSource {
        file_id: provider_id(&field("file_id"), slack.file_id)?,
        url_private_download: Some(url).filter(|url| !url.is_empty()),
        mode: text(&field("mode"), slack.mode, MAX_WORD_BYTES)?,
        file_access: text(&field("file_access"), slack.file_access, MAX_WORD_BYTES)?,
    })
}
