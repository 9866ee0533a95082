//! Registering again: one record per file, whoever repeats it and when.

use super::stage::{picture, stored};
use super::status::{of_item, violated};
use crate::support::{LINE, TENANT, TestApp, line};
use attachments::proto::batch_register_attachments_response::result::Result as Item;
use attachments::proto::register_attachment_request::Source;
use attachments::proto::{
    BatchRegisterAttachmentsRequest, LineSource, RegisterAttachmentRequest,
    RegisterAttachmentResponse, attachment::Status as AttachmentStatus,
};
use std::collections::BTreeSet;
use tonic::Status;

async fn batch(
    app: &TestApp,
    requests: Vec<RegisterAttachmentRequest>,
) -> Vec<Result<RegisterAttachmentResponse, Status>> {
    let count = requests.len();
    let request = BatchRegisterAttachmentsRequest { requests };
    let answer = app.client(TENANT).batch_register_attachments(request).await;
    let results = answer.unwrap().into_inner().results;
    assert_eq!(results.len(), count);
    let results = results.into_iter().map(|result| result.result.unwrap());
    results
        .map(|result| match result {
            Item::Response(response) => Ok(response),
            Item::Error(error) => Err(of_item(error)),
        })
        .collect()
}

fn id(answer: &RegisterAttachmentResponse) -> String {
    answer.attachment.as_ref().unwrap().attachment_id.clone()
}

async fn rows(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from attachments")
        .fetch_one(&app.pool)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn duplicates_inside_a_batch_share_one_record() {
    let app = TestApp::start().await;
    // 50 items of 10 files, each file five times.
    let requests: Vec<_> = (0..50).map(|n| line(&(n % 10).to_string())).collect();
    let answers = batch(&app, requests).await;
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    for (n, answer) in answers.iter().enumerate() {
        assert_eq!(answer.duplicate, n >= 10, "{n}");
        assert_eq!(id(answer), id(&answers[n % 10]), "{n}");
        let attachment = answer.attachment.as_ref().unwrap();
        assert_eq!(attachment.message_id, (n % 10).to_string());
    }
    let different: BTreeSet<_> = answers.iter().map(id).collect();
    assert_eq!(different.len(), 10);
    assert_eq!(rows(&app).await, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_item_does_not_cost_the_others() {
    let app = TestApp::start().await;
    let mut requests: Vec<_> = (0..5).map(|n| line(&n.to_string())).collect();
    requests[2].channel_id.clear();
    let answers = batch(&app, requests).await;
    for (n, answer) in answers.iter().enumerate() {
        match answer {
            Ok(answer) => {
                let attachment = answer.attachment.as_ref().unwrap();
                assert_eq!(attachment.message_id, n.to_string());
            }
            Err(refused) => assert_eq!(violated(refused), ["requests[2].channel_id"]),
        }
    }
    assert_eq!(answers.iter().filter(|answer| answer.is_err()).count(), 1);
    assert_eq!(rows(&app).await, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_beyond_50_records_nothing() {
    let app = TestApp::start().await;
    let requests: Vec<_> = (0..51).map(|n| line(&n.to_string())).collect();
    let request = BatchRegisterAttachmentsRequest { requests };
    let answer = app.client(TENANT).batch_register_attachments(request).await;
    assert_eq!(violated(&answer.unwrap_err()), ["requests"]);
    assert_eq!(rows(&app).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn channel_and_part_tell_files_apart_and_nothing_else_does() {
    let app = TestApp::start().await;
    let first = RegisterAttachmentRequest {
        file_name: "first.png".to_owned(),
        ..line("1")
    };
    let first = app.register(first).await;
    let part = |part: &str| RegisterAttachmentRequest {
        source: Some(Source::Line(LineSource {
            message_id: "1".to_owned(),
            part: part.to_owned(),
            ..LineSource::default()
        })),
        ..line("1")
    };
    let elsewhere = RegisterAttachmentRequest {
        channel_id: "another-channel".to_owned(),
        ..line("1")
    };
    let told_otherwise = RegisterAttachmentRequest {
        message_id: "another-message".to_owned(),
        conversation_id: "another-conversation".to_owned(),
        file_name: "another.png".to_owned(),
        declared_size_bytes: Some(1),
        ..line("1")
    };
    let answers = batch(
        &app,
        vec![part(""), part("preview"), elsewhere, told_otherwise],
    )
    .await;
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    let duplicates: Vec<_> = answers.iter().map(|answer| answer.duplicate).collect();
    assert_eq!(duplicates, [true, false, false, true]);
    // The first record stands, whatever the repeat says.
    let repeated = answers[3].attachment.as_ref().unwrap();
    assert_eq!(repeated.attachment_id, first.attachment_id);
    assert_eq!(repeated.message_id, "1");
    assert_eq!(repeated.file_name, "first.png");
    assert_eq!(rows(&app).await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_that_registers_one_file_finds_one_record() {
    let app = TestApp::start().await;
    let client = app.client(TENANT);
    let crowd = (0..40).map(|_| {
        let mut client = client.clone();
        async move { client.register_attachment(line("1")).await }
    });
    let answers = futures::future::join_all(crowd).await;
    let answers: Vec<_> = answers
        .into_iter()
        .map(|answer| answer.unwrap().into_inner())
        .collect();
    let fresh = answers.iter().filter(|answer| !answer.duplicate).count();
    assert_eq!(fresh, 1);
    let different: BTreeSet<_> = answers.iter().map(id).collect();
    assert_eq!(different.len(), 1);
    assert_eq!(rows(&app).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_deleted_stays_so_when_it_is_registered_again() {
    let app = TestApp::start().await;
    let first = stored(&app, "1", picture()).await;
    app.delete(&first.attachment_id).await;
    let requests = app.simulator.requests_for("/1/content");
    let again = app.client(TENANT).register_attachment(line("1")).await;
    let again = again.unwrap().into_inner();
    assert!(again.duplicate);
    let attachment = again.attachment.unwrap();
    assert_eq!(attachment.attachment_id, first.attachment_id);
    assert_eq!(attachment.channel_id, LINE);
    assert_eq!(attachment.status(), AttachmentStatus::Deleted);
    // Nor is it downloaded again: another file goes through, it does not.
    stored(&app, "2", picture()).await;
    assert_eq!(app.simulator.requests_for("/1/content"), requests);
    assert_eq!(app.work_rows().await, 0);
}
