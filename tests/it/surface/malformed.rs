//! Malformed requests, each told by the path of the field.

use super::stage::UNKNOWN;
use super::status::{of_item, violated};
use super::wire::{admin, attachments, refusal};
use crate::support::{TENANT, TestApp, get_request, line, slack, url};
use attachments::proto::batch_register_attachments_response::result::Result as Item;
use attachments::proto::delete_attachment_request::Target;
use attachments::proto::purge_attachments_request::Group;
use attachments::proto::register_attachment_request::Source;
use attachments::proto::{
    BatchGetAttachmentsRequest, BatchIssueAccessLinksRequest, BatchRegisterAttachmentsRequest,
    DeleteAttachmentRequest, GetAttachmentBytesRequest, IssueAccessLinkRequest, LineImageSet,
    LineSource, ListAttachmentsRequest, ListChannelsRequest, PurgeAttachmentsRequest,
    RedriveAttachmentsRequest, RegisterAttachmentRequest, SlackSource, SourceReference,
    WatchAttachmentsRequest,
};
use prost::Message as _;
use prost_types::{Duration, Timestamp};

fn changed(
    mut request: RegisterAttachmentRequest,
    change: impl FnOnce(&mut RegisterAttachmentRequest),
) -> RegisterAttachmentRequest {
    change(&mut request);
    request
}

fn line_with(change: impl FnOnce(&mut LineSource)) -> RegisterAttachmentRequest {
    changed(line("1"), |request| match &mut request.source {
        Some(Source::Line(source)) => change(source),
        other => panic!("{other:?}"),
    })
}

fn slack_with(change: impl FnOnce(&mut SlackSource)) -> RegisterAttachmentRequest {
    changed(slack("F1", ""), |request| match &mut request.source {
        Some(Source::Slack(source)) => change(source),
        other => panic!("{other:?}"),
    })
}

/// Each field of a registration with something it may not hold.
#[rustfmt::skip] // A table: a line a case.
fn malformed_registrations() -> Vec<(&'static str, RegisterAttachmentRequest)> {
    let long = |bytes: usize| "x".repeat(bytes);
    vec![
        ("channel_id", changed(line("1"), |it| it.channel_id.clear())),
        ("channel_id", changed(line("1"), |it| "a b".clone_into(&mut it.channel_id))),
        ("channel_id", changed(line("1"), |it| it.channel_id = long(257))),
        ("message_id", changed(line("1"), |it| it.message_id.clear())),
        ("message_id", changed(line("1"), |it| "a\\1".clone_into(&mut it.message_id))),
        ("message_id", changed(line("1"), |it| it.message_id = long(257))),
        ("conversation_id", changed(line("1"), |it| "é".clone_into(&mut it.conversation_id))),
        ("conversation_id", changed(line("1"), |it| it.conversation_id = long(257))),
        ("correlation_id", changed(line("1"), |it| "a\0".clone_into(&mut it.correlation_id))),
        ("correlation_id", changed(line("1"), |it| it.correlation_id = long(257))),
        ("file_name", changed(line("1"), |it| it.file_name = long(1025))),
        ("declared_content_type", changed(line("1"), |it| it.declared_content_type = long(256))),
        ("declared_content_type", changed(line("1"), |it| "a/b\r\nc".clone_into(&mut it.declared_content_type))),
        ("declared_size_bytes", changed(line("1"), |it| it.declared_size_bytes = Some(-1))),
        ("source", changed(line("1"), |it| it.source = None)),
        ("line.message_id", line_with(|line| line.message_id.clear())),
        ("line.message_id", line_with(|line| line.message_id = long(257))),
        ("line.message_id", line_with(|line| "1\n".clone_into(&mut line.message_id))),
        ("line.part", line_with(|line| "thumbnail".clone_into(&mut line.part))),
        ("line.content_provider", line_with(|line| "elsewhere".clone_into(&mut line.content_provider))),
        ("line.original_content_url", line_with(|line| line.original_content_url = long(2049))),
        ("line.image_set.id", line_with(|line| line.image_set = Some(LineImageSet::default()))),
        ("slack.file_id", slack_with(|slack| slack.file_id.clear())),
        ("slack.file_id", slack_with(|slack| slack.file_id = long(257))),
        ("slack.url_private_download", slack_with(|slack| slack.url_private_download = long(2049))),
        ("slack.mode", slack_with(|slack| slack.mode = long(65))),
        ("slack.file_access", slack_with(|slack| slack.file_access = long(65))),
        ("url.url", url("")),
        ("url.url", url(&long(2049))),
        ("url.url", url("https://example.com/\u{7f}")),
    ]
}

