//! What LINE answers, and what becomes of it.

use super::{STORED, end_of, failed, rejected, unsupported};
use crate::support::{TestApp, line};
use attachments::dev::object_store::Fault;
use attachments::dev::simulator::{Fixture, LINE_DEV_TOKEN, Media, Transcoding};
use attachments::proto::{Attempt, RegisterAttachmentRequest, attachment::FailureReason as R};
use axum::http::StatusCode;
use futures::future::join_all;
use reqwest::header::HeaderValue;
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use time::OffsetDateTime;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passing_failure_is_told_and_overcome() {
    let app = TestApp::start().await;
    let cases = [
        ("500", R::SourceUnavailable, 500),
        ("503", R::SourceUnavailable, 503),
        ("202", R::SourceNotReady, 202),
        ("408", R::SourceTimeout, 408),
        ("504", R::SourceTimeout, 504),
        ("reset", R::SourceUnavailable, 0),
        ("reset:100", R::DownloadIncomplete, 200),
        ("cut:100", R::DownloadIncomplete, 200),
        ("lying:+10", R::DownloadIncomplete, 200),
        ("close:300", R::DownloadIncomplete, 200),
        ("empty", R::EmptyContent, 200),
    ];
    join_all(cases.map(|(step, reason, status)| {
        let app = &app;
        async move {
            let id = as_id(step);
            app.line_plays(&id, &[step, "ok"]);
            let stored = app.ingest(line(&id)).await;
            assert_eq!(end_of(&stored), STORED, "{step}");
            let attempts = app.explain(&stored.attachment_id).await;
            let [first, last] = attempts.as_slice() else {
                panic!("{step}: {attempts:#?}");
            };
            assert_eq!(first.failure_reason(), reason, "{step}");
            assert_eq!(first.provider_status, status, "{step}");
            assert_eq!(last.failure_reason(), R::Unspecified, "{step}");
        }
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_trying_again_cannot_mend_is_asked_once() {
    let app = TestApp::start().await;
    let cases = [
        ("404", failed(R::SourceNotFound)),
        ("410", super::deleted(R::SourceDeleted)),
        ("401", failed(R::SourceAuthFailed)),
        ("403", failed(R::SourceForbidden)),
        ("400", failed(R::SourceForbidden)),
        ("gzip", failed(R::SourceUnexpectedEncoding)),
        ("signin", failed(R::SourceRefusedAddress)),
        ("html", unsupported(R::ContentTypeNotAllowed)),
        ("lying:-10", rejected(R::Corrupted)),
    ];
    join_all(cases.map(|(step, expected)| {
        let app = &app;
        async move {
            let id = as_id(step);
            app.line_plays(&id, &[step]);
            let ended = app.ingest(line(&id)).await;
            assert_eq!(end_of(&ended), expected, "{step}");
            assert_eq!(ended.attempt_count, 1, "{step}");
            assert_eq!(app.simulator.requests_for(&format!("/{id}/")), 1);
        }
    }))
    .await;
    assert_eq!(app.objects().await, [""; 0]);
}

/// A text does not show by its bytes that it was cut.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_shorter_than_declared_is_fetched_again_whatever_it_is() {
    let app = TestApp::start().await;
    for (fixture, step) in [
        (Fixture::Csv, "close:20"),
        (Fixture::Csv, "lying:-5"),
        (Fixture::Mp4, "close:300"),
        (Fixture::Mp4, "lying:-10"),
    ] {
        let id = format!("{fixture:?}-{}", as_id(step));
        let media = Media::fixture(fixture).script([step, "ok"]).unwrap();
        let size = i64::try_from(media.size_bytes()).unwrap();
        app.simulator.put_line_message(&id, media);
        let stored = app
            .ingest(RegisterAttachmentRequest {
                declared_size_bytes: Some(size),
                ..line(&id)
            })
            .await;
        assert_eq!((end_of(&stored), stored.size_bytes), (STORED, size), "{id}");
        let [cut, _] = app.explain(&stored.attachment_id).await.try_into().unwrap();
        assert_eq!(cut.failure_reason(), R::DownloadIncomplete, "{id}");
    }
}

/// Nobody says how long they are, and they show that their end is missing. A
/// connection that closes may have been cut; one that counts was not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn part_of_a_file_is_fetched_again_where_a_cut_looks_like_its_end() {
    let app = TestApp::start().await;
    for fixture in [
        Fixture::Png,
        Fixture::Jpeg,
        Fixture::Gif,
        Fixture::Webp,
        Fixture::Pdf,
        Fixture::Docx,
        Fixture::Mp4,
        Fixture::M4a,
    ] {
        let whole = fixture.bytes();
        let length = whole.len() - 40;
        let script = [format!("close:{length}"), "ok".to_owned()];
        let cut = Media::fixture(fixture).script(script).unwrap();
        app.simulator.put_line_message(&format!("{fixture:?}"), cut);
        let stored = app.ingest(line(&format!("{fixture:?}"))).await;
        assert_eq!(end_of(&stored), STORED, "{fixture:?}");
        let [cut, _] = app.explain(&stored.attachment_id).await.try_into().unwrap();
        assert_eq!(cut.failure_reason(), R::DownloadIncomplete, "{fixture:?}");

        let content_type = HeaderValue::from_static(fixture.content_type());
        let part = Media::new(whole.slice(..length), content_type);
        for step in ["ok", "chunked"] {
            let id = format!("{fixture:?}-{step}");
            let part = part.clone().script([step]).unwrap();
            app.simulator.put_line_message(&id, part);
            let ended = app.ingest(line(&id)).await;
            assert_eq!(end_of(&ended), rejected(R::Corrupted), "{id}");
            assert_eq!(ended.attempt_count, 1, "{id}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bytes_decide_what_a_file_is() {
    let app = TestApp::start().await;
    let served_as =
        |fixture, served| Media::fixture(fixture).content_type(HeaderValue::from_static(served));
    let junk = Media::new(&[7; 64][..], HeaderValue::from_static("image/png"));
    let cases = [
        (
            "1",
            served_as(Fixture::Png, "application/octet-stream"),
            "",
            STORED,
        ),
        (
            "2",
            served_as(Fixture::Gif, "image/png"),
            "image/jpg",
            STORED,
        ),
        (
            "3",
            served_as(Fixture::Html, "image/png"),
            "image/png",
            rejected(R::ContentTypeMismatch),
        ),
        (
            "4",
            served_as(Fixture::Pdf, "image/png"),
            "image/png",
            rejected(R::ContentTypeMismatch),
        ),
        (
            "5",
            served_as(Fixture::Html, "image/png"),
            "",
            unsupported(R::ContentTypeNotAllowed),
        ),
        ("6", junk.clone(), "", unsupported(R::ContentTypeNotAllowed)),
        (
            "7",
            junk,
            "image/png",
            unsupported(R::ContentTypeNotAllowed),
        ),
    ];
    for (id, media, declared, expected) in cases {
        app.simulator.put_line_message(id, media);
        let mut request = line(id);
        declared.clone_into(&mut request.declared_content_type);
        let ended = app.ingest(request).await;
        assert_eq!(end_of(&ended), expected, "case {id}");
        if id == "2" {
            assert_eq!(ended.content_type, "image/gif");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_video_that_line_gave_up_is_not_waited_for() {
    let app = TestApp::start().await;
    let video = Media::fixture(Fixture::Mp4).script(["202"]).unwrap();
    let given_up = video.transcoding(Transcoding::Failed);
    app.simulator.put_line_message("1", given_up.clone());
    let ended = app.ingest(line("1")).await;
    assert_eq!(end_of(&ended), failed(R::SourcePreparationFailed));
    assert_eq!(ended.attempt_count, 1);
    assert_eq!(app.simulator.requests_for("/1/content"), 2);

    // What says it is a picture has no transcoding to ask about.
    app.simulator.put_line_message("2", given_up);
    let mut request = line("2");
    "image/png".clone_into(&mut request.declared_content_type);
    let ended = app.ingest(request).await;
    assert_eq!(end_of(&ended), failed(R::SourceNotReady));
    assert_eq!(app.simulator.requests_for("/2/content/transcoding"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_video_in_the_making_is_waited_for_whatever_else_line_says_of_it() {
    let app = TestApp::start_with(|config| {
        config.retry.max_attempts = 1;
        config.retry.not_ready_budget.0 = Duration::from_mins(1);
    })
    .await;
    // LINE says so, or "succeeded" too early, or nothing of this type of content.
    let media = [
        Media::fixture(Fixture::Mp4),
        Media::fixture(Fixture::M4a).transcoding(Transcoding::Succeeded),
        Media::fixture(Fixture::Pdf),
    ];
    for (n, media) in media.into_iter().enumerate() {
        let id = format!("v{n}");
        let media = media.script(["202", "202", "ok"]).unwrap();
        app.simulator.put_line_message(&id, media);
        let stored = app.ingest(line(&id)).await;
        assert_eq!(end_of(&stored), STORED);
        assert_eq!(stored.attempt_count, 1);
        // Once for each 202, and never else.
        let asked = app.simulator.requests_for(&format!("/{id}/content"));
        assert_eq!(asked, 3 + 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_for_line_is_not_counted() {
    let app = TestApp::start_with(|config| {
        config.retry.max_attempts = 1;
        config.retry.not_ready_budget.0 = Duration::from_mins(1);
    })
    .await;
    app.line_plays("1", &["202", "202", "202", "ok"]);
    let stored = app.ingest(line("1")).await;
    assert_eq!(end_of(&stored), STORED);
    assert_eq!(stored.attempt_count, 1);
    assert_eq!(app.explain(&stored.attachment_id).await.len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_for_line_has_an_end() {
    let app = TestApp::start().await;
    app.line_plays("1", &["202"]);
    let ended = app.ingest(line("1")).await;
    assert_eq!(end_of(&ended), failed(R::SourceNotReady));
    assert!(!ended.retryable);
    assert_eq!(app.work_rows().await, 0);
}

/// What we put off in between must not begin the wait anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_ours_does_not_set_back_how_long_line_was_waited_for() {
    let app = TestApp::start_with(|config| {
        config.retry.not_ready_budget.0 = Duration::from_hours(1);
    })
    .await;
    app.line_plays("slow", &["202"]);
    let slow = app.register(line("slow")).await.attachment_id;
    let waits_since = async |reason: &str| {
        let since: Option<Option<OffsetDateTime>> = sqlx::query_scalar(
            "select waiting_since from work where attachment_id = $1::uuid and failure_reason = $2",
        )
        .bind(&slow)
        .bind(reason)
        .fetch_optional(&app.pool)
        .await
        .unwrap();
        since
    };
    app.eventually("LINE is waited for", || async {
        waits_since("SOURCE_NOT_READY").await.is_some()
    })
    .await;
    let unavailable = Fault::Status(StatusCode::SERVICE_UNAVAILABLE);
    app.store.faults().inject(None, usize::MAX, unavailable);
    app.line_plays("other", &["ok"]);
    app.register(line("other")).await;
    app.eventually("it is put off for our store", || async {
        waits_since("STORAGE_UNAVAILABLE")
            .await
            .is_some_and(|since| {
                assert!(since.is_some(), "the wait was forgotten");
                true
            })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retry_after_is_a_floor_and_is_believed_up_to_a_cap() {
    let app = TestApp::start().await;
    // The caps of these tests: 200 ms for a backoff, 2 s for what LINE asks.
    app.line_plays("1", &["429:1", "ok"]);
    app.line_plays("2", &["503:1000000000", "ok"]);
    for (id, floor) in [("1", Duration::from_secs(1)), ("2", Duration::from_secs(2))] {
        let stored = app.ingest(line(id)).await;
        assert_eq!(end_of(&stored), STORED);
        let attempts = app.explain(&stored.attachment_id).await;
        assert!(wait_between(&attempts) >= floor, "{attempts:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn line_gets_the_channels_token_and_is_asked_for_plain_bytes() {
    let app = TestApp::start().await;
    app.line_plays("1", &["ok"]);
    app.ingest(line("1")).await;
    let [asked] = app.simulator.journal().try_into().unwrap();
    let token = hex::encode(Sha256::digest(LINE_DEV_TOKEN));
    assert_eq!(asked.authorization_sha256, Some(token));
    assert_eq!(asked.accept_encoding.as_deref(), Some("identity"));
    assert_eq!(asked.path, "/line/v2/bot/message/1/content");
}

/// A message id that tells the step.
fn as_id(step: &str) -> String {
    step.replace([':', '+'], "_")
}

/// From the end of the first attempt to the start of the second, by the database's clock.
fn wait_between(attempts: &[Attempt]) -> Duration {
    let ended = attempts[0].end_time.unwrap();
    let started = attempts[1].start_time.unwrap();
    let nanos = i64::from(started.nanos - ended.nanos);
    let total = (started.seconds - ended.seconds) * 1_000_000_000 + nanos;
    Duration::from_nanos(total.try_into().unwrap())
}
