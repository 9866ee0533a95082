//! One tenant asks for what is another's: each RPC has its case here.

use crate::support::{
    LINE, OTHER_TENANT, TENANT, TestApp, channel, credential_request, get_request, line,
    put_request, within,
};
use crate::surface::stage::{UNKNOWN, picture, stored};
use crate::surface::wire::{self, Seen, every_rpc};
use attachments::auth::Scope;
use attachments::proto::delete_attachment_request::Target;
use attachments::proto::purge_attachments_request::Group;
use attachments::proto::{
    BatchGetAttachmentsRequest, BatchIssueAccessLinksRequest, BatchRegisterAttachmentsRequest,
    ClearChannelCredentialRequest, DeleteAttachmentRequest, DeleteChannelRequest,
    ExplainAttachmentRequest, GetAttachmentBytesRequest, GetChannelRequest,
    GetProcessedContentRequest, GetUsageRequest, IssueAccessLinkRequest, ListAttachmentsRequest,
    ListAttachmentsResponse, ListChannelsRequest, ListEnrichedAttachmentsRequest,
    PurgeAttachmentsRequest, PutTenantRequest, RedriveAttachmentsRequest,
    RegisterAttachmentRequest, RetryAttachmentRequest, SourceReference, TestChannelRequest,
    WatchAttachmentsRequest, WatchAttachmentsResponse, channel::Provider,
    list_enriched_attachments_request,
};
use prost::Message as _;
use secrecy::ExposeSecret as _;
use std::collections::BTreeMap;
use tonic::Code;

/// What one tenant calls its things.
#[derive(Clone)]
struct Names {
    attachment: String,
    channel: String,
    media: String,
    message: String,
    conversation: String,
    correlation: String,
}

/// What globex does with names that acme uses.
enum Case {
    /// It asks for them: the answer is that for names nobody uses.
    Asks(fn(Names) -> Vec<u8>),
    /// It writes under them: it gets something of its own.
    Writes(fn(Names) -> Vec<u8>),
    /// It follows them: it is told of its own.
    Follows(fn(Names) -> Vec<u8>),
}

#[rustfmt::skip] // A table: a line a case.
fn cases() -> BTreeMap<String, Case> {
    use Case::{Asks, Follows, Writes};
    let of_attachments: [(&str, Case); 15] = [
        ("RegisterAttachment", Writes(|names| registration(names).encode_to_vec())),
        ("BatchRegisterAttachments", Writes(|names| BatchRegisterAttachmentsRequest { requests: vec![registration(names)] }.encode_to_vec())),
        ("GetAttachment", Asks(|names| get_request(names.attachment).encode_to_vec())),
        ("BatchGetAttachments", Asks(|names| BatchGetAttachmentsRequest { attachment_ids: vec![names.attachment] }.encode_to_vec())),
        ("ListAttachments", Asks(|names| ListAttachmentsRequest { message_ids: vec![names.message], ..Default::default() }.encode_to_vec())),
        ("WatchAttachments", Follows(|names| WatchAttachmentsRequest { message_ids: vec![names.message], ..Default::default() }.encode_to_vec())),
        ("ExplainAttachment", Asks(|names| ExplainAttachmentRequest { attachment_id: names.attachment }.encode_to_vec())),
        ("IssueAccessLink", Asks(|names| link(names).encode_to_vec())),
        ("BatchIssueAccessLinks", Asks(|names| BatchIssueAccessLinksRequest { requests: vec![link(names)] }.encode_to_vec())),
        ("GetAttachmentBytes", Asks(|names| GetAttachmentBytesRequest { attachment_id: names.attachment, ..Default::default() }.encode_to_vec())),
        ("ListEnrichedAttachments", Asks(|names| ListEnrichedAttachmentsRequest { group: Some(list_enriched_attachments_request::Group::CorrelationId(names.correlation)), ..Default::default() }.encode_to_vec())),
        ("GetProcessedContent", Asks(|names| GetProcessedContentRequest { attachment_id: names.attachment, ..Default::default() }.encode_to_vec())),
        ("RetryAttachment", Asks(|names| RetryAttachmentRequest { attachment_id: names.attachment }.encode_to_vec())),
        ("DeleteAttachment", Asks(|names| deletion(Target::AttachmentId(names.attachment)))),
        ("PurgeAttachments", Asks(|names| PurgeAttachmentsRequest { group: Some(Group::ConversationId(names.conversation)), ..Default::default() }.encode_to_vec())),
    ];
    let of_admin = [
        ("PutChannel", Writes(|_| put_request(channel(LINE, Provider::Line)).encode_to_vec())),
        ("SetChannelCredential", Asks(|names| credential_request(&names.channel, "globex-token").encode_to_vec())),
        ("ClearChannelCredential", Asks(|names| ClearChannelCredentialRequest { channel_id: names.channel }.encode_to_vec())),
        ("TestChannel", Asks(|names| TestChannelRequest { channel_id: names.channel }.encode_to_vec())),
        ("GetChannel", Asks(|names| GetChannelRequest { channel_id: names.channel }.encode_to_vec())),
        // Names nothing: what it gives is looked at in a test of its own.
        ("ListChannels", Asks(|_| ListChannelsRequest::default().encode_to_vec())),
        ("DeleteChannel", Asks(|names| DeleteChannelRequest { channel_id: names.channel }.encode_to_vec())),
        // A redrive that is begun has an id of its own.
        ("RedriveAttachments", Asks(|names| RedriveAttachmentsRequest { channel_id: names.channel, dry_run: true, ..Default::default() }.encode_to_vec())),
        // These name nothing either.
        ("ListRedrives", Asks(|_| Vec::new())),
        ("GetTenant", Asks(|_| Vec::new())),
        ("PutTenant", Asks(|_| PutTenantRequest::default().encode_to_vec())),
        ("ListAuditEvents", Asks(|_| Vec::new())),
        ("GetUsage", Asks(|_| GetUsageRequest {}.encode_to_vec())),
    ];
    let of_attachments = of_attachments.map(|(method, case)| (wire::attachments(method), case));
    let of_admin = of_admin.map(|(method, case)| (wire::admin(method), case));
    of_attachments.into_iter().chain(of_admin).collect()
}

