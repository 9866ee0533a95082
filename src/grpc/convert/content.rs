//! What a model reads of a file as messages, page by page.

use super::super::error::Violation;
use super::enums::{
    error_to_proto, kind_to_proto, processing_to_proto, reason_to_proto, status_to_proto,
};
use super::filter::page_size;
use super::names::{attachment_id, name, sealed_text};
use super::record::{to_int32, to_int64};
use super::times::{length, timestamp};
use crate::access::AccessLink;
use crate::attachment::extracted::{Coverage, Hidden, Part, PartKind, StoredText};
use crate::attachment::facts::Facts;
use crate::attachment::language::Language;
use crate::attachment::listing::ListFilter;
use crate::attachment::media::{MediaKind, MediaType};
use crate::attachment::model::{Fit, ModelApi, model_name};
use crate::attachment::processing::Processing;
use crate::attachment::status::AttachmentStatus;
use crate::attachment::{Attachment, Origin};
use crate::ids::AttachmentId;
use crate::proto::list_enriched_attachments_request::Group;
use crate::proto::processed_content::{self as content, fit::Verdict};
use crate::proto::{self, GetProcessedContentRequest, ListEnrichedAttachmentsRequest};
use std::fmt::{self, Write as _};
use std::str::FromStr;
use std::time::Duration;

/// A caller waits no longer than this.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
const DEFAULT_CHARS: usize = 100_000;
/// An answer of so many characters of any script is below what an answer may have.
const MOST_CHARS: usize = 500_000;

/// What is asked for of a file's content.
pub(in crate::grpc) struct ProcessedRequest {
    pub(in crate::grpc) id: AttachmentId,
    /// Characters of text in one answer.
    pub(in crate::grpc) most: usize,
    pub(in crate::grpc) wait: Duration,
}

/// What is asked for of a group.
pub(in crate::grpc) struct EnrichedRequest {
    pub(in crate::grpc) group: ListFilter,
    pub(in crate::grpc) size: u16,
    pub(in crate::grpc) wait: Duration,
    /// Files that the group has at least.
    pub(in crate::grpc) expected: u64,
}

/// Where a page of text begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::grpc) struct PlaceInText {
    /// The part, from 0.
    part: usize,
    /// The character in it, from 0.
    character: usize,
}

/// Reads what is asked for of a file's content.
pub(in crate::grpc) fn processed_request(
    request: &GetProcessedContentRequest,
) -> Result<ProcessedRequest, Violation> {
    let id = attachment_id("attachment_id", &request.attachment_id)?;
    let most = match usize::try_from(request.max_chars) {
        Ok(0) => DEFAULT_CHARS,
        Ok(asked) => asked.min(MOST_CHARS),
        Err(_) => return Err(Violation::new("max_chars", "must not be negative")),
    };
    sealed_text("page_token", &request.page_token)?;
    let wait = length("wait", request.wait, Duration::ZERO, LONGEST_WAIT)?;
    Ok(ProcessedRequest {
        id,
        most,
        wait: wait.unwrap_or_default(),
    })
}

/// Reads what is asked for of a group.
pub(in crate::grpc) fn enriched_request(
    request: &ListEnrichedAttachmentsRequest,
) -> Result<EnrichedRequest, Violation> {
    let group = match &request.group {
        Some(Group::CorrelationId(id)) => ListFilter {
            correlation_id: Some(name("correlation_id", id)?),
            ..ListFilter::default()
        },
        Some(Group::MessageId(id)) => ListFilter {
            message_ids: vec![name("message_id", id)?],
            ..ListFilter::default()
        },
        None => {
            let wanted = "must be one of correlation_id and message_id";
            return Err(Violation::new("group", wanted));
        }
    };
    sealed_text("page_token", &request.page_token)?;
    let wait = length("wait", request.wait, Duration::ZERO, LONGEST_WAIT)?;
    let expected = u64::try_from(request.expected_count.unwrap_or_default());
    Ok(EnrichedRequest {
        group,
        size: page_size(request.page_size)?,
        wait: wait.unwrap_or_default(),
        expected: expected.map_err(|_| Violation::new("expected_count", "must not be negative"))?,
    })
}

