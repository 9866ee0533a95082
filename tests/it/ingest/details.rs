//! What the journal says of a refused file, for the person on call.

use super::{end_of, rejected};
use crate::support::{LINE, TestApp, channel, line};
use crate::surface::stage::picture_of;
use attachments::proto::attachment::FailureReason as R;
use attachments::proto::channel::Provider;
use attachments::proto::{Attempt, RegisterAttachmentRequest};
use attachments::proto::{Channel, Limits};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_file_is_told_with_what_was_measured_of_it() {
    let app = TestApp::start().await;
    let limited = Channel {
        limits: Some(Limits {
            image_max_bytes: Some(20_000),
            ..Limits::default()
        }),
        ..channel(LINE, Provider::Line)
    };
    app.put_channel(limited, "").await;

    let declared = |content_type: &str, id| RegisterAttachmentRequest {
        declared_content_type: content_type.to_owned(),
        ..line(id)
    };
    // Refused for its length as soon as it is seen to be a picture.
    app.simulator.put_line_message("1", picture_of(20_001));
    let told = refusal_of(&app, declared("image/png", "1"), R::TooLarge).await;
    assert_eq!(
        told.detail,
        "announced with 20001 bytes, and 20000 are allowed"
    );
    assert!(told.received_bytes < 20_001);
    assert_eq!(
        (told.measured_bytes, told.limit_bytes),
        (Some(20_001), Some(20_000))
    );
    assert!(told.counted);

    // Without a length it is read to the first byte beyond the limit.
    let unannounced = picture_of(20_001).script(["chunked"]).unwrap();
    app.simulator.put_line_message("2", unannounced);
    let told = refusal_of(&app, line("2"), R::TooLarge).await;
    let (measured, rest) = told.detail.split_once(' ').unwrap();
    assert_eq!(rest, "bytes had come, and 20000 are allowed");
    assert_eq!(measured, told.received_bytes.to_string());
    assert!(told.received_bytes > 20_000);

    app.simulator.put_line_message("3", picture_of(20_000));
    let liar = declared("application/pdf", "3");
    let told = refusal_of(&app, liar, R::ContentTypeMismatch).await;
    assert_eq!(
        told.detail,
        "declared as application/pdf, found to be image/png"
    );
    assert_eq!(told.provider_status, 200);
    assert_eq!(told.declared_content_type, "application/pdf");
    assert_eq!(told.detected_content_type, "image/png");
}

/// How its only attempt is told.
async fn refusal_of(app: &TestApp, file: RegisterAttachmentRequest, reason: R) -> Attempt {
    let ended = app.ingest(file).await;
    assert_eq!(end_of(&ended), rejected(reason));
    let [attempt] = app.explain(&ended.attachment_id).await.try_into().unwrap();
    attempt
}
