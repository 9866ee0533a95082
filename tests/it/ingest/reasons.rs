//! Every failure reason is reached, ends in its status, and tells readers so.

use super::{deleted, end_of, failed, rejected, unsupported};
use crate::support::{TENANT, TestApp, channel, impatient, line, slack, url};
use attachments::attachment::failure::FailureReason as Reason;
use attachments::attachment::language::Language;
use attachments::dev::object_store::{Fault, Operation};
use attachments::dev::simulator::{Fixture, LINE_DEV_TOKEN, Media, SlackFile, Transcoding};
use attachments::proto::register_attachment_request::Source;
use attachments::proto::{
    Channel, Limits, RegisterAttachmentRequest, attachment::FailureReason,
    attachment::Status as AttachmentStatus, channel::Provider, channel::Retention,
};
use futures::future::join_all;
use reqwest::StatusCode;
use reqwest::header::HeaderValue;

/// What no attachment can meet yet, and why.
const NOT_YET: &[(Reason, &str)] = &[
    (Reason::Infected, "no scanner is called"),
    (Reason::QuotaExceeded, "tenants have no quota"),
    (Reason::InspectionFailed, "nothing is inspected in a child"),
    (Reason::ScanUnavailable, "no scanner is called"),
    (
        Reason::WorkerResources,
        "what the worker lacks is told otherwise",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_reason_is_reached_or_there_is_a_reason_why_not() {
    let app = TestApp::start_with(|config| config.retry.max_attempts = 2).await;
    let hasty = TestApp::start_with(|config| {
        config.retry.max_attempts = 2;
        impatient(config);
    })
    .await;
    // Its store takes no large file.
    let storeless = TestApp::start_with(|config| config.retry.max_attempts = 2).await;
    let refused = Fault::Status(StatusCode::INTERNAL_SERVER_ERROR);
    let faults = storeless.store.faults();
    faults.inject(Operation::CreateUpload, usize::MAX, refused);

    join_all(Reason::ALL.iter().map(|reason| {
        let app = match reason {
            Reason::StorageUnavailable => &storeless,
            Reason::SourceTimeout => &hasty,
            _ => &app,
        };
        async move {
            let excused = NOT_YET.iter().any(|(excused, _)| excused == reason);
            match reach(app, *reason).await {
                Some(id) => {
                    assert!(!excused, "{reason} can be reached after all");
                    check(app, *reason, &id).await;
                }
                None => assert!(excused, "{reason} is not reached"),
            }
        }
    }))
    .await;
}

/// That the attachment ended for this reason, and that its record says so.
async fn check(app: &TestApp, reason: Reason, id: &str) {
    let expected = status_of(FailureReason::from_str_name(reason.as_str()).unwrap());
    let ended = app
        .wait(TENANT, id, |attachment| end_of(attachment) == expected)
        .await;
    let ended = match expected.0 {
        AttachmentStatus::Failed => app.wait_final(TENANT, &ended.attachment_id).await,
        _ => ended,
    };
    assert_eq!(end_of(&ended), expected);
    assert!(!ended.retryable, "{ended:#?}");
    assert_eq!(ended.next_attempt_time, None);
    assert_eq!(ended.failure_message, reason.message(Language::English));
    assert!(ended.attempt_count <= ended.max_attempts);
    assert_eq!(
        (ended.storage_key, ended.checksum_sha256),
        Default::default()
    );
}

/// The status each reason ends in, by the contract.
fn status_of(reason: FailureReason) -> (AttachmentStatus, FailureReason) {
    use FailureReason as R;
    match reason {
        R::Unspecified => (AttachmentStatus::Stored, reason),
        R::SourceUnavailable
        | R::SourceTimeout
        | R::SourceRateLimited
        | R::SourceNotReady
        | R::DownloadIncomplete
        | R::EmptyContent
        | R::StorageUnavailable
        | R::Interrupted
        | R::InspectionFailed
        | R::ScanUnavailable
        | R::WorkerResources
        | R::SourceNotFound
        | R::SourceAuthFailed
        | R::SourceScopeMissing
        | R::SourceForbidden
        | R::SourcePlanLimit
        | R::SourceRefusedAddress
        | R::SourceUnexpectedEncoding
        | R::SourcePreparationFailed
        | R::CredentialMissing => failed(reason),
        R::TooLarge
        | R::Corrupted
        | R::ContentTypeMismatch
        | R::Infected
        | R::TooManyFiles
        | R::QuotaExceeded => rejected(reason),
        R::ContentTypeNotAllowed | R::ExternalFile => unsupported(reason),
        R::SourceDeleted | R::DeleteRequested | R::RetentionExpired => deleted(reason),
    }
}

/// Brings an attachment on its way to this end; a new reason does not compile
/// until somebody has said how.
async fn reach(app: &TestApp, reason: Reason) -> Option<String> {
    let name = reason.as_str();
    let line_answers = |script: &[&str]| {
        app.line_plays(name, script);
        line(name)
    };
    let request = match reason {
        Reason::SourceUnavailable => line_answers(&["503"]),
        Reason::SourceTimeout => line_answers(&["hang"]),
        Reason::SourceRateLimited => rate_limited(app, name).await,
        Reason::SourceNotReady => line_answers(&["202"]),
        Reason::DownloadIncomplete => line_answers(&["cut"]),
        Reason::EmptyContent => line_answers(&["empty"]),
        Reason::SourceNotFound => line_answers(&["404"]),
        Reason::SourceAuthFailed => line_answers(&["401"]),
        Reason::SourceForbidden => line_answers(&["403"]),
        Reason::SourceUnexpectedEncoding => line_answers(&["gzip"]),
        Reason::TooLarge => line_answers(&["endless"]),
        Reason::Corrupted => line_answers(&["lying:-10"]),
        Reason::SourceDeleted => line_answers(&["410"]),
        Reason::StorageUnavailable => {
            let large = Media::fixture_of_size(Fixture::Png, 9_000_000).unwrap();
            app.simulator.put_line_message(name, large);
            line(name)
        }
        Reason::SourcePlanLimit => hidden(name),
        Reason::SourceScopeMissing => without_scope(app, name),
        Reason::SourceRefusedAddress => url("https://169.254.169.254/latest/meta-data/"),
        Reason::CredentialMissing => RegisterAttachmentRequest {
            channel_id: "nobody-put-this-one".to_owned(),
            ..line_answers(&["ok"])
        },
        Reason::ContentTypeMismatch => RegisterAttachmentRequest {
            declared_content_type: "image/png".to_owned(),
            ..page(app, name)
        },
        Reason::ContentTypeNotAllowed => page(app, name),
        Reason::ExternalFile => external(name),
        Reason::TooManyFiles => second_of_one(app, name).await,
        Reason::RetentionExpired => ephemeral(app, name).await,
        Reason::Interrupted => return Some(last_attempt_dies(app, name).await),
        Reason::DeleteRequested => {
            let stored = app.ingest(line_answers(&["ok"])).await;
            return Some(app.delete(&stored.attachment_id).await.attachment_id);
        }
        Reason::SourcePreparationFailed => given_up(app, name),
        Reason::Infected
        | Reason::QuotaExceeded
        | Reason::InspectionFailed
        | Reason::ScanUnavailable
        | Reason::WorkerResources => return None,
    };
    Some(app.register(request).await.attachment_id)
}

fn page(app: &TestApp, name: &str) -> RegisterAttachmentRequest {
    let page = Media::fixture(Fixture::Html).content_type(HeaderValue::from_static("image/png"));
    app.simulator.put_line_message(name, page);
    line(name)
}

fn hidden(name: &str) -> RegisterAttachmentRequest {
    let mut request = slack(name, "");
    if let Some(Source::Slack(source)) = &mut request.source {
        "hidden_by_limit".clone_into(&mut source.mode);
    }
    request
}

fn external(name: &str) -> RegisterAttachmentRequest {
    let mut request = line(name);
    if let Some(Source::Line(source)) = &mut request.source {
        "external".clone_into(&mut source.content_provider);
        "https://example.com/picture.png".clone_into(&mut source.original_content_url);
    }
    request
}

/// In a channel of its own: it slows the whole channel down.
async fn rate_limited(app: &TestApp, name: &str) -> RegisterAttachmentRequest {
    app.put_channel(channel(name, Provider::Line), LINE_DEV_TOKEN)
        .await;
    app.line_plays(name, &["429"]);
    RegisterAttachmentRequest {
        channel_id: name.to_owned(),
        ..line(name)
    }
}

fn given_up(app: &TestApp, name: &str) -> RegisterAttachmentRequest {
    let video = Media::fixture(Fixture::Mp4).script(["202"]).unwrap();
    app.simulator
        .put_line_message(name, video.transcoding(Transcoding::Failed));
    line(name)
}

fn without_scope(app: &TestApp, name: &str) -> RegisterAttachmentRequest {
    let image = Media::fixture(Fixture::Png).script(["html"]).unwrap();
    let file = SlackFile::new("picture.png", image).info_error("missing_scope");
    slack(name, &app.simulator.put_slack_file(name, file))
}

async fn second_of_one(app: &TestApp, name: &str) -> RegisterAttachmentRequest {
    let channel = Channel {
        limits: Some(Limits {
            max_files_per_message: Some(1),
            ..Limits::default()
        }),
        ..channel(name, Provider::Line)
    };
    app.put_channel(channel, LINE_DEV_TOKEN).await;
    let file = |media_id: &str| RegisterAttachmentRequest {
        channel_id: name.to_owned(),
        message_id: "one-message".to_owned(),
        ..line(media_id)
    };
    app.register(file("first")).await;
    file("second")
}

async fn ephemeral(app: &TestApp, name: &str) -> RegisterAttachmentRequest {
    let channel = Channel {
        retention: Retention::Ephemeral.into(),
        ephemeral_ttl: Some(prost_types::Duration {
            seconds: 1,
            nanos: 0,
        }),
        ..channel(name, Provider::Line)
    };
    app.put_channel(channel, LINE_DEV_TOKEN).await;
    app.line_plays(name, &["ok"]);
    RegisterAttachmentRequest {
        channel_id: name.to_owned(),
        ..line(name)
    }
}

/// Its worker takes the last attempt and is never heard of again.
async fn last_attempt_dies(app: &TestApp, name: &str) -> String {
    app.line_plays(name, &["hang"]);
    let id = app.begin(line(name)).await.attachment_id;
    app.take_over_by_a_dead_worker(&id, true).await;
    id
}