/// A page of a file's content, and where the next one begins.
pub(in crate::grpc) fn content_to_proto(
    attachment: &Attachment,
    text: Option<StoredText>,
    from: PlaceInText,
    most: usize,
    language: Language,
) -> (proto::ProcessedContent, Option<PlaceInText>) {
    let error = match attachment.processing {
        Processing::Ended(processed) => processed.error(),
        Processing::None | Processing::Pending | Processing::Running => None,
    };
    let mut message = proto::ProcessedContent {
        file_id: file_id(attachment),
        attachment_id: attachment.id.to_string(),
        file_name: attachment.file_name.as_str().to_owned(),
        processing_status: processing_to_proto(attachment.processing).into(),
        error_code: error_to_proto(error).into(),
        error_message: error.map_or("", |error| error.message(language)).to_owned(),
        ..proto::ProcessedContent::default()
    };
    if let AttachmentStatus::Stored { object, facts, .. } = &attachment.status {
        let media_type = object.media_type;
        message.model_name = model_name(media_type, attachment.id);
        let format = media_type.extension().to_owned();
        match media_type.kind() {
            MediaKind::Image => {
                message.content_kind = content::Kind::Image.into();
                message.image_format = image_format(media_type);
            }
            MediaKind::Document => {
                message.content_kind = content::Kind::Document.into();
                // A model's interface knows no presentations: of those it gets the text.
                message.document_format = match media_type {
                    MediaType::Pptx => String::new(),
                    _ => format,
                };
            }
            MediaKind::Video | MediaKind::Audio | MediaKind::Other => {}
        }
        message.fits = fits(media_type, object.size_bytes, facts);
    }
    let Some(StoredText {
        extractor_version,
        extracted: text,
    }) = text
    else {
        return (message, None);
    };
    let (parts, next) = page(text.parts, from, most);
    message.extracted_text = joined(&parts, text.coverage.units_total);
    message.parts = parts.into_iter().map(part_to_proto).collect();
    message.charset = text.charset.map(|charset| charset.name).unwrap_or_default();
    message.method = text.method;
    message.extractor_version = extractor_version.to_string();
    message.coverage = Some(coverage_to_proto(text.coverage));
    message.hidden = Some(hidden_to_proto(text.hidden));
    (message, next)
}

/// A file of a group as the contract spells it.
pub(in crate::grpc) fn enriched_to_proto(
    attachment: &Attachment,
    link: Option<AccessLink>,
    language: Language,
) -> proto::EnrichedAttachment {
    let reason = attachment.status.reason();
    let mut message = proto::EnrichedAttachment {
        id: file_id(attachment),
        attachment_id: attachment.id.to_string(),
        name: attachment.file_name.as_str().to_owned(),
        kind: kind_to_proto(attachment.kind).into(),
        status: status_to_proto((&attachment.status).into()).into(),
        failure_reason: reason_to_proto(reason).into(),
        failure_message: reason
            .map_or("", |reason| reason.message(language))
            .to_owned(),
        processing_status: processing_to_proto(attachment.processing).into(),
        ..proto::EnrichedAttachment::default()
    };
    if let AttachmentStatus::Stored { object, .. } = &attachment.status {
        object.media_type.mime().clone_into(&mut message.mimetype);
        message.size = to_int64(object.size_bytes);
    }
    if let Some(link) = link {
        message.expire_time = Some(timestamp(link.link.expires_at));
        message.presigned_url = link.link.url;
    }
    message
}

/// The provider's id of the file; empty once that is forgotten.
fn file_id(attachment: &Attachment) -> String {
    match &attachment.origin {
        Origin::Known { source, .. } => source.media_id().as_str().to_owned(),
        Origin::Forgotten => String::new(),
    }
}

/// png, jpeg, gif or webp; the extension of one of them is another.
fn image_format(media_type: MediaType) -> String {
    let mime = media_type.mime();
    mime.strip_prefix("image/").unwrap_or(mime).to_owned()
}

fn fits(media_type: MediaType, size_bytes: u64, facts: &Facts) -> Vec<content::Fit> {
    let verdict = |fit| match fit {
        Fit::Fits => Verdict::Ok,
        Fit::TooLarge => Verdict::TooLarge,
        Fit::TooManyPixels => Verdict::TooManyPixels,
    };
    let apis = ModelApi::ALL.iter();
    let fits = apis.filter_map(|api| Some((api.name, api.takes(media_type, size_bytes, facts)?)));
    fits.map(|(api, fit)| content::Fit {
        api: api.to_owned(),
        verdict: verdict(fit).into(),
    })
    .collect()
}

