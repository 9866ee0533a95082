//! A watcher is told of what it asks for, of its own tenant, whether it was
//! there when it happened or comes later.

use super::{from, next, now};
use crate::support::{OTHER_TENANT, TENANT, TestApp, line};
use attachments::dev::client::Attachments;
use attachments::proto::attachment::Status;
use attachments::proto::{
    Attachment, RegisterAttachmentRequest, WatchAttachmentsRequest, WatchAttachmentsResponse,
};
use tonic::Streaming;

type Stream = Streaming<WatchAttachmentsResponse>;

async fn watch(client: &mut Attachments, request: WatchAttachmentsRequest) -> Stream {
    let stream = client.watch_attachments(request).await;
    stream.unwrap().into_inner()
}

/// What became of which file. What else a record says may have come later.
fn told(records: &[Attachment]) -> Vec<(&str, Status)> {
    let each = records.iter();
    each.map(|record| (record.message_id.as_str(), record.status()))
        .collect()
}

/// All that is told until this message's file is stored.
async fn until_stored(stream: &mut Stream, message_id: &str) -> Vec<Attachment> {
    let mut told = Vec::new();
    loop {
        let attachment = next(stream).await;
        let is_last = attachment.message_id == message_id && attachment.status() == Status::Stored;
        told.push(attachment);
        if is_last {
            return told;
        }
    }
}

/// A filter, and whether it asks for a record.
type Asked = (WatchAttachmentsRequest, fn(&Attachment) -> bool);

/// Each asks for the last file being stored, and for something else.
fn asked() -> Vec<Asked> {
    let any = WatchAttachmentsRequest::default;
    vec![
        (any(), |_| true),
        (
            WatchAttachmentsRequest {
                sender_id: "U1".to_owned(),
                ..any()
            },
            |record| record.sender_id == "U1",
        ),
        (
            WatchAttachmentsRequest {
                conversation_id: "talk".to_owned(),
                statuses: vec![Status::Stored.into(), Status::Downloading.into()],
                ..any()
            },
            |record| {
                record.conversation_id == "talk"
                    && [Status::Stored, Status::Downloading].contains(&record.status())
            },
        ),
        (
            WatchAttachmentsRequest {
                message_ids: vec!["2".to_owned(), "4".to_owned()],
                ..any()
            },
            |record| ["2", "4"].contains(&record.message_id.as_str()),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_means_the_same_live_and_while_catching_up() {
    let app = TestApp::start().await;
    let mut client = app.client(TENANT);
    let begin = now(&app).await;
    let mut live = Vec::new();
    for (request, _) in asked() {
        live.push(watch(&mut client, request).await);
    }
    for (id, sender, conversation) in [
        ("1", "U1", "walk"),
        ("2", "U2", "talk"),
        ("3", "U2", "walk"),
        ("4", "U1", "talk"),
    ] {
        app.line_plays(id, &[]);
        let request = RegisterAttachmentRequest {
            sender_id: sender.to_owned(),
            conversation_id: conversation.to_owned(),
            ..line(id)
        };
        app.ingest(request).await;
    }
    let everything = until_stored(&mut live[0], "4").await;
    for (n, (filter, is_asked)) in asked().into_iter().enumerate() {
        let mut expected = everything.clone();
        expected.retain(is_asked);
        assert!(expected.len() > 1);
        let live = match n {
            0 => everything.clone(),
            _ => until_stored(&mut live[n], "4").await,
        };
        assert_eq!(told(&live), told(&expected), "live: {filter:?}");
        let request = WatchAttachmentsRequest {
            cursor: begin.clone(),
            ..filter
        };
        let mut late = watch(&mut client, request).await;
        let late = until_stored(&mut late, "4").await;
        assert_eq!(told(&late), told(&expected), "caught up");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tenants_hear_each_of_their_own() {
    let app = TestApp::start().await;
    let tenants = [TENANT, OTHER_TENANT];
    let mut heard = Vec::new();
    let mut live = Vec::new();
    for tenant in tenants {
        live.push(watch(&mut app.client(tenant), from("")).await);
    }
    // The same names in both.
    for id in ["1", "2", "3"] {
        app.line_plays(id, &[]);
        for tenant in tenants {
            let registered = app.client(tenant).register_attachment(line(id)).await;
            let attachment = registered.unwrap().into_inner().attachment.unwrap();
            app.wait_final(tenant, &attachment.attachment_id).await;
            heard.push((tenant, attachment.attachment_id));
        }
    }
    for (tenant, mut stream) in tenants.into_iter().zip(live) {
        let told = until_stored(&mut stream, "3").await;
        assert_eq!(told.len(), 9, "pending, downloading and stored of each");
        for attachment in told {
            let whose = heard.iter().find(|(_, id)| *id == attachment.attachment_id);
            assert_eq!(whose.unwrap().0, tenant);
        }
    }
}
