//! The record of what was deleted goes in time, and its file does not come back.

use super::{ask, run};
use crate::audit::{assert_found, audit};
use crate::support::{TENANT, TestApp, get_request, line};
use attachments::audit::Repair;
use attachments::proto::attachment::{FailureReason, Status};
use attachments::proto::delete_attachment_request::Target;
use attachments::proto::{Attachment, DeleteAttachmentRequest};
use tonic::Code;

const LONG_AGO: &str = "update attachments set updated_at = now() - interval '92 days'
    where status = 'deleted'";

async fn deleted(app: &TestApp, message_id: &str) -> Attachment {
    app.line_plays(message_id, &[]);
    let stored = app.ingest(line(message_id)).await;
    let target = Some(Target::AttachmentId(stored.attachment_id));
    let delete = DeleteAttachmentRequest {
        target,
        ..DeleteAttachmentRequest::default()
    };
    let answer = app.client(TENANT).delete_attachment(delete).await.unwrap();
    answer.into_inner().attachments.remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_is_gone_bars_its_file_for_ever() {
    let app = TestApp::start().await;
    let gone = deleted(&app, "gone").await;
    let young = deleted(&app, "young").await;
    let old = "update attachments set updated_at = now() - interval '92 days'
        where message_id = 'gone'";
    assert_eq!(run(&app, old).await, 1);
    app.eventually("the record to be gone", || async {
        ask::<i64>(&app, "select count(*) from attachments").await == 1
    })
    .await;
    let mut client = app.client(TENANT);
    let read = client
        .get_attachment(get_request(gone.attachment_id.clone()))
        .await;
    assert_eq!(read.unwrap_err().code(), Code::NotFound);
    let read = client
        .get_attachment(get_request(young.attachment_id))
        .await;
    assert_eq!(
        read.unwrap().into_inner().attachment.unwrap().status(),
        Status::Deleted
    );
    // Neither its name nor its journal is left.
    let left: i64 = ask(
        &app,
        "select (select count(*) from forgotten) * 10 + (select count(*) from attempts)",
    )
    .await;
    assert_eq!(left, 11);
    assert_found(&audit(&app, Repair::No).await, &[]);

    // It comes again: on record, and not asked for.
    let asked = app.simulator.requests_for("gone");
    let again = client.register_attachment(line("gone")).await.unwrap();
    let again = again.into_inner();
    let recorded = again.attachment.unwrap();
    assert_eq!(
        (
            recorded.status(),
            recorded.failure_reason(),
            again.duplicate
        ),
        (Status::Deleted, FailureReason::DeleteRequested, false)
    );
    assert_ne!(recorded.attachment_id, gone.attachment_id);
    let repeat = client.register_attachment(line("gone")).await.unwrap();
    let repeat = repeat.into_inner();
    assert!(repeat.duplicate);
    assert_eq!(
        repeat.attachment.unwrap().attachment_id,
        recorded.attachment_id
    );
    // And is forgotten once more.
    run(&app, LONG_AGO).await;
    app.eventually("both records to be gone", || async {
        ask::<i64>(&app, "select count(*) from attachments").await == 0
    })
    .await;
    assert_eq!(ask::<i64>(&app, "select count(*) from forgotten").await, 2);
    assert_eq!(app.simulator.requests_for("gone"), asked);
    // Another file is another.
    app.line_plays("other", &[]);
    assert_eq!(app.ingest(line("other")).await.status(), Status::Stored);
    assert_found(&audit(&app, Repair::No).await, &[]);
}
