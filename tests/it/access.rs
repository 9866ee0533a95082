//! Records by their ids: read one by one, in batches, and deleted.

use crate::support::{OTHER_TENANT, TENANT, TestApp, get_request, line};
use crate::surface::stage::{
    UNKNOWN, hold_still, one_in_each_status, picture, stored, stored_named,
};
use crate::surface::status::{of_item, reason, violated};
use attachments::dev::object_store::{Fault, Operation};
use attachments::proto::batch_get_attachments_response::result::Result as Item;
use attachments::proto::delete_attachment_request::Target;
use attachments::proto::{
    Attachment, BatchGetAttachmentsRequest, DeleteAttachmentRequest, RegisterAttachmentRequest,
    attachment::FailureReason, attachment::Kind as AttachmentKind,
    attachment::Status as AttachmentStatus,
};
use reqwest::StatusCode;
use tonic::{Code, Status};

async fn get(app: &TestApp, id: &str) -> Result<Attachment, Status> {
    let answer = app.client(TENANT).get_attachment(get_request(id)).await;
    answer.map(|answer| answer.into_inner().attachment.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_tells_what_was_announced_and_what_came() {
    let app = TestApp::start().await;
    let image = picture();
    let (size, checksum) = (image.size_bytes(), image.checksum_sha256());
    app.simulator.put_line_message("1", image);
    let request = RegisterAttachmentRequest {
        message_id: "m-1".to_owned(),
        conversation_id: "v-1".to_owned(),
        correlation_id: "c-1".to_owned(),
        file_name: "แมว cat.png".to_owned(),
        declared_content_type: "image/jpeg".to_owned(),
        declared_size_bytes: Some(12),
        ..line("1")
    };
    let registered = app.register(request.clone()).await;
    assert_eq!(registered.status(), AttachmentStatus::Pending);
    assert_eq!(registered.kind(), AttachmentKind::Image);
    assert!(registered.next_attempt_time.is_some() && !registered.retryable);
    let stored = app.wait_final(TENANT, &registered.attachment_id).await;
    assert_eq!(get(&app, &stored.attachment_id).await.unwrap(), stored);

    assert_eq!(stored.status(), AttachmentStatus::Stored, "{stored:#?}");
    assert_eq!(stored.channel_id, request.channel_id);
    assert_eq!(stored.message_id, "m-1");
    assert_eq!(stored.conversation_id, "v-1");
    assert_eq!(stored.correlation_id, "c-1");
    assert_eq!(stored.file_name, "แมว cat.png");
    assert_eq!(stored.declared_content_type, "image/jpeg");
    assert_eq!(stored.declared_size_bytes, Some(12));
    assert_eq!(stored.content_type, "image/png");
    assert_eq!(usize::try_from(stored.size_bytes).unwrap(), size);
    assert_eq!(stored.checksum_sha256, checksum);
    assert_eq!(stored.failure_reason(), FailureReason::Unspecified);
    assert_eq!(stored.failure_message, "");
    assert_eq!((stored.attempt_count, stored.max_attempts), (1, 5));
    assert!(stored.next_attempt_time.is_none() && stored.expire_time.is_none());
    assert!(stored.stored_time.is_some());
    assert_eq!(stored.create_time, registered.create_time);
    let id = &stored.attachment_id;
    let expected = format!("attachments/durable/{TENANT}/c-1/{id}/");
    assert!(stored.storage_key.starts_with(&expected));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_id_is_not_found() {
    let app = TestApp::start().await;
    let refused = get(&app, UNKNOWN).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    assert_eq!(reason(&refused), "ATTACHMENT_NOT_FOUND");
    let foreign = app
        .client(OTHER_TENANT)
        .register_attachment(line("1"))
        .await;
    let foreign = foreign.unwrap().into_inner().attachment.unwrap();
    let refused = get(&app, &foreign.attachment_id).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_answers_in_order_item_by_item() {
    let app = TestApp::start().await;
    let first = stored(&app, "1", picture()).await;
    let second = stored(&app, "2", picture()).await;
    let foreign = app
        .client(OTHER_TENANT)
        .register_attachment(line("1"))
        .await;
    let foreign = foreign.unwrap().into_inner().attachment.unwrap();
    let ids = [
        second.attachment_id.as_str(),
        "no id",
        UNKNOWN,
        &first.attachment_id,
        &foreign.attachment_id,
        &second.attachment_id,
    ];
    let request = BatchGetAttachmentsRequest {
        attachment_ids: ids.map(str::to_owned).to_vec(),
    };
    let answer = app.client(TENANT).batch_get_attachments(request).await;
    let results = answer.unwrap().into_inner().results;
    let results: Vec<_> = results.into_iter().map(|it| it.result.unwrap()).collect();
    assert_eq!(results.len(), ids.len());
    for (at, expected) in [(0, &second), (3, &first), (5, &second)] {
        assert_eq!(results[at], Item::Attachment(expected.clone()), "{at}");
    }
    assert_eq!(results[2], results[4], "unknown and foreign");
    let refusal = |at: usize| match &results[at] {
        Item::Error(error) => of_item(error.clone()),
        Item::Attachment(attachment) => panic!("{at}: {attachment:?}"),
    };
    assert_eq!(violated(&refusal(1)), ["attachment_ids[1]"]);
    assert_eq!(refusal(2).code(), Code::NotFound);
    assert_eq!(reason(&refusal(2)), "ATTACHMENT_NOT_FOUND");
}

/// As a newer version may write it during a deploy, or a hand.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_cannot_be_read_costs_the_others_nothing() {
    let app = TestApp::start().await;
    let good = app.register(line("1")).await.attachment_id;
    for (id, poison) in [("2", "source = 'null'"), ("3", "channel_id = 'a b'")] {
        let bad = app.register(line(id)).await.attachment_id;
        let poisoned = format!("update attachments set {poison} where media_id = '{id}'");
        sqlx::query(sqlx::AssertSqlSafe(poisoned))
            .execute(&app.pool)
            .await
            .unwrap();
        let request = BatchGetAttachmentsRequest {
            attachment_ids: vec![bad, good.clone()],
        };
        let answer = app.client(TENANT).batch_get_attachments(request).await;
        let results = answer.unwrap().into_inner().results;
        let results: Vec<_> = results.into_iter().map(|it| it.result.unwrap()).collect();
        let [Item::Error(error), Item::Attachment(_)] = results.as_slice() else {
            panic!("{poison}: {results:?}");
        };
        assert_eq!(of_item(error.clone()).code(), Code::Internal, "{poison}");
    }
    // Times that no reader can hold cannot be written at all.
    let endless = sqlx::query("update attachments set created_at = 'infinity'");
    let refused = endless.execute(&app.pool).await.unwrap_err();
    assert!(
        refused.to_string().contains("attachments_times"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_ids_are_answered_at_once() {
    let app = TestApp::start().await;
    let known = app.register(line("1")).await.attachment_id;
    let request = BatchGetAttachmentsRequest {
        attachment_ids: vec![known; 100],
    };
    let answer = app.client(TENANT).batch_get_attachments(request).await;
    let results = answer.unwrap().into_inner().results;
    assert_eq!(results.len(), 100);
    let is_record = |item: &Option<Item>| matches!(item, Some(Item::Attachment(_)));
    assert!(results.iter().all(|result| is_record(&result.result)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deletion_clears_the_record_and_kills_the_link() {
    let app = TestApp::start().await;
    let before = stored_named(&app, "1", picture(), "private cat.png").await;
    let link = app.link(&before.attachment_id).await;
    assert_eq!(reqwest::get(&link).await.unwrap().status(), StatusCode::OK);

    let deleted = app.delete(&before.attachment_id).await;
    assert_eq!(deleted.status(), AttachmentStatus::Deleted);
    assert_eq!(deleted.failure_reason(), FailureReason::DeleteRequested);
    assert!(!deleted.failure_message.is_empty() && !deleted.retryable);
    assert_eq!(deleted.file_name, "");
    assert_eq!(deleted.checksum_sha256, "");
    assert_eq!(deleted.storage_key, "");
    assert_eq!(deleted.size_bytes, 0);
    assert!(deleted.stored_time.is_none());
    let dead = reqwest::get(&link).await.unwrap();
    assert_eq!(dead.status(), StatusCode::NOT_FOUND);
    assert_eq!(app.objects().await, [""; 0]);
    // Nothing of the name or the checksum is left anywhere in the row.
    let row: String = sqlx::query_scalar("select row_to_json(a)::text from attachments a")
        .fetch_one(&app.pool)
        .await
        .unwrap();
    assert!(!row.contains("cat") && !row.contains(&before.checksum_sha256));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting_again_changes_nothing() {
    let app = TestApp::start().await;
    let id = stored(&app, "1", picture()).await.attachment_id;
    let first = app.delete(&id).await;
    let again = app.delete(&id).await;
    assert_eq!(again, first);
    assert_eq!(get(&app, &id).await.unwrap(), first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deletion_wins_over_every_status() {
    let app = TestApp::start_with(hold_still).await;
    for (status, id) in one_in_each_status(&app).await {
        let deleted = app.delete(&id).await;
        assert_eq!(deleted.status(), AttachmentStatus::Deleted, "{status:?}");
        assert_eq!(deleted.failure_reason(), FailureReason::DeleteRequested);
        assert!(deleted.next_attempt_time.is_none(), "{status:?}");
    }
    assert_eq!(app.work_rows().await, 0);
    app.eventually_objects(Vec::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_while_the_store_is_away_is_made_up_for() {
    let app = TestApp::start().await;
    let id = stored(&app, "1", picture()).await.attachment_id;
    let unavailable = Fault::Status(StatusCode::SERVICE_UNAVAILABLE);
    app.store.faults().inject(Operation::Delete, 2, unavailable);
    let deleted = app.delete(&id).await;
    assert_eq!(deleted.status(), AttachmentStatus::Deleted);
    app.eventually_objects(Vec::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_cannot_be_deleted() {
    let app = TestApp::start().await;
    let request = DeleteAttachmentRequest {
        target: Some(Target::AttachmentId(UNKNOWN.to_owned())),
        ..DeleteAttachmentRequest::default()
    };
    let refused = app.client(TENANT).delete_attachment(request).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    assert_eq!(reason(&refused), "ATTACHMENT_NOT_FOUND");
}