fn registration(names: Names) -> RegisterAttachmentRequest {
    RegisterAttachmentRequest {
        message_id: names.message,
        conversation_id: names.conversation,
        correlation_id: names.correlation,
        ..line(&names.media)
    }
}

fn link(names: Names) -> IssueAccessLinkRequest {
    IssueAccessLinkRequest {
        attachment_id: names.attachment,
        ..IssueAccessLinkRequest::default()
    }
}

fn deletion(target: Target) -> Vec<u8> {
    let target = Some(target);
    DeleteAttachmentRequest {
        target,
        ..DeleteAttachmentRequest::default()
    }
    .encode_to_vec()
}

/// What acme has, and names nobody uses.
async fn names(app: &TestApp) -> (Names, Names) {
    app.put_channel(channel("acme-only", Provider::Url), "")
        .await;
    app.simulator.put_line_message("4711", picture());
    let names = |attachment: &str, of: &str| Names {
        attachment: attachment.to_owned(),
        channel: format!("{of}-only"),
        media: "4711".to_owned(),
        message: format!("message-of-{of}"),
        conversation: format!("conversation-of-{of}"),
        correlation: format!("correlation-of-{of}"),
    };
    let mine = app.ingest(registration(names("", "acme"))).await;
    assert!(!mine.storage_key.is_empty());
    (names(&mine.attachment_id, "acme"), names(UNKNOWN, "nobody"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_anothers_answers_like_what_is_not_there() {
    let app = TestApp::start().await;
    let (acme, nobody) = names(&app).await;
    let mine = acme_sees(&app, &acme).await;
    let cases = cases();
    for path in every_rpc() {
        let case = cases.get(&path);
        let case = case.unwrap_or_else(|| panic!("{path} has no case here"));
        if let Case::Asks(request) = case {
            let call = async |names: &Names| {
                let answer = wire::call(&app, OTHER_TENANT, &path, request(names.clone())).await;
                Seen::from(answer.map(|messages| without_cursor(&path, messages)))
            };
            assert_eq!(call(&acme).await, call(&nobody).await, "{path}");
        }
    }
    assert_eq!(acme_sees(&app, &acme).await, mine);
}

/// No two cursors read alike, whatever they stand for.
fn without_cursor(path: &str, messages: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    if path != wire::attachments("ListAttachments") {
        return messages;
    }
    let messages = messages.into_iter().map(|message| {
        let mut list = ListAttachmentsResponse::decode(message.as_slice()).unwrap();
        assert!(!list.watch_cursor.is_empty());
        list.watch_cursor.clear();
        list.encode_to_vec()
    });
    messages.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writing_under_anothers_names_gives_something_of_ones_own() {
    let app = TestApp::start().await;
    let (acme, _) = names(&app).await;
    let mine = acme_sees(&app, &acme).await;
    for (path, case) in cases() {
        if let Case::Writes(request) = case {
            let answer = wire::call(&app, OTHER_TENANT, &path, request(acme.clone())).await;
            let told = String::from_utf8_lossy(&answer.unwrap().concat()).into_owned();
            assert!(!told.contains(&acme.attachment), "{path}: {told}");
        }
    }
    assert_eq!(acme_sees(&app, &acme).await, mine);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn following_anothers_names_tells_of_ones_own() {
    let app = TestApp::start().await;
    let (acme, _) = names(&app).await;
    for (path, case) in cases() {
        let Case::Follows(request) = case else {
            continue;
        };
        let token = app.token(OTHER_TENANT, &Scope::ALL);
        let bearer = format!("Bearer {}", token.expose_secret());
        let opened = wire::open(&app, Some(&bearer), &path, request(acme.clone())).await;
        let mut changes = opened.unwrap();
        app.delete(&acme.attachment).await;
        let answer = app
            .client(OTHER_TENANT)
            .register_attachment(registration(acme.clone()))
            .await;
        let own = answer.unwrap().into_inner().attachment.unwrap();
        let change = within("a change of its own", changes.message())
            .await
            .unwrap();
        let change = WatchAttachmentsResponse::decode(change.unwrap().as_slice()).unwrap();
        assert_eq!(change.attachment.unwrap().attachment_id, own.attachment_id);

        let resumed = WatchAttachmentsRequest {
            cursor: change.cursor,
            ..WatchAttachmentsRequest::default()
        };
        let answer = app.client(TENANT).watch_attachments(resumed).await;
        assert_eq!(answer.err().unwrap().code(), Code::InvalidArgument);
    }
}

/// Acme's record, its channel and its bytes, as acme is told.
async fn acme_sees(app: &TestApp, acme: &Names) -> Vec<Seen> {
    let record = get_request(acme.attachment.clone());
    let channel = GetChannelRequest {
        channel_id: LINE.to_owned(),
    };
    let bytes = GetAttachmentBytesRequest {
        attachment_id: acme.attachment.clone(),
        ..GetAttachmentBytesRequest::default()
    };
    let mut seen = Vec::new();
    for (path, request) in [
        (wire::attachments("GetAttachment"), record.encode_to_vec()),
        (
            wire::attachments("GetAttachmentBytes"),
            bytes.encode_to_vec(),
        ),
        (wire::admin("GetChannel"), channel.encode_to_vec()),
    ] {
        let answer = wire::call(app, TENANT, &path, request).await;
        assert!(answer.is_ok(), "{path}: {answer:?}");
        seen.push(Seen::from(answer));
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reference_to_anothers_media_answers_like_an_unknown_one() {
    let app = TestApp::start().await;
    let mine = stored(&app, "1", picture()).await;
    let by_source = |media_id: &str| {
        deletion(Target::Source(SourceReference {
            channel_id: LINE.to_owned(),
            media_id: media_id.to_owned(),
            ..SourceReference::default()
        }))
    };
    let path = wire::attachments("DeleteAttachment");
    let foreign = wire::call(&app, OTHER_TENANT, &path, by_source("1")).await;
    let unknown = wire::call(&app, OTHER_TENANT, &path, by_source("2")).await;
    assert_eq!(Seen::from(foreign), Seen::from(unknown));
    let after = app.wait_final(TENANT, &mine.attachment_id).await;
    assert_eq!(after, mine);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listings_hold_what_is_ones_own() {
    let app = TestApp::start().await;
    stored(&app, "1", picture()).await;
    app.put_channel(channel("acme-only", Provider::Url), "")
        .await;

    let everything = ListAttachmentsRequest::default();
    let listed = app.client(OTHER_TENANT).list_attachments(everything).await;
    assert_eq!(listed.unwrap().into_inner().attachments, []);
    let usage = app.admin(OTHER_TENANT).get_usage(GetUsageRequest {}).await;
    assert_eq!(usage.unwrap().into_inner().by_status, []);
    let everything = ListChannelsRequest::default();
    let listed = app.admin(OTHER_TENANT).list_channels(everything).await;
    let channels = listed.unwrap().into_inner().channels;
    assert!(
        !channels.is_empty()
            && channels
                .iter()
                .all(|channel| channel.channel_id != "acme-only")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_token_is_its_tenants_own() {
    let app = TestApp::start().await;
    for tenant in [TENANT, OTHER_TENANT] {
        for id in ["1", "2"] {
            let answer = app.client(tenant).register_attachment(line(id)).await;
            answer.unwrap();
        }
    }
    let attachments = |page_token: &str| ListAttachmentsRequest {
        page_size: 1,
        page_token: page_token.to_owned(),
        ..ListAttachmentsRequest::default()
    };
    let channels = |page_token: &str| ListChannelsRequest {
        page_size: 1,
        page_token: page_token.to_owned(),
    };
    let (mut mine, mut theirs) = (app.client(TENANT), app.client(OTHER_TENANT));
    let first = mine.list_attachments(attachments("")).await.unwrap();
    let token = &first.get_ref().next_page_token;
    let refused = theirs.list_attachments(attachments(token)).await;
    assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument);
    let second = mine.list_attachments(attachments(token)).await.unwrap();
    assert_eq!(second.get_ref().attachments.len(), 1);

    let (mut mine, mut theirs) = (app.admin(TENANT), app.admin(OTHER_TENANT));
    let first = mine.list_channels(channels("")).await.unwrap();
    let token = &first.get_ref().next_page_token;
    let refused = theirs.list_channels(channels(token)).await;
    assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument);
    let second = mine.list_channels(channels(token)).await.unwrap();
    assert_eq!(second.get_ref().channels.len(), 1);
}
