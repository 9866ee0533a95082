//! Following changes: by what was listed, by who sent it, while nothing happens.

use crate::support::{TENANT, TestApp, line, next_change};
use attachments::proto::attachment::{Kind, Status};
use attachments::proto::list_attachments_request::Order;
use attachments::proto::{
    ListAttachmentsRequest, RegisterAttachmentRequest, WatchAttachmentsRequest,
};
use prost_types::Duration;

fn of(id: &str, sender: &str) -> RegisterAttachmentRequest {
    RegisterAttachmentRequest {
        sender_id: sender.to_owned(),
        ..line(id)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_s_watcher_hears_of_the_deletion() {
    let app = TestApp::start().await;
    app.line_plays("1", &[]);
    app.line_plays("2", &[]);
    let mine = app.ingest(of("1", "U1")).await;
    app.ingest(of("2", "U2")).await;
    let request = WatchAttachmentsRequest {
        sender_id: "U1".to_owned(),
        ..WatchAttachmentsRequest::default()
    };
    let mut watch = app.watch(request).await;
    app.delete(&mine.attachment_id).await;
    let heard = next_change(&mut watch).await;
    assert!(heard.change_time.is_some());
    let heard = heard.attachment.unwrap();
    assert_eq!(
        (heard.attachment_id, heard.sender_id.as_str()),
        (mine.attachment_id, "")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watching_from_a_list_misses_nothing() {
    let app = TestApp::start().await;
    app.line_plays("1", &[]);
    app.ingest(line("1")).await;
    let listed = app
        .client(TENANT)
        .list_attachments(ListAttachmentsRequest::default())
        .await;
    let listed = listed.unwrap().into_inner();
    assert_eq!(listed.attachments.len(), 1);
    // It changes before anybody watches.
    app.delete(&listed.attachments[0].attachment_id).await;
    let request = WatchAttachmentsRequest {
        cursor: listed.watch_cursor,
        ..WatchAttachmentsRequest::default()
    };
    let mut watch = app.watch(request).await;
    let heard = next_change(&mut watch).await;
    assert_eq!(heard.attachment.unwrap().status(), Status::Deleted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checkpoints_come_at_once_and_while_nothing_happens() {
    let app = TestApp::start().await;
    let request = WatchAttachmentsRequest {
        message_ids: vec!["nobody-writes-this".to_owned()],
        checkpoint_interval: Some(Duration {
            seconds: 1,
            nanos: 0,
        }),
        ..WatchAttachmentsRequest::default()
    };
    let mut watch = app.watch(request).await;
    let first = next_change(&mut watch).await;
    assert!(first.attachment.is_none() && !first.cursor.is_empty());
    // Somebody else's changes move the place on.
    app.line_plays("1", &[]);
    let other = app.ingest(line("1")).await;
    let second = next_change(&mut watch).await;
    assert!(second.attachment.is_none());
    let request = WatchAttachmentsRequest {
        cursor: second.cursor,
        ..WatchAttachmentsRequest::default()
    };
    let mut watch = app.watch(request).await;
    app.delete(&other.attachment_id).await;
    let mut last = Status::Unspecified;
    while last != Status::Deleted {
        let heard = next_change(&mut watch).await;
        last = heard.attachment.unwrap().status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_filter_by_sender_kind_time_and_messages_in_both_orders() {
    let app = TestApp::start().await;
    for (id, sender) in [("1", "U1"), ("2", "U2"), ("3", "U1")] {
        app.line_plays(id, &[]);
        app.ingest(of(id, sender)).await;
    }
    let list = |request: ListAttachmentsRequest| {
        let mut client = app.client(TENANT);
        async move {
            let page = client.list_attachments(request).await.unwrap().into_inner();
            let ids = page
                .attachments
                .into_iter()
                .map(|attachment| attachment.message_id);
            ids.collect::<Vec<_>>()
        }
    };
    let all = ListAttachmentsRequest::default;
    assert_eq!(list(all()).await, ["3", "2", "1"]);
    let oldest = ListAttachmentsRequest {
        order: Order::OldestFirst.into(),
        ..all()
    };
    assert_eq!(list(oldest).await, ["1", "2", "3"]);
    let mine = ListAttachmentsRequest {
        sender_id: "U1".to_owned(),
        ..all()
    };
    assert_eq!(list(mine).await, ["3", "1"]);
    let of_two = ListAttachmentsRequest {
        message_ids: vec!["1".to_owned(), "2".to_owned()],
        ..all()
    };
    assert_eq!(list(of_two).await, ["2", "1"]);
    let images = ListAttachmentsRequest {
        kinds: vec![Kind::Image.into()],
        ..all()
    };
    assert_eq!(list(images).await.len(), 3);
    let films = ListAttachmentsRequest {
        kinds: vec![Kind::Video.into()],
        ..all()
    };
    assert!(list(films).await.is_empty());
    let second: prost_types::Timestamp = app
        .client(TENANT)
        .list_attachments(ListAttachmentsRequest {
            message_ids: vec!["2".to_owned()],
            ..all()
        })
        .await
        .unwrap()
        .into_inner()
        .attachments[0]
        .create_time
        .unwrap();
    let since = ListAttachmentsRequest {
        create_time_after: Some(second),
        ..all()
    };
    assert_eq!(list(since).await, ["3", "2"]);
    let before = ListAttachmentsRequest {
        create_time_before: Some(second),
        ..all()
    };
    assert_eq!(list(before).await, ["1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_in_both_orders_have_every_record_once() {
    let app = TestApp::start().await;
    for n in 0..7 {
        app.register(line(&n.to_string())).await;
    }
    for order in [Order::NewestFirst, Order::OldestFirst] {
        let mut seen = Vec::new();
        let mut token = String::new();
        loop {
            let request = ListAttachmentsRequest {
                order: order.into(),
                page_size: 3,
                page_token: token,
                ..ListAttachmentsRequest::default()
            };
            let page = app
                .client(TENANT)
                .list_attachments(request)
                .await
                .unwrap()
                .into_inner();
            seen.extend(
                page.attachments
                    .into_iter()
                    .map(|attachment| attachment.message_id),
            );
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        if order == Order::NewestFirst {
            seen.reverse();
        }
        assert_eq!(seen, ["0", "1", "2", "3", "4", "5", "6"], "{order:?}");
    }
}
