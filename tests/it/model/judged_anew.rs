//! What was turned away is judged anew, by retry and by redrive.

use crate::support::{LINE, TENANT, TestApp, line};
use crate::surface::status::reason;
use attachments::dev::simulator::{Fixture, Media};
use attachments::proto::attachment::{FailureReason, Status};
use attachments::proto::{
    Attachment, Channel, Limits, ListRedrivesRequest, PutChannelRequest, RedriveAttachmentsRequest,
    RegisterAttachmentRequest, RetryAttachmentRequest, WatchAttachmentsRequest,
    WatchAttachmentsResponse,
};
use tonic::Code;

async fn limit(app: &TestApp, limits: Limits) {
    let request = PutChannelRequest {
        channel: Some(Channel {
            channel_id: LINE.to_owned(),
            limits: Some(limits),
            ..Channel::default()
        }),
        update_mask: Some(prost_types::FieldMask {
            paths: vec!["limits".to_owned()],
        }),
    };
    app.admin(TENANT).put_channel(request).await.unwrap();
}

async fn retry(app: &TestApp, id: &str) -> Result<Attachment, tonic::Status> {
    let request = RetryAttachmentRequest {
        attachment_id: id.to_owned(),
    };
    let answer = app.client(TENANT).retry_attachment(request).await?;
    Ok(answer.into_inner().attachment.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_raised_limit_lets_a_rejected_file_in() {
    let app = TestApp::start().await;
    limit(
        &app,
        Limits {
            image_max_bytes: Some(100),
            ..Limits::default()
        },
    )
    .await;
    app.line_plays("1001", &[]);
    let rejected = app.ingest(line("1001")).await;
    assert_eq!(rejected.failure_reason(), FailureReason::TooLarge);
    // Judged anew under the same rule it ends as before.
    retry(&app, &rejected.attachment_id).await.unwrap();
    let again = app.wait_final(TENANT, &rejected.attachment_id).await;
    assert_eq!(again.failure_reason(), FailureReason::TooLarge);

    limit(&app, Limits::default()).await;
    let mut watch = app
        .client(TENANT)
        .watch_attachments(WatchAttachmentsRequest::default())
        .await
        .unwrap()
        .into_inner();
    let back = retry(&app, &rejected.attachment_id).await.unwrap();
    assert_eq!(
        (back.attempt_count, back.failure_reason()),
        (0, FailureReason::Unspecified)
    );
    let stored = app.wait_final(TENANT, &rejected.attachment_id).await;
    assert_eq!(stored.status(), Status::Stored);
    let mut heard = Vec::new();
    while heard.last() != Some(&Status::Stored) {
        let WatchAttachmentsResponse { attachment, .. } = watch.message().await.unwrap().unwrap();
        heard.push(attachment.unwrap().status());
    }
    assert_eq!(
        heard,
        [Status::Pending, Status::Downloading, Status::Stored]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_type_that_was_opted_in_meanwhile_is_taken() {
    let app = TestApp::start().await;
    let page = Media::fixture(Fixture::Html);
    app.simulator.put_line_message("1001", page);
    let request = RegisterAttachmentRequest {
        declared_content_type: "text/html".to_owned(),
        ..line("1001")
    };
    let unsupported = app.ingest(request).await;
    assert_eq!(unsupported.status(), Status::Unsupported);
    limit(
        &app,
        Limits {
            extra_content_types: vec!["text/html".to_owned()],
            ..Limits::default()
        },
    )
    .await;
    let request = RedriveAttachmentsRequest {
        statuses: vec![Status::Unsupported.into()],
        request_id: "opted-in".to_owned(),
        ..RedriveAttachmentsRequest::default()
    };
    let redriven = app.admin(TENANT).redrive_attachments(request.clone()).await;
    let redriven = redriven.unwrap().into_inner();
    assert_eq!((redriven.redriven_count, redriven.done), (1, true));
    let stored = app.wait_final(TENANT, &unsupported.attachment_id).await;
    assert_eq!(stored.status(), Status::Stored);

    // A repeat is the same redrive, and is on record once.
    let repeat = app.admin(TENANT).redrive_attachments(request).await;
    assert_eq!(repeat.unwrap().into_inner().redrive_id, redriven.redrive_id);
    let listed = app
        .admin(TENANT)
        .list_redrives(ListRedrivesRequest::default())
        .await;
    let listed = listed.unwrap().into_inner().redrives;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].redriven_count, 1);
    assert_eq!(
        listed[0].request.as_ref().unwrap().statuses,
        [i32::from(Status::Unsupported)]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_too_many_stays_out_until_there_is_room() {
    let app = TestApp::start().await;
    limit(
        &app,
        Limits {
            max_files_per_message: Some(1),
            ..Limits::default()
        },
    )
    .await;
    let in_message = |id: &str| RegisterAttachmentRequest {
        message_id: "M1".to_owned(),
        ..line(id)
    };
    // The policy in force is some seconds old at most.
    app.eventually("the limit to be in force", || async {
        app.line_plays("1", &[]);
        app.line_plays("2", &[]);
        app.register(in_message("1")).await;
        let second = app.register(in_message("2")).await;
        second.failure_reason() == FailureReason::TooManyFiles || {
            panic!("the limit came too late for this test: {second:?}")
        }
    })
    .await;
    let second = app.register(in_message("2")).await;
    let refused = retry(&app, &second.attachment_id).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    limit(
        &app,
        Limits {
            max_files_per_message: Some(2),
            ..Limits::default()
        },
    )
    .await;
    retry(&app, &second.attachment_id).await.unwrap();
    let stored = app.wait_final(TENANT, &second.attachment_id).await;
    assert_eq!(stored.status(), Status::Stored);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stored_or_deleted_is_not_put_back() {
    let app = TestApp::start().await;
    app.line_plays("1001", &[]);
    let stored = app.ingest(line("1001")).await;
    for _ in 0..2 {
        let refused = retry(&app, &stored.attachment_id).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition);
        assert_eq!(reason(&refused), "ATTACHMENT_NOT_RETRYABLE");
        app.delete(&stored.attachment_id).await;
    }
}
