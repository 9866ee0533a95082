//! A credential belongs to its provider: whatever happens to its channel, it
//! is never sent to another one.

use super::{STORED, end_of, failed};
use crate::admin::{get, put};
use crate::support::{LINE, SLACK, TENANT, TestApp, channel, line, slack};
use attachments::config::Human;
use attachments::dev::simulator::{LINE_DEV_TOKEN, SLACK_DEV_TOKEN};
use attachments::proto::attachment::FailureReason as R;
use attachments::proto::channel::Provider;
use attachments::proto::{RegisterAttachmentRequest, RetryAttachmentRequest};
use sha2::{Digest as _, Sha256};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_of_another_provider_has_no_credential_until_it_gets_its_own() {
    let app = TestApp::start().await;
    let changed = put(&app, channel(LINE, Provider::Slack)).await.unwrap();
    assert!(!changed.has_credential);
    assert!(!get(&app, LINE).await.unwrap().has_credential);

    let address = app.slack_plays("F1", &["ok"]);
    let parked = app.ingest(slack_by(LINE, "F1", &address)).await;
    assert_eq!(end_of(&parked), failed(R::CredentialMissing));
    assert_eq!(app.simulator.journal(), []);

    // What is put with the provider is kept, as ever.
    app.put_channel(channel(LINE, Provider::Slack), SLACK_DEV_TOKEN)
        .await;
    let kept = put(&app, channel(LINE, Provider::Slack)).await.unwrap();
    assert!(kept.has_credential);
    app.wait(TENANT, &parked.attachment_id, |now| end_of(now) == STORED)
        .await;
    assert_only_token(&app, SLACK_DEV_TOKEN);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_that_was_dropped_does_not_come_back_with_its_provider() {
    let app = TestApp::start().await;
    for (id, provider, other) in [
        (LINE, Provider::Line, Provider::Slack),
        (SLACK, Provider::Slack, Provider::Line),
        (LINE, Provider::Line, Provider::Url),
    ] {
        app.put_channel(channel(id, provider), "token").await;
        for provider in [other, provider] {
            let answer = put(&app, channel(id, provider)).await.unwrap();
            assert!(!answer.has_credential, "{answer:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_waits_ends_when_its_channel_goes_to_another_provider() {
    let hour = Human(Duration::from_hours(1));
    let app = TestApp::start_with(|config| config.retry.retry_after_cap = hour).await;
    app.line_plays("1", &["503:3600", "ok"]);
    let id = app.register(line("1")).await.attachment_id;
    app.wait(TENANT, &id, |now| now.retryable).await;

    app.put_channel(channel(LINE, Provider::Slack), "").await;
    let request = RetryAttachmentRequest {
        attachment_id: id.clone(),
    };
    app.client(TENANT).retry_attachment(request).await.unwrap();
    let ended = app.wait_final(TENANT, &id).await;
    assert_eq!(end_of(&ended), failed(R::CredentialMissing));

    // Slack's own token puts it back, and does not go to LINE.
    app.put_channel(channel(LINE, Provider::Slack), SLACK_DEV_TOKEN)
        .await;
    app.eventually("it is tried once more", || async {
        app.explain(&id).await.len() == 3
    })
    .await;
    let ended = app.wait_final(TENANT, &id).await;
    assert_eq!(end_of(&ended), failed(R::CredentialMissing));
    assert_eq!(app.simulator.journal().len(), 1, "it was asked again");
    assert_only_token(&app, LINE_DEV_TOKEN);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_does_not_open_for_a_provider_that_was_altered_in_its_row() {
    let app = TestApp::start().await;
    sqlx::query("update channels set provider = 'slack' where channel_id = $1")
        .bind(LINE)
        .execute(&app.pool)
        .await
        .unwrap();
    let address = app.slack_plays("F1", &["ok"]);
    let ended = app.ingest(slack_by(LINE, "F1", &address)).await;
    assert_eq!(end_of(&ended), failed(R::CredentialMissing));
    assert_eq!(app.simulator.journal(), []);
}

/// A Slack file that came by this channel.
fn slack_by(channel: &str, file_id: &str, address: &str) -> RegisterAttachmentRequest {
    RegisterAttachmentRequest {
        channel_id: channel.to_owned(),
        ..slack(file_id, address)
    }
}

/// The providers have seen this token and no other.
fn assert_only_token(app: &TestApp, token: &str) {
    let expected = Some(hex::encode(Sha256::digest(token)));
    let journal = app.simulator.journal();
    assert!(!journal.is_empty());
    for request in journal {
        assert_eq!(request.authorization_sha256, expected, "{request:?}");
    }
}
