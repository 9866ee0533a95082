//! Pictures: what the record says of them, and what is shown of them.

use crate::support::{TENANT, TestApp, line};
use attachments::dev::simulator::{Fixture, Media};
use attachments::proto::attachment::{Kind, Status};
use attachments::proto::get_attachment_bytes_response::Payload;
use attachments::proto::processed_content::{self, Status as Processing};
use attachments::proto::rendition::Type;
use attachments::proto::{
    GetAttachmentBytesRequest, IssueAccessLinkRequest, WatchAttachmentsRequest,
};

const PICTURES: [(Fixture, i32); 4] = [
    (Fixture::Png, 1),
    (Fixture::Jpeg, 1),
    (Fixture::Gif, 2),
    (Fixture::Webp, 1),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_tells_its_size_at_once_and_has_a_thumbnail_soon() {
    let app = TestApp::with_content().await;
    for (fixture, frames) in PICTURES {
        let id = fixture.extension();
        app.simulator.put_line_message(id, Media::fixture(fixture));
        let stored = app.ingest(line(id)).await;
        assert_eq!(stored.status(), Status::Stored, "{stored:?}");
        let image = stored.image.clone().unwrap();
        assert_eq!((image.width, image.height), (96, 96), "{fixture:?}");
        assert_eq!(
            (image.orientation, image.frames),
            (1, frames),
            "{fixture:?}"
        );
        assert!((5..=25).contains(&image.thumbhash.len()), "{image:?}");

        let done = app.processed(&stored.attachment_id).await;
        assert_eq!(done.processing_status(), Processing::Success, "{done:?}");
        assert_eq!(done.status(), Status::Stored);
        let [thumbnail] = done.renditions.as_slice() else {
            panic!("{:?}", done.renditions);
        };
        assert_eq!(thumbnail.r#type(), Type::Thumbnail);
        assert_eq!(thumbnail.content_type, "image/webp");
        assert_eq!((thumbnail.width, thumbnail.height), (96, 96));

        let bytes = bytes_of(&app, &stored.attachment_id, Type::Thumbnail).await;
        assert_eq!(bytes.len(), usize::try_from(thumbnail.size_bytes).unwrap());
        assert!(bytes.starts_with(b"RIFF") && &bytes[8..12] == b"WEBP");
        let link = IssueAccessLinkRequest {
            attachment_id: stored.attachment_id.clone(),
            rendition: Type::Thumbnail.into(),
            ..IssueAccessLinkRequest::default()
        };
        let link = app.client(TENANT).issue_access_link(link).await.unwrap();
        assert_eq!(link.into_inner().link.unwrap().content_type, "image/webp");

        let content = app.content(&stored.attachment_id).await.content.unwrap();
        assert_eq!(content.content_kind(), processed_content::Kind::Image);
        assert_eq!(
            content.image_format,
            fixture.content_type()["image/".len()..]
        );
        assert_eq!(content.extracted_text, "");
        assert_eq!(content.fits.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_watches_hears_when_the_thumbnail_is_there() {
    let app = TestApp::with_content().await;
    let mut watch = app.watch(WatchAttachmentsRequest::default()).await;
    app.line_plays("1001", &[]);
    let registered = app.register(line("1001")).await;
    let mut seen = Vec::new();
    loop {
        let heard = watch.message().await.unwrap().unwrap().attachment.unwrap();
        assert_eq!(heard.attachment_id, registered.attachment_id);
        let is_done = heard.processing_status() == Processing::Success;
        seen.push(heard);
        if is_done {
            break;
        }
    }
    let statuses: Vec<_> = seen.iter().map(|heard| heard.status()).collect();
    let stored = statuses.iter().filter(|status| **status == Status::Stored);
    assert_eq!(stored.count(), 2, "{statuses:?}");
    assert_eq!(seen.last().unwrap().renditions.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_tells_its_length_and_nothing_is_made_of_it() {
    let app = TestApp::with_content().await;
    for (fixture, kind, pixels) in [
        (Fixture::Mp4, Kind::Video, true),
        (Fixture::M4a, Kind::Audio, false),
    ] {
        let id = fixture.extension();
        app.simulator.put_line_message(id, Media::fixture(fixture));
        let stored = app.ingest(line(id)).await;
        assert_eq!(stored.status(), Status::Stored, "{stored:?}");
        assert_eq!(stored.kind(), kind);
        let av = stored.av.unwrap();
        let duration = av.duration.unwrap();
        assert!(duration.seconds < 2 && (duration.seconds, duration.nanos) > (0, 0));
        assert_eq!(av.width > 0 && av.height > 0, pixels, "{fixture:?}");
        assert_eq!(stored.image, None);
        let processing = processed_content::Status::try_from(stored.processing_status).unwrap();
        assert_eq!(processing, Processing::Unspecified);
    }
}

async fn bytes_of(app: &TestApp, id: &str, rendition: Type) -> Vec<u8> {
    let request = GetAttachmentBytesRequest {
        attachment_id: id.to_owned(),
        rendition: rendition.into(),
        ..GetAttachmentBytesRequest::default()
    };
    let answer = app.client(TENANT).get_attachment_bytes(request).await;
    let mut stream = answer.unwrap().into_inner();
    let mut bytes = Vec::new();
    while let Some(piece) = stream.message().await.unwrap() {
        if let Some(Payload::Chunk(chunk)) = piece.payload {
            bytes.extend_from_slice(&chunk);
        }
    }
    bytes
}
