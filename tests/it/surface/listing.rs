//! Listings: filters, pages and their tokens.

use super::stage::{hold_still, one_in_each_status, retried_later};
use super::status::violated;
use crate::support::{TENANT, TestApp, line};
use attachments::proto::{
    Attachment, BatchRegisterAttachmentsRequest, ListAttachmentsRequest, ListAttachmentsResponse,
    RegisterAttachmentRequest, attachment::Status as AttachmentStatus,
};
use std::collections::BTreeSet;
use uuid::Uuid;

async fn page(app: &TestApp, request: ListAttachmentsRequest) -> ListAttachmentsResponse {
    let answer = app.client(TENANT).list_attachments(request).await;
    answer.unwrap().into_inner()
}

fn ids(attachments: &[Attachment]) -> Vec<String> {
    attachments
        .iter()
        .map(|attachment| attachment.attachment_id.clone())
        .collect()
}

/// Registers so many, a message each, in batches; gives their ids, newest first.
async fn register_many(app: &TestApp, count: usize, conversation: &str) -> Vec<String> {
    let requests: Vec<_> = (0..count)
        .map(|n| RegisterAttachmentRequest {
            // Nobody has put this channel, so nothing is downloaded.
            channel_id: "nobodys".to_owned(),
            conversation_id: conversation.to_owned(),
            ..line(&format!("{conversation}-{n}"))
        })
        .collect();
    for requests in requests.chunks(50) {
        let requests = requests.to_vec();
        let request = BatchRegisterAttachmentsRequest { requests };
        let answer = app.client(TENANT).batch_register_attachments(request).await;
        answer.unwrap();
    }
    let mut all: Vec<String> =
        sqlx::query_scalar("select id::text from attachments where conversation_id = $1")
            .bind(conversation)
            .fetch_all(&app.pool)
            .await
            .unwrap();
    assert_eq!(all.len(), count);
    all.sort();
    all.reverse();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_give_everything_once_and_newest_first() {
    let app = TestApp::start().await;
    let all = register_many(&app, 120, "long").await;
    register_many(&app, 3, "short").await;
    for (page_size, in_a_page) in [(0, 50), (7, 7), (120, 120)] {
        let mut seen = Vec::new();
        let mut sizes = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = ListAttachmentsRequest {
                conversation_id: "long".to_owned(),
                page_size,
                page_token,
                ..ListAttachmentsRequest::default()
            };
            let found = page(&app, request).await;
            sizes.push(found.attachments.len());
            seen.extend(ids(&found.attachments));
            page_token = found.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(seen, all, "by {page_size}");
        let expected: Vec<_> = all.chunks(in_a_page).map(<[_]>::len).collect();
        assert_eq!(sizes, expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_has_200_records_at_most() {
    let app = TestApp::start().await;
    register_many(&app, 201, "long").await;
    for page_size in [200, 201, i32::MAX] {
        let request = ListAttachmentsRequest {
            page_size,
            ..ListAttachmentsRequest::default()
        };
        let found = page(&app, request).await;
        assert_eq!(found.attachments.len(), 200);
        assert!(!found.next_page_token.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_registered_meanwhile_does_not_move_the_pages() {
    let app = TestApp::start().await;
    let before = register_many(&app, 4, "before").await;
    let request = |page_token| ListAttachmentsRequest {
        page_size: 2,
        page_token,
        ..ListAttachmentsRequest::default()
    };
    let first = page(&app, request(String::new())).await;
    register_many(&app, 2, "meanwhile").await;
    let second = page(&app, request(first.next_page_token)).await;
    let seen = [ids(&first.attachments), ids(&second.attachments)].concat();
    assert_eq!(seen, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_that_are_set_must_all_match() {
    let app = TestApp::start().await;
    let register = async |id: &str, message: &str, conversation: &str, correlation: &str| {
        let request = RegisterAttachmentRequest {
            channel_id: "nobodys".to_owned(),
            message_id: message.to_owned(),
            conversation_id: conversation.to_owned(),
            correlation_id: correlation.to_owned(),
            ..line(id)
        };
        app.register(request).await.attachment_id
    };
    let a = register("a", "m1", "v1", "c1").await;
    let b = register("b", "m2", "v1", "c1").await;
    let c = register("c", "m2", "v2", "c1").await;
    let d = register("d", "m3", "v2", "").await;
    for (message, conversation, correlation, expected) in [
        ("", "", "", vec![&a, &b, &c, &d]),
        ("m1", "", "", vec![&a]),
        ("m2", "", "", vec![&b, &c]),
        ("", "v1", "", vec![&a, &b]),
        ("", "", "c1", vec![&a, &b, &c]),
        ("m2", "v2", "", vec![&c]),
        ("m2", "", "c1", vec![&b, &c]),
        ("", "v2", "c1", vec![&c]),
        ("m2", "v1", "c1", vec![&b]),
        ("m3", "v1", "", vec![]),
        ("m4", "", "", vec![]),
    ] {
        let request = ListAttachmentsRequest {
            message_ids: Some(message.to_owned())
                .filter(|id| !id.is_empty())
                .into_iter()
                .collect(),
            conversation_id: conversation.to_owned(),
            correlation_id: correlation.to_owned(),
            ..ListAttachmentsRequest::default()
        };
        let found: BTreeSet<_> = ids(&page(&app, request).await.attachments)
            .into_iter()
            .collect();
        let expected: BTreeSet<_> = expected.into_iter().cloned().collect();
        assert_eq!(found, expected, "{message} {conversation} {correlation}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_status_that_a_reader_sees_is_one_to_list_by() {
    let app = TestApp::start_with(hold_still).await;
    let later = retried_later(&app).await;
    let by_status = one_in_each_status(&app).await;
    assert_eq!(by_status.len(), 7);
    let listed = async |statuses: &[AttachmentStatus]| {
        let request = ListAttachmentsRequest {
            statuses: statuses.iter().map(|status| (*status).into()).collect(),
            ..ListAttachmentsRequest::default()
        };
        let found = page(&app, request).await.attachments;
        for attachment in &found {
            assert!(statuses.contains(&attachment.status()), "{attachment:?}");
        }
        ids(&found).into_iter().collect::<BTreeSet<_>>()
    };
    for (status, id) in &by_status {
        let mut expected = BTreeSet::from([id.clone()]);
        if *status == AttachmentStatus::Failed {
            expected.insert(later.clone());
        }
        assert_eq!(listed(&[*status]).await, expected, "{status:?}");
    }
    let chosen = [AttachmentStatus::Stored, AttachmentStatus::Pending];
    let both = listed(&chosen).await;
    let expected = chosen.map(|status| by_status[&status].clone());
    assert_eq!(both, BTreeSet::from(expected));
}

/// Each status is read by itself, and the pages are of all of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_several_statuses_give_everything_once_and_newest_first() {
    let app = TestApp::start().await;
    let all = register_many(&app, 30, "mixed").await;
    // Every third one has failed for want of a channel; the others end so.
    for (nth, end, reason) in [
        (1, "unsupported", "CONTENT_TYPE_NOT_ALLOWED"),
        (2, "rejected", "TOO_LARGE"),
    ] {
        let ids: Vec<Uuid> = all
            .iter()
            .skip(nth)
            .step_by(3)
            .map(|id| id.parse().unwrap())
            .collect();
        let ends = format!(
            "with ended as (delete from work where attachment_id = any($1))
             update attachments set status = '{end}', failure_reason = '{reason}'
             where id = any($1)"
        );
        sqlx::query(sqlx::AssertSqlSafe(ends))
            .bind(ids)
            .execute(&app.pool)
            .await
            .unwrap();
    }
    let mut request = ListAttachmentsRequest {
        statuses: [
            AttachmentStatus::Rejected,
            AttachmentStatus::Pending,
            AttachmentStatus::Downloading,
            AttachmentStatus::Failed,
            AttachmentStatus::Unsupported,
        ]
        .map(i32::from)
        .to_vec(),
        page_size: 7,
        ..ListAttachmentsRequest::default()
    };
    let mut seen = Vec::new();
    loop {
        let answer = page(&app, request.clone()).await;
        seen.extend(ids(&answer.attachments));
        request.page_token = answer.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, all);
    request.statuses = vec![AttachmentStatus::Rejected.into()];
    request.page_size = 50;
    let rejected = ids(&page(&app, request).await.attachments);
    let expected: Vec<_> = all.iter().skip(2).step_by(3).cloned().collect();
    assert_eq!(rejected, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_nobody_can_read_hides_no_other() {
    let app = TestApp::start().await;
    let mut all = register_many(&app, 3, "poisoned").await;
    let poisoned = all.remove(1).parse::<Uuid>().unwrap();
    sqlx::query("update attachments set source = '{\"kind\":\"pigeon\"}' where id = $1")
        .bind(poisoned)
        .execute(&app.pool)
        .await
        .unwrap();
    let mut request = ListAttachmentsRequest {
        conversation_id: "poisoned".to_owned(),
        ..ListAttachmentsRequest::default()
    };
    assert_eq!(ids(&page(&app, request.clone()).await.attachments), all);
    // Page by page, its own is empty and not the last.
    request.page_size = 1;
    let mut seen = Vec::new();
    for expected in [1, 0, 1] {
        let answer = page(&app, request.clone()).await;
        assert_eq!(answer.attachments.len(), expected);
        seen.extend(ids(&answer.attachments));
        request.page_token = answer.next_page_token;
    }
    assert_eq!((seen, request.page_token.as_str()), (all, ""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_token_holds_for_the_filters_it_was_made_for() {
    let app = TestApp::start().await;
    register_many(&app, 3, "one").await;
    let made_for = ListAttachmentsRequest {
        conversation_id: "one".to_owned(),
        page_size: 1,
        ..ListAttachmentsRequest::default()
    };
    let page_token = page(&app, made_for.clone()).await.next_page_token;
    let again = |change: fn(&mut ListAttachmentsRequest)| {
        let mut request = ListAttachmentsRequest {
            page_token: page_token.clone(),
            ..made_for.clone()
        };
        change(&mut request);
        request
    };
    // Another page size is no other filter.
    let found = page(&app, again(|request| request.page_size = 2)).await;
    assert_eq!(found.attachments.len(), 2);
    let changes: [fn(&mut ListAttachmentsRequest); 6] = [
        |request| request.conversation_id.clear(),
        |request| "two".clone_into(&mut request.conversation_id),
        |request| request.message_ids = vec!["one".to_owned()],
        |request| "one".clone_into(&mut request.correlation_id),
        |request| request.statuses = vec![AttachmentStatus::Failed.into()],
        |request| request.page_token.push('A'),
    ];
    for change in changes {
        let answer = app.client(TENANT).list_attachments(again(change)).await;
        assert_eq!(violated(&answer.unwrap_err()), ["page_token"]);
    }
}
