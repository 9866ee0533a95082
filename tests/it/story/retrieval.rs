//! Secure retrieval does not expose storage secrets.

use super::link;
use crate::support::{LINE, SLACK, TENANT, TestApp, line};
use attachments::clock::{Clock as _, SystemClock};
use attachments::dev::simulator::{LINE_DEV_TOKEN, SLACK_DEV_TOKEN};
use attachments::proto::{
    ExplainAttachmentRequest, GetChannelRequest, IssueAccessLinkRequest,
    attachment::Status as AttachmentStatus,
};
use reqwest::StatusCode;
use secrecy::ExposeSecret as _;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_holds_a_secret() {
    let app = TestApp::start().await;
    app.line_plays("1", &["ok"]);
    let stored = app.ingest(line("1")).await;
    assert_eq!(stored.status(), AttachmentStatus::Stored);

    let mut answers = vec![
        format!("{stored:?}"),
        format!("{:?}", link(&app, &stored, None).await),
    ];
    let explain = ExplainAttachmentRequest {
        attachment_id: stored.attachment_id.clone(),
    };
    let explained = app.client(TENANT).explain_attachment(explain).await;
    answers.push(format!("{:?}", explained.unwrap()));
    for channel in [LINE, SLACK] {
        let channel_id = channel.to_owned();
        let channel = app
            .admin(TENANT)
            .get_channel(GetChannelRequest { channel_id })
            .await
            .unwrap()
            .into_inner()
            .channel
            .unwrap();
        assert!(channel.has_credential);
        answers.push(format!("{channel:?}"));
    }

    let s3_secret = app.config.s3.secret_access_key.as_ref().unwrap();
    let sealing_key = app.config.sealing.key.as_ref().unwrap();
    let signing_key = app.config.links.signing_key.as_ref().unwrap();
    for secret in [
        s3_secret.0.expose_secret(),
        sealing_key.0.expose_secret(),
        signing_key.0.expose_secret(),
        app.database_url.as_str(),
        LINE_DEV_TOKEN,
        SLACK_DEV_TOKEN,
    ] {
        for answer in &answers {
            assert!(!answer.contains(secret), "{answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_works_for_its_time_and_no_longer() {
    let app = TestApp::start().await;
    app.line_plays("1", &["ok"]);
    let stored = app.ingest(line("1")).await;
    let (long, brief) = (
        link(&app, &stored, None).await,
        link(&app, &stored, Some(2)).await,
    );

    let ends = brief.expire_time.unwrap();
    assert!(ends.seconds <= SystemClock.now().unix_timestamp() + 2);
    assert!(ends.seconds < long.expire_time.unwrap().seconds);
    let at_once = status_of(&brief.url).await;
    let over = SystemClock.now().unix_timestamp() >= ends.seconds;
    assert!(at_once == StatusCode::OK || over, "{at_once}");
    app.eventually("the brief link to be refused", || async {
        status_of(&brief.url).await == StatusCode::FORBIDDEN
    })
    .await;
    // It is its time that is over, not the object.
    assert_eq!(status_of(&long.url).await, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tampered_link_is_refused() {
    let app = TestApp::start().await;
    app.line_plays("1", &["ok"]);
    app.line_plays("2", &["ok"]);
    let (mine, other) = (app.ingest(line("1")).await, app.ingest(line("2")).await);
    let url = link(&app, &mine, None).await.url;
    assert_eq!(status_of(&url).await, StatusCode::OK);

    let last = if url.ends_with('0') { '1' } else { '0' };
    let (place, _) = url.split_once('?').unwrap();
    let tampered = [
        (
            "another object",
            url.replace(&mine.storage_key, &other.storage_key),
        ),
        (
            "a longer life",
            url.replace("X-Amz-Expires=", "X-Amz-Expires=9"),
        ),
        ("another type", url.replace("image%2Fpng", "text%2Fhtml")),
        (
            "a forged signature",
            format!("{}{last}", &url[..url.len() - 1]),
        ),
        ("no signature", place.to_owned()),
    ];
    for (what, tampered) in tampered {
        assert_ne!(tampered, url, "{what}");
        assert_eq!(status_of(&tampered).await, StatusCode::FORBIDDEN, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_is_no_link_to_what_is_not_stored() {
    let app = TestApp::start().await;
    app.line_plays("1", &["404"]);
    let failed = app.ingest(line("1")).await;
    let request = IssueAccessLinkRequest {
        attachment_id: failed.attachment_id,
        ..IssueAccessLinkRequest::default()
    };
    let refused = app.client(TENANT).issue_access_link(request).await;
    assert_eq!(refused.unwrap_err().code(), tonic::Code::FailedPrecondition);
}

async fn status_of(url: &str) -> StatusCode {
    reqwest::get(url).await.unwrap().status()
}
