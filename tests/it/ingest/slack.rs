//! What Slack answers, and where its token goes.

use super::{STORED, deleted, end_of, failed, unsupported};
use crate::support::{ANY_PORT, TENANT, TestApp, Visit, Web, channel, slack};
use attachments::config::Human;
use attachments::dev::simulator::{
    Fixture, Media, SLACK_DEV_TOKEN, Settings, Simulator, SlackFile,
};
use attachments::proto::attachment::FailureReason as R;
use attachments::proto::register_attachment_request::Source;
use attachments::proto::{Attachment, RegisterAttachmentRequest, SlackSource, channel::Provider};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_in_the_files_place_is_not_ready_yet() {
    let app = TestApp::start().await;
    for (n, step) in ["html", "html:application/octet-stream", "signin"]
        .iter()
        .enumerate()
    {
        let id = format!("F{n}");
        let address = app.slack_plays(&id, &[step, "ok"]);
        let stored = app.ingest(slack(&id, &address)).await;
        assert_eq!(end_of(&stored), STORED, "{step}");
        let attempts = app.explain(&stored.attachment_id).await;
        assert_eq!(attempts.len(), 2, "{step}: {attempts:#?}");
        assert_eq!(attempts[0].failure_reason(), R::SourceNotReady, "{step}");
        // The sign-in page is not followed to.
        assert_eq!(app.simulator.requests_for("/signin?"), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_info_tells_why_there_is_a_page() {
    let app = TestApp::start().await;
    let cases = [
        ("missing_scope", failed(R::SourceScopeMissing)),
        ("token_revoked", failed(R::SourceAuthFailed)),
        ("invalid_auth", failed(R::SourceAuthFailed)),
        ("access_denied", failed(R::SourceForbidden)),
        ("file_not_found", failed(R::SourceNotFound)),
        ("file_deleted", deleted(R::SourceDeleted)),
    ];
    for (n, (error, expected)) in cases.into_iter().enumerate() {
        let page = Media::fixture(Fixture::Png).script(["html"]).unwrap();
        let file = SlackFile::new("picture.png", page).info_error(error);
        let id = format!("F{n}");
        let address = app.simulator.put_slack_file(&id, file);
        // A channel each: refusals in a row would be taken for the token's.
        app.put_channel(channel(error, Provider::Slack), SLACK_DEV_TOKEN)
            .await;
        let request = RegisterAttachmentRequest {
            channel_id: error.to_owned(),
            ..slack(&id, &address)
        };
        let ended = app.ingest(request).await;
        assert_eq!(end_of(&ended), expected, "{error}");
        assert_eq!(ended.attempt_count, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stub_is_completed_by_files_info() {
    let app = TestApp::start().await;
    let image = || Media::fixture(Fixture::Png);
    let file = |mode: &str| SlackFile::new("picture.png", image()).mode(mode);
    let cases = [
        ("F1", file("hosted"), STORED),
        ("F2", file("external"), unsupported(R::ExternalFile)),
        ("F3", file("tombstone"), deleted(R::SourceDeleted)),
        ("F4", file("hidden_by_limit"), failed(R::SourcePlanLimit)),
        (
            "F5",
            file("hosted").info_error("access_denied"),
            failed(R::SourceForbidden),
        ),
        (
            "F6",
            file("hosted").info_script(["429:1", "ok"]).unwrap(),
            STORED,
        ),
        (
            "F7",
            file("hosted").info_script(["500", "html", "ok"]).unwrap(),
            STORED,
        ),
    ];
    for (id, file, expected) in cases {
        app.simulator.put_slack_file(id, file);
        let ended = app.ingest(stub(id)).await;
        assert_eq!(end_of(&ended), expected, "{id}");
        // What only Slack knew of it is known now.
        if expected == STORED {
            assert_eq!(ended.file_name, "picture.png", "{id}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_slows_files_info_stops_no_download() {
    let app = TestApp::start_with(|config| {
        config.retry.retry_after_cap = Human(Duration::from_hours(1));
    })
    .await;
    let limited = SlackFile::new("picture.png", Media::fixture(Fixture::Png));
    let limited = limited.mode("hosted").info_script(["429:3600", "ok"]);
    app.simulator.put_slack_file("F1", limited.unwrap());
    let limited = app.register(stub("F1")).await.attachment_id;
    let is_limited = |seen: &Attachment| seen.failure_reason() == R::SourceRateLimited;
    app.wait(TENANT, &limited, is_limited).await;
    let download = app.slack_plays("F2", &["ok"]);
    let ended = app.ingest(slack("F2", &download)).await;
    assert_eq!(end_of(&ended), STORED);
    let waits = app.wait(TENANT, &limited, is_limited).await;
    assert!(waits.retryable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_to_a_listed_host_is_followed_without_the_token() {
    let web = Web::start(Fixture::Png.bytes(), "image/png").await;
    let host = web.url("");
    let app = TestApp::start_with(|config| {
        config.slack.redirect_hosts.push(host.clone());
        config.egress.trusted_origins.push(host);
    })
    .await;
    let elsewhere = format!("redirect:{}", web.url("/picture.png"));
    let address = app.slack_plays("F1", &[&elsewhere]);

    let stored = app.ingest(slack("F1", &address)).await;
    assert_eq!(end_of(&stored), STORED);
    let visit = Visit {
        path: "/picture.png".to_owned(),
        has_authorization: false,
    };
    assert_eq!(web.visits(), [visit]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_to_a_stranger_is_not_followed() {
    let stranger = Simulator::start(Settings { listen: ANY_PORT })
        .await
        .unwrap();
    let image = Media::fixture(Fixture::Png);
    let there = stranger.put_slack_file("F1", SlackFile::new("picture.png", image));
    // Even where the address itself could be called.
    let host = format!("http://{}", stranger.local_addr());
    let app = TestApp::start_with(|config| config.egress.trusted_origins.push(host)).await;
    let inside = format!("http://{}/", app.simulator.forbidden_addr());
    for (id, target) in [
        ("F1", there.as_str()),
        ("F2", inside.as_str()),
        ("F3", "file:///etc/passwd"),
    ] {
        let address = app.slack_plays(id, &[&format!("redirect:{target}")]);
        let ended = app.ingest(slack(id, &address)).await;
        assert_eq!(end_of(&ended), failed(R::SourceRefusedAddress), "{target}");
    }
    assert_eq!(stranger.journal(), []);
    assert_eq!(app.simulator.forbidden_hits(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redirects_in_a_circle_have_an_end() {
    let app = TestApp::start().await;
    let address = app.slack_plays("F1", &["ok"]);
    app.slack_plays("F1", &[&format!("redirect:{address}")]);
    let ended = app.ingest(slack("F1", &address)).await;
    assert_eq!(end_of(&ended), failed(R::SourceRefusedAddress));
    assert_eq!(app.simulator.requests_for("/files-pri/"), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_token_goes_to_slacks_file_hosts_only() {
    let web = Web::start(Fixture::Png.bytes(), "image/png").await;
    let host = web.url("");
    let app = TestApp::start_with(|config| config.egress.trusted_origins.push(host)).await;
    let simulator = app.simulator.local_addr();
    for (n, address) in [
        web.url("/picture.png"),
        format!("http://{}/", app.simulator.forbidden_addr()),
        format!("http://{simulator}@{}/", web.address),
        "https://files.slack.com.example.com/picture.png".to_owned(),
        "https://files.slack.com:8443/picture.png".to_owned(),
    ]
    .iter()
    .enumerate()
    {
        let ended = app.ingest(slack(&format!("F{n}"), address)).await;
        assert_eq!(end_of(&ended), failed(R::SourceRefusedAddress), "{address}");
    }
    assert_eq!(web.visits(), []);
    assert_eq!(app.simulator.forbidden_hits(), 0);
    let journal = app.simulator.journal();
    assert_eq!(journal, [], "{SLACK_DEV_TOKEN} went out");
}

/// A file of Slack Connect, of which an event tells the id only.
fn stub(id: &str) -> RegisterAttachmentRequest {
    RegisterAttachmentRequest {
        source: Some(Source::Slack(SlackSource {
            file_id: id.to_owned(),
            mode: "file_access".to_owned(),
            file_access: "check_file_info".to_owned(),
            ..SlackSource::default()
        })),
        ..slack(id, "")
    }
}
