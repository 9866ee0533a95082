//! Attachments brought to where a test wants them.

use crate::support::{PATIENCE, TENANT, TestApp, line};
use attachments::config::{Config, Human};
use attachments::dev::simulator::{Fixture, Media};
use attachments::proto::{
    Attachment, RegisterAttachmentRequest, attachment::Status as AttachmentStatus,
};
use std::collections::BTreeMap;

/// An id that nobody has.
pub const UNKNOWN: &str = "01890000-0000-7000-8000-000000000000";

/// Stores this content as LINE message `id`.
pub async fn stored(app: &TestApp, id: &str, media: Media) -> Attachment {
    stored_as(app, line(id), id, media).await
}

/// As [`stored`], under a name.
pub async fn stored_named(app: &TestApp, id: &str, media: Media, name: &str) -> Attachment {
    let request = RegisterAttachmentRequest {
        file_name: name.to_owned(),
        ..line(id)
    };
    stored_as(app, request, id, media).await
}

async fn stored_as(
    app: &TestApp,
    request: RegisterAttachmentRequest,
    id: &str,
    media: Media,
) -> Attachment {
    app.simulator.put_line_message(id, media);
    let attachment = app.ingest(request).await;
    assert_eq!(
        attachment.status(),
        AttachmentStatus::Stored,
        "{attachment:#?}"
    );
    attachment
}

/// A small picture.
pub fn picture() -> Media {
    Media::fixture(Fixture::Png)
}

/// The picture grown to this size.
pub fn picture_of(size: usize) -> Media {
    Media::fixture_of_size(Fixture::Png, size).unwrap()
}

/// What [`one_in_each_status`] needs: an attempt that hangs does so for long
/// and keeps the only worker busy.
pub fn hold_still(config: &mut Config) {
    config.limits.ingest_concurrency = 1;
    config.egress.first_byte_timeout = Human(PATIENCE);
    config.retry.retry_after_cap = Human(PATIENCE);
}

/// One attachment in each status, and there it stays.
pub async fn one_in_each_status(app: &TestApp) -> BTreeMap<AttachmentStatus, String> {
    use AttachmentStatus as Status;
    let claiming = |id: &str, content_type: &str| RegisterAttachmentRequest {
        declared_content_type: content_type.to_owned(),
        ..line(id)
    };
    let mut ids = BTreeMap::new();
    ids.insert(Status::Stored, stored(app, "good", picture()).await);
    let gone = stored(app, "gone", picture()).await;
    ids.insert(Status::Deleted, app.delete(&gone.attachment_id).await);
    app.line_plays("refused", &["404"]);
    ids.insert(Status::Failed, app.ingest(line("refused")).await);
    app.simulator
        .put_line_message("lies", Media::fixture(Fixture::Html));
    let lies = claiming("lies", "image/png");
    ids.insert(Status::Rejected, app.ingest(lies).await);
    let foreign = claiming("foreign", "image/tiff");
    ids.insert(Status::Unsupported, app.ingest(foreign).await);
    app.line_plays("hangs", &["hang"]);
    ids.insert(Status::Downloading, app.begin(line("hangs")).await);
    ids.insert(Status::Pending, app.register(line("waits")).await);
    ids.into_iter()
        .map(|(status, attachment)| {
            assert_eq!(attachment.status(), status, "{attachment:#?}");
            (status, attachment.attachment_id)
        })
        .collect()
}

/// One that failed and will be tried again, but not soon.
pub async fn retried_later(app: &TestApp) -> String {
    app.line_plays("busy", &["503:50"]);
    let id = app.register(line("busy")).await.attachment_id;
    app.wait(TENANT, &id, |now| now.retryable).await;
    id
}