/// The parts from a place on, with `most` characters of text in all; the last
/// may be cut, and the next page goes on in it.
fn page(parts: Vec<Part>, from: PlaceInText, most: usize) -> (Vec<Part>, Option<PlaceInText>) {
    let mut page = Vec::new();
    let mut left = most;
    let count = parts.len();
    for (at, part) in parts.into_iter().enumerate().skip(from.part) {
        let skipped = if at == from.part { from.character } else { 0 };
        let text: String = part.text.chars().skip(skipped).take(left).collect();
        let taken = text.chars().count();
        left -= taken;
        let is_whole = part.text.chars().nth(skipped + taken).is_none();
        page.push(Part { text, ..part });
        let next = if is_whole {
            PlaceInText {
                part: at + 1,
                character: 0,
            }
        } else {
            PlaceInText {
                part: at,
                character: skipped + taken,
            }
        };
        if left == 0 || !is_whole {
            return (page, Some(next).filter(|next| next.part < count));
        }
    }
    (page, None)
}

/// The text in one piece, with a line before each part to cite it by, where
/// there are several.
fn joined(parts: &[Part], units: u32) -> String {
    let mut whole = String::new();
    for part in parts {
        if !whole.is_empty() {
            whole.push_str("\n\n");
        }
        if units > 1 {
            let kind = match part.kind {
                PartKind::Page => "page",
                PartKind::Slide => "slide",
                PartKind::Sheet => "sheet",
                PartKind::Section => "section",
            };
            let _ = match part.name.as_str() {
                "" => writeln!(whole, "[{kind} {}]", part.number),
                name => writeln!(whole, "[{kind} {name:?}]"),
            };
        }
        whole.push_str(&part.text);
    }
    whole
}

fn part_to_proto(part: Part) -> content::Part {
    use content::part::Kind;
    let kind = match part.kind {
        PartKind::Page => Kind::Page,
        PartKind::Slide => Kind::Slide,
        PartKind::Sheet => Kind::Sheet,
        PartKind::Section => Kind::Section,
    };
    content::Part {
        kind: kind.into(),
        number: to_int32(part.number),
        name: part.name,
        text: part.text,
    }
}

fn coverage_to_proto(coverage: Coverage) -> content::Coverage {
    content::Coverage {
        units_total: to_int32(coverage.units_total),
        units_with_text: to_int32(coverage.units_with_text),
        units_image_only: to_int32(coverage.units_image_only),
        unmapped_glyph_share: coverage.unmapped_glyph_share.into(),
        truncated_at_unit: to_int32(coverage.truncated_at_unit.unwrap_or_default()),
    }
}

fn hidden_to_proto(hidden: Hidden) -> content::Hidden {
    content::Hidden {
        characters: to_int64(hidden.characters),
        sheets: to_int32(hidden.sheets),
        slides: to_int32(hidden.slides),
        comments: to_int32(hidden.comments),
    }
}

impl fmt::Display for PlaceInText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.part, self.character)
    }
}

/// A string that names no place.
#[derive(Debug)]
pub(in crate::grpc) struct InvalidPlace;

impl FromStr for PlaceInText {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let (part, character) = text.split_once('-').ok_or(InvalidPlace)?;
        Ok(Self {
            part: part.parse().map_err(|_| InvalidPlace)?,
            character: character.parse().map_err(|_| InvalidPlace)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slide(number: u32, text: &str) -> Part {
        Part {
            kind: PartKind::Slide,
            number,
            name: String::new(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn pages_give_every_character_once_and_in_order() {
        let parts = vec![
            slide(1, "สวัสดี"),
            slide(2, ""),
            slide(3, "R&D\nabc"),
            slide(4, "x"),
        ];
        let whole: String = parts.iter().map(|part| part.text.as_str()).collect();
        for most in 1..20 {
            let (mut read, mut place) = (String::new(), PlaceInText::default());
            loop {
                let (page, next) = page(parts.clone(), place, most);
                let text: String = page.iter().map(|part| part.text.as_str()).collect();
                assert!(text.chars().count() <= most);
                read.push_str(&text);
                let Some(next) = next else { break };
                assert_eq!(next.to_string().parse::<PlaceInText>().unwrap(), next);
                assert_ne!(next, place, "it goes on");
                place = next;
            }
            assert_eq!(read, whole, "{most} at a time");
        }
    }

    #[test]
    fn several_parts_have_a_line_to_cite_them_by() {
        let sheet = Part {
            kind: PartKind::Sheet,
            name: "ยอดขาย".to_owned(),
            ..slide(2, "7")
        };
        assert_eq!(
            joined(&[slide(1, "Hello"), sheet], 2),
            "[slide 1]\nHello\n\n[sheet \"ยอดขาย\"]\n7"
        );
        assert_eq!(joined(&[slide(1, "Hello")], 1), "Hello");
    }
}
