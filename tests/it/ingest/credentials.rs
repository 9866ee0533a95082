//! What waits for a credential goes on by itself once there is one.

use super::{STORED, end_of, failed};
use crate::support::{LINE, SLACK, TENANT, TestApp, channel, credential_request, line, slack};
use attachments::dev::simulator::{FILES_READ, Grant, LINE_DEV_TOKEN, Media};
use attachments::dev::simulator::{Fixture, SlackFile};
use attachments::proto::{
    Attachment, RegisterAttachmentRequest, attachment::FailureReason as R, channel::Provider,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_that_comes_later_brings_its_files_in() {
    let app = TestApp::start().await;
    app.line_plays("1", &["ok"]);
    let early = app
        .ingest(RegisterAttachmentRequest {
            channel_id: "later".to_owned(),
            ..line("1")
        })
        .await;
    assert_eq!(end_of(&early), failed(R::CredentialMissing));
    assert_eq!(app.simulator.journal(), []);

    // A channel without a credential changes nothing.
    app.put_channel(channel("later", Provider::Line), "").await;
    assert_eq!(app.work_rows().await, 0);
    app.put_channel(channel("later", Provider::Line), LINE_DEV_TOKEN)
        .await;
    assert_stored(&app, &early).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_token_parks_files_until_there_is_another() {
    let app = TestApp::start().await;
    let other_media = Media::fixture(Fixture::Jpeg).channel_token("another-token");
    app.simulator.put_line_message("1", other_media);
    app.simulator
        .put_token(LINE_DEV_TOKEN, Grant::line().revoked());
    let parked = app.ingest(line("1")).await;
    assert_eq!(end_of(&parked), failed(R::SourceAuthFailed));
    assert_eq!(parked.attempt_count, 1);

    // Somebody else's channel of the same name wakes nothing of ours.
    app.simulator.put_token("another-token", Grant::line());
    let request = credential_request(LINE, "another-token");
    app.admin(crate::support::OTHER_TENANT)
        .set_channel_credential(request)
        .await
        .unwrap();
    assert_eq!(app.work_rows().await, 0);

    app.put_channel(channel(LINE, Provider::Line), "another-token")
        .await;
    assert_stored(&app, &parked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_without_the_scope_parks_files_until_there_is_another() {
    let app = TestApp::start().await;
    app.simulator
        .put_token("narrow", Grant::slack(&["chat:write"]));
    app.put_channel(channel(SLACK, Provider::Slack), "narrow")
        .await;
    let file = SlackFile::new("picture.png", Media::fixture(Fixture::Png));
    let address = app.simulator.put_slack_file("F1", file);
    let parked = app.ingest(slack("F1", &address)).await;
    assert_eq!(end_of(&parked), failed(R::SourceScopeMissing));

    app.simulator.put_token("wide", Grant::slack(&[FILES_READ]));
    app.put_channel(channel(SLACK, Provider::Slack), "wide")
        .await;
    assert_stored(&app, &parked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_credential_does_not_wake_what_failed_for_another_reason() {
    let app = TestApp::start().await;
    app.line_plays("1", &["404"]);
    let gone = app.ingest(line("1")).await;
    app.put_channel(channel(LINE, Provider::Line), LINE_DEV_TOKEN)
        .await;
    assert_eq!(app.work_rows().await, 0);
    assert_eq!(app.wait_final(TENANT, &gone.attachment_id).await, gone);
}

/// It is brought in after all, with a budget as if it were new.
async fn assert_stored(app: &TestApp, parked: &Attachment) {
    let id = &parked.attachment_id;
    let stored = app
        .wait(TENANT, id, |attachment| end_of(attachment) == STORED)
        .await;
    assert_eq!(stored.attempt_count, 1);
    // The story of before is still told.
    let attempts = app.explain(id).await;
    assert_eq!(attempts.len(), 2, "{attempts:#?}");
    assert_eq!(attempts[0].failure_reason(), parked.failure_reason());
    assert_eq!(app.objects().await, [stored.storage_key]);
}
