//! Size limits are inclusive and exact, however the bytes come.

use super::{STORED, end_of, rejected};
use crate::support::{LINE, SLACK, TestApp, channel, line, slack};
use attachments::dev::simulator::{Fixture, LINE_DEV_TOKEN, Media, SLACK_DEV_TOKEN, SlackFile};
use attachments::proto::{Channel, Limits, attachment::FailureReason as R, channel::Provider};
use futures::future::join_all;

/// What fits into the inspector's head, and what does not.
const LIMITS: [usize; 2] = [10_000, 20_000];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_holds_however_the_end_is_told() {
    for limit in LIMITS {
        let app = TestApp::start().await;
        limit_to(&app, limit).await;
        let mut runs = Vec::new();
        for fixture in [Fixture::Png, Fixture::Pdf] {
            for script in ["ok", "chunked", "close"] {
                for (excess, expected) in [(0, STORED), (1, rejected(R::TooLarge))] {
                    let id = format!("{fixture:?}-{script}-{excess}");
                    let file = Media::fixture_of_size(fixture, limit + excess).unwrap();
                    let file = file.script([script]).unwrap();
                    app.simulator.put_line_message(&id, file);
                    let app = &app;
                    runs.push(async move {
                        let ended = app.ingest(line(&id)).await;
                        assert_eq!(end_of(&ended), expected, "{id} of {limit}");
                        assert_eq!(ended.attempt_count, 1);
                    });
                }
            }
        }
        join_all(runs).await;
        // Two kinds, three ways, and those at the limit only.
        assert_eq!(app.objects().await.len(), 6);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_holds_behind_a_redirect() {
    let limit = LIMITS[1];
    let app = TestApp::start().await;
    limit_to(&app, limit).await;
    for (excess, expected) in [(0, STORED), (1, rejected(R::TooLarge))] {
        let file = Media::fixture_of_size(Fixture::Png, limit + excess).unwrap();
        let target = format!("FTARGET{excess}");
        let target = app
            .simulator
            .put_slack_file(&target, SlackFile::new("picture.png", file));
        let id = format!("F{excess}");
        let address = app.slack_plays(&id, &[&format!("redirect:{target}")]);
        let ended = app.ingest(slack(&id, &address)).await;
        assert_eq!(end_of(&ended), expected, "{excess}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_without_end_is_left_at_the_limit() {
    let app = TestApp::start().await;
    limit_to(&app, LIMITS[1]).await;
    app.line_plays("1", &["endless"]);
    let ended = app.ingest(line("1")).await;
    assert_eq!(end_of(&ended), rejected(R::TooLarge));
    let attempts = app.explain(&ended.attachment_id).await;
    // One piece too far is how far it went, and a piece is small.
    assert!(
        (20_001..1_000_000).contains(&attempts[0].received_bytes),
        "{attempts:#?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_length_beyond_the_limit_is_refused_without_the_body() {
    let app = TestApp::start().await;
    app.line_plays("1", &["lying:+1000000000000"]);
    let ended = app.ingest(line("1")).await;
    assert_eq!(end_of(&ended), rejected(R::TooLarge));
    let attempts = app.explain(&ended.attachment_id).await;
    assert_eq!(attempts[0].received_bytes, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slack_may_declare_less_than_it_sends() {
    let app = TestApp::start().await;
    limit_to(&app, LIMITS[1]).await;
    let file = Media::fixture_of_size(Fixture::Png, LIMITS[1] + 1).unwrap();
    let file = SlackFile::new("picture.png", file);
    let address = app.simulator.put_slack_file("F1", file);
    let mut request = slack("F1", &address);
    request.declared_size_bytes = Some(1_000);
    let ended = app.ingest(request).await;
    assert_eq!(end_of(&ended), rejected(R::TooLarge));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_may_have_ten_million_bytes_and_not_one_more() {
    let app = TestApp::start().await;
    for (size, expected) in [(10_000_000, STORED), (10_000_001, rejected(R::TooLarge))] {
        let image = Media::fixture_of_size(Fixture::Png, size).unwrap();
        let sent = image.checksum_sha256();
        let id = size.to_string();
        app.simulator.put_line_message(&id, image);
        let ended = app.ingest(line(&id)).await;
        assert_eq!(end_of(&ended), expected, "{size}");
        if expected == STORED {
            assert_eq!(ended.checksum_sha256, sent);
            assert_eq!(ended.size_bytes, 10_000_000);
        }
    }
}

/// Sets this limit on images and documents of both channels.
async fn limit_to(app: &TestApp, bytes: usize) {
    let bytes = i64::try_from(bytes).unwrap();
    for (id, provider, credential) in [
        (LINE, Provider::Line, LINE_DEV_TOKEN),
        (SLACK, Provider::Slack, SLACK_DEV_TOKEN),
    ] {
        let channel = Channel {
            limits: Some(Limits {
                image_max_bytes: Some(bytes),
                document_max_bytes: Some(bytes),
                ..Limits::default()
            }),
            ..channel(id, provider)
        };
        app.put_channel(channel, credential).await;
    }
}
