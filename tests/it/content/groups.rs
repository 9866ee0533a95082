//! A group's files, with a link each: the agent's first call.

use super::A_MINUTE;
use crate::support::{TENANT, TestApp, line};
use attachments::dev::simulator::{Fixture, Media};
use attachments::proto::attachment::Status;
use attachments::proto::list_enriched_attachments_request::Group;
use attachments::proto::purge_attachments_request::Group as PurgedGroup;
use attachments::proto::{
    ListEnrichedAttachmentsRequest, ListEnrichedAttachmentsResponse, PurgeAttachmentsRequest,
    RegisterAttachmentRequest,
};

async fn enriched(
    app: &TestApp,
    request: ListEnrichedAttachmentsRequest,
) -> ListEnrichedAttachmentsResponse {
    let answer = app.client(TENANT).list_enriched_attachments(request).await;
    answer.unwrap().into_inner()
}

fn of_request(id: &str) -> ListEnrichedAttachmentsRequest {
    ListEnrichedAttachmentsRequest {
        group: Some(Group::CorrelationId(id.to_owned())),
        ..ListEnrichedAttachmentsRequest::default()
    }
}

fn in_request(id: &str, message: &str) -> RegisterAttachmentRequest {
    RegisterAttachmentRequest {
        correlation_id: id.to_owned(),
        ..line(message)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_is_waited_for_enriched_read_and_purged() {
    let app = TestApp::with_content().await;
    for fixture in [Fixture::Png, Fixture::Pdf, Fixture::Docx] {
        let id = fixture.extension();
        app.simulator.put_line_message(id, Media::fixture(fixture));
        app.register(in_request("request-1", id)).await;
    }
    app.line_plays("gone", &["404"]);
    app.register(in_request("request-1", "gone")).await;

    let request = ListEnrichedAttachmentsRequest {
        wait: A_MINUTE,
        expected_count: Some(4),
        ..of_request("request-1")
    };
    let group = enriched(&app, request).await;
    assert!(group.complete, "{group:?}");
    assert_eq!((group.pending_count, group.attachments.len()), (0, 4));
    for file in &group.attachments {
        if file.id == "gone" {
            assert_eq!(file.status(), Status::Failed);
            assert_eq!((file.presigned_url.as_str(), file.expire_time), ("", None));
            assert_ne!(file.failure_message, "");
            continue;
        }
        assert_eq!(file.status(), Status::Stored);
        assert!(file.expire_time.is_some());
        let fetched = reqwest::get(&file.presigned_url).await.unwrap();
        let bytes = fetched.bytes().await.unwrap();
        assert_eq!(bytes.len(), usize::try_from(file.size).unwrap());
        assert_ne!(file.mimetype, "");
    }
    // Originals, a thumbnail, and two texts.
    assert_eq!(app.objects().await.len(), 6);

    let purged = PurgeAttachmentsRequest {
        group: Some(PurgedGroup::CorrelationId("request-1".to_owned())),
        ..PurgeAttachmentsRequest::default()
    };
    app.client(TENANT).purge_attachments(purged).await.unwrap();
    app.eventually_objects(Vec::new()).await;
    let rows: i64 = sqlx::query_scalar("select count(*) from objects")
        .fetch_one(&app.pool)
        .await
        .unwrap();
    assert_eq!(rows, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_is_not_whole_says_so_when_the_time_is_up() {
    let app = TestApp::with_content().await;
    let soon = Some(prost_types::Duration {
        seconds: 0,
        nanos: 200_000_000,
    });
    let waits = |id: &str| ListEnrichedAttachmentsRequest {
        wait: soon,
        ..of_request(id)
    };
    let empty = enriched(&app, waits("nobody")).await;
    assert!(!empty.complete);
    assert_eq!((empty.pending_count, empty.attachments.len()), (0, 0));

    app.line_plays("1001", &["stall"]);
    app.register(in_request("request-2", "1001")).await;
    let pending = enriched(&app, waits("request-2")).await;
    assert!(!pending.complete);
    assert_eq!((pending.pending_count, pending.attachments.len()), (1, 1));

    app.line_plays("1002", &[]);
    app.register(in_request("request-3", "1002")).await;
    let lacking = ListEnrichedAttachmentsRequest {
        expected_count: Some(2),
        ..waits("request-3")
    };
    assert!(!enriched(&app, lacking).await.complete);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_a_group_give_every_file_once() {
    let app = TestApp::with_content().await;
    for n in 0..5 {
        let id = format!("10{n}");
        app.line_plays(&id, &[]);
        app.register(in_request("request-4", &id)).await;
    }
    let mut ids = Vec::new();
    let mut request = ListEnrichedAttachmentsRequest {
        page_size: 2,
        wait: A_MINUTE,
        expected_count: Some(5),
        ..of_request("request-4")
    };
    loop {
        let page = enriched(&app, request.clone()).await;
        assert!(page.complete);
        ids.extend(page.attachments.into_iter().map(|file| file.id));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(ids, ["100", "101", "102", "103", "104"]);
}
