//! Tenant isolation for attachment access.

use crate::support::{OTHER_TENANT, TENANT, TestApp, get_request, line};
use attachments::proto::batch_get_attachments_response::result::Result as Item;
use attachments::proto::delete_attachment_request::Target;
use attachments::proto::{
    BatchGetAttachmentsRequest, DeleteAttachmentRequest, ExplainAttachmentRequest,
    GetAttachmentBytesRequest, IssueAccessLinkRequest, ListAttachmentsRequest,
    attachment::Status as AttachmentStatus,
};
use tonic::{Code, Status};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_tenants_attachment_is_denied_as_if_it_were_not_there() {
    let app = TestApp::start().await;
    app.line_plays("1", &["ok"]);
    let mine = app.ingest(line("1")).await;
    let unknown = uuid::Uuid::now_v7().to_string();

    let foreign = refusals(&app, &mine.attachment_id).await;
    assert!(
        foreign
            .iter()
            .all(|refusal| refusal.code() == Code::NotFound),
        "{foreign:?}"
    );
    let as_told = |refusals: Vec<Status>| -> Vec<_> {
        refusals
            .into_iter()
            .map(|refusal| (refusal.message().to_owned(), refusal.details().to_vec()))
            .collect()
    };
    assert_eq!(as_told(foreign), as_told(refusals(&app, &unknown).await));

    let listed = app
        .client(OTHER_TENANT)
        .list_attachments(ListAttachmentsRequest {
            message_ids: vec!["1".to_owned()],
            ..ListAttachmentsRequest::default()
        })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(listed.attachments, []);
    // Nor did any of it change the owner's record.
    let after = app.wait_final(TENANT, &mine.attachment_id).await;
    assert_eq!(after, mine);
    assert_eq!(app.objects().await, [mine.storage_key]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tenants_with_one_media_id_have_a_file_each() {
    let app = TestApp::start().await;
    app.line_plays("1", &["ok"]);
    let mine = app.ingest(line("1")).await;
    let theirs = app
        .client(OTHER_TENANT)
        .register_attachment(line("1"))
        .await
        .unwrap()
        .into_inner();
    assert!(!theirs.duplicate);
    let theirs = theirs.attachment.unwrap().attachment_id;
    let theirs = app.wait_final(OTHER_TENANT, &theirs).await;
    assert_eq!(theirs.status(), AttachmentStatus::Stored);
    assert_ne!(theirs.attachment_id, mine.attachment_id);
    app.eventually_objects(vec![mine.storage_key, theirs.storage_key])
        .await;
}

/// What the other tenant is told, call by call.
async fn refusals(app: &TestApp, id: &str) -> Vec<Status> {
    let mut client = app.client(OTHER_TENANT);
    let attachment_id = || id.to_owned();
    let get = get_request(attachment_id());
    let explain = ExplainAttachmentRequest {
        attachment_id: attachment_id(),
    };
    let link = IssueAccessLinkRequest {
        attachment_id: attachment_id(),
        ..IssueAccessLinkRequest::default()
    };
    let bytes = GetAttachmentBytesRequest {
        attachment_id: attachment_id(),
        ..GetAttachmentBytesRequest::default()
    };
    let delete = DeleteAttachmentRequest {
        target: Some(Target::AttachmentId(attachment_id())),
        ..DeleteAttachmentRequest::default()
    };
    let batch = BatchGetAttachmentsRequest {
        attachment_ids: vec![attachment_id()],
    };
    let results = client.batch_get_attachments(batch).await.unwrap();
    let item = results.into_inner().results.remove(0).result.unwrap();
    let Item::Error(in_batch) = item else {
        panic!("{item:?}");
    };
    vec![
        client.get_attachment(get).await.unwrap_err(),
        client.explain_attachment(explain).await.unwrap_err(),
        client.issue_access_link(link).await.unwrap_err(),
        client.get_attachment_bytes(bytes).await.unwrap_err(),
        client.delete_attachment(delete).await.unwrap_err(),
        Status::new(in_batch.code.into(), in_batch.message),
    ]
}