/// The other requests, likewise.
#[rustfmt::skip] // A table: a line a case.
fn malformed_requests() -> Vec<(&'static str, String, Vec<u8>)> {
    let listing = ListAttachmentsRequest::default;
    let list = |field, request: ListAttachmentsRequest| (field, attachments("ListAttachments"), request.encode_to_vec());
    let wanted = || IssueAccessLinkRequest { attachment_id: UNKNOWN.to_owned(), ..Default::default() };
    let link = |field, request: IssueAccessLinkRequest| (field, attachments("IssueAccessLink"), request.encode_to_vec());
    let bytes = |field, id: &str, offset, limit| (field, attachments("GetAttachmentBytes"),
        GetAttachmentBytesRequest { attachment_id: id.to_owned(), offset, limit, ..Default::default() }.encode_to_vec());
    let text = |text: &str| text.to_owned();
    let by_source = |channel_id, media_id, part| DeleteAttachmentRequest { target: Some(Target::Source(
        SourceReference { channel_id: text(channel_id), media_id: text(media_id), part: text(part), ..Default::default() })), ..Default::default() }.encode_to_vec();
    let never = Some(Timestamp { seconds: i64::MAX, nanos: 0 });
    vec![
        ("attachment_id", attachments("GetAttachment"), get_request("").encode_to_vec()),
        ("attachment_id", attachments("GetAttachment"), get_request("1").encode_to_vec()),
        ("attachment_id", attachments("ExplainAttachment"), get_request("1").encode_to_vec()),
        ("attachment_ids", attachments("BatchGetAttachments"), Vec::new()),
        ("attachment_ids", attachments("BatchGetAttachments"), BatchGetAttachmentsRequest { attachment_ids: vec![text(UNKNOWN); 101] }.encode_to_vec()),
        ("requests", attachments("BatchIssueAccessLinks"), Vec::new()),
        ("requests", attachments("BatchIssueAccessLinks"), BatchIssueAccessLinksRequest { requests: vec![wanted(); 101] }.encode_to_vec()),
        ("requests", attachments("BatchRegisterAttachments"), Vec::new()),
        ("requests", attachments("BatchRegisterAttachments"), BatchRegisterAttachmentsRequest { requests: vec![line("1"); 51] }.encode_to_vec()),
        list("message_ids[1]", ListAttachmentsRequest { message_ids: vec![text("a"), text("a b")], ..listing() }),
        list("conversation_id", ListAttachmentsRequest { conversation_id: text("a b"), ..listing() }),
        list("correlation_id", ListAttachmentsRequest { correlation_id: text("a b"), ..listing() }),
        list("statuses[0]", ListAttachmentsRequest { statuses: vec![0], ..listing() }),
        list("statuses[1]", ListAttachmentsRequest { statuses: vec![1, 99], ..listing() }),
        list("page_size", ListAttachmentsRequest { page_size: -1, ..listing() }),
        list("page_token", ListAttachmentsRequest { page_token: text("forged"), ..listing() }),
        ("page_size", admin("ListChannels"), ListChannelsRequest { page_size: -1, ..Default::default() }.encode_to_vec()),
        ("page_token", admin("ListChannels"), ListChannelsRequest { page_token: text("!"), ..Default::default() }.encode_to_vec()),
        link("attachment_id", IssueAccessLinkRequest::default()),
        link("mode", IssueAccessLinkRequest { mode: 99, ..wanted() }),
        link("ttl", IssueAccessLinkRequest { ttl: Some(Duration { seconds: 0, nanos: 999_999_999 }), ..wanted() }),
        link("ttl", IssueAccessLinkRequest { ttl: Some(Duration { seconds: -1, nanos: 0 }), ..wanted() }),
        link("disposition", IssueAccessLinkRequest { disposition: 99, ..wanted() }),
        link("rendition", IssueAccessLinkRequest { rendition: 99, ..wanted() }),
        link("single_use", IssueAccessLinkRequest { single_use: true, ..wanted() }),
        bytes("attachment_id", "1", 0, 0),
        bytes("offset", UNKNOWN, -1, 0),
        bytes("limit", UNKNOWN, 0, -1),
        ("target", attachments("DeleteAttachment"), DeleteAttachmentRequest::default().encode_to_vec()),
        ("source.channel_id", attachments("DeleteAttachment"), by_source("", "1", "")),
        ("source.media_id", attachments("DeleteAttachment"), by_source("c", "", "")),
        ("source.media_id", attachments("DeleteAttachment"), by_source("c", "1\0", "")),
        ("source.part", attachments("DeleteAttachment"), by_source("c", "1", "thumbnail")),
        ("source.part", attachments("DeleteAttachment"), by_source("c", "1", "preview")),
        ("key", attachments("GetAttachment"), Vec::new()),
        ("statuses", admin("RedriveAttachments"), RedriveAttachmentsRequest { statuses: vec![4], content: true, ..Default::default() }.encode_to_vec()),
        ("group", attachments("PurgeAttachments"), Vec::new()),
        ("message_id", attachments("PurgeAttachments"), PurgeAttachmentsRequest { group: Some(Group::MessageId(text(""))), ..Default::default() }.encode_to_vec()),
        ("conversation_id", attachments("PurgeAttachments"), PurgeAttachmentsRequest { group: Some(Group::ConversationId(text("a b"))), ..Default::default() }.encode_to_vec()),
        ("correlation_id", attachments("PurgeAttachments"), PurgeAttachmentsRequest { group: Some(Group::CorrelationId(text("a b"))), ..Default::default() }.encode_to_vec()),
        ("attachment_id", attachments("RetryAttachment"), Vec::new()),
        ("cursor", attachments("WatchAttachments"), WatchAttachmentsRequest { cursor: text("forged"), ..Default::default() }.encode_to_vec()),
        ("message_ids[0]", attachments("WatchAttachments"), WatchAttachmentsRequest { message_ids: vec![text("a b")], ..Default::default() }.encode_to_vec()),
        ("statuses[0]", attachments("WatchAttachments"), WatchAttachmentsRequest { statuses: vec![0], ..Default::default() }.encode_to_vec()),
        ("channel_id", admin("RedriveAttachments"), RedriveAttachmentsRequest { channel_id: text("a b"), ..Default::default() }.encode_to_vec()),
        ("failure_reasons[0]", admin("RedriveAttachments"), RedriveAttachmentsRequest { failure_reasons: vec![0], ..Default::default() }.encode_to_vec()),
        ("ended_after", admin("RedriveAttachments"), RedriveAttachmentsRequest { ended_after: never, ..Default::default() }.encode_to_vec()),
        ("ended_before", admin("RedriveAttachments"), RedriveAttachmentsRequest { ended_before: never, ..Default::default() }.encode_to_vec()),
        ("channel_id", admin("GetChannel"), Vec::new()),
        ("channel_id", admin("DeleteChannel"), Vec::new()),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registration_is_told_which_field_is_malformed() {
    let app = TestApp::start().await;
    for (field, request) in malformed_registrations() {
        let answer = app.client(TENANT).register_attachment(request).await;
        let refused = answer.expect_err(field);
        assert_eq!(violated(&refused), [field], "{}", refused.message());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_of_a_batch_is_told_by_its_place() {
    let app = TestApp::start().await;
    for cases in malformed_registrations().chunks(50) {
        let requests = cases.iter().map(|(_, request)| request.clone());
        let request = BatchRegisterAttachmentsRequest {
            requests: requests.collect(),
        };
        let answer = app.client(TENANT).batch_register_attachments(request).await;
        let results = answer.unwrap().into_inner().results;
        assert_eq!(results.len(), cases.len());
        for (at, (result, (field, _))) in results.into_iter().zip(cases).enumerate() {
            let Some(Item::Error(error)) = result.result else {
                panic!("{field}: {result:?}");
            };
            let path = format!("requests[{at}].{field}");
            assert_eq!(violated(&of_item(error)), [path]);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_faults_of_a_request_are_told_at_once() {
    let app = TestApp::start().await;
    let request = RegisterAttachmentRequest {
        declared_size_bytes: Some(-1),
        ..RegisterAttachmentRequest::default()
    };
    let answer = app.client(TENANT).register_attachment(request).await;
    let mut fields = violated(&answer.unwrap_err());
    fields.sort();
    assert_eq!(
        fields,
        ["channel_id", "declared_size_bytes", "message_id", "source"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_other_request_is_told_likewise() {
    let app = TestApp::start().await;
    for (field, path, request) in malformed_requests() {
        let refused = refusal(&app, &path, request).await;
        assert_eq!(violated(&refused), [field], "{path}: {}", refused.message());
    }
}
