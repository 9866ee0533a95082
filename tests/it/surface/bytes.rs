//! Byte streams: whole, in ranges, and never short without saying so.

use super::stage::{UNKNOWN, hold_still, one_in_each_status, picture, picture_of, stored_named};
use super::status::{assert_unavailable, reason};
use crate::support::{TENANT, TestApp};
use attachments::dev::object_store::{Fault, Operation};
use attachments::proto::get_attachment_bytes_response::Payload;
use attachments::proto::{
    Attachment, AttachmentBytesInfo, GetAttachmentBytesRequest,
    attachment::Status as AttachmentStatus,
};
use reqwest::StatusCode;
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use tonic::{Code, Status};

const CHUNK: usize = 256 * 1024;

/// What a stream gave before its end, and the end.
#[derive(Debug, Default)]
struct Read {
    infos: Vec<AttachmentBytesInfo>,
    chunks: Vec<usize>,
    bytes: Vec<u8>,
    end: Option<Status>,
}

async fn read(app: &TestApp, id: &str, offset: i64, limit: i64) -> Read {
    let request = GetAttachmentBytesRequest {
        attachment_id: id.to_owned(),
        offset,
        limit,
        ..GetAttachmentBytesRequest::default()
    };
    let mut read = Read::default();
    let mut stream = match app.client(TENANT).get_attachment_bytes(request).await {
        Ok(stream) => stream.into_inner(),
        Err(status) => {
            read.end = Some(status);
            return read;
        }
    };
    loop {
        match stream.message().await {
            Ok(None) => return read,
            Err(status) => {
                read.end = Some(status);
                return read;
            }
            Ok(Some(message)) => match message.payload.unwrap() {
                Payload::Info(info) => {
                    assert!(read.chunks.is_empty(), "info comes first");
                    read.infos.push(info);
                }
                Payload::Chunk(chunk) => {
                    assert_eq!(read.infos.len(), 1, "info comes first, once");
                    read.chunks.push(chunk.len());
                    read.bytes.extend_from_slice(&chunk);
                }
            },
        }
    }
}

async fn large(app: &TestApp) -> (Attachment, Vec<u8>) {
    let attachment = stored_named(app, "1", picture_of(2_000_000), "big cat.png").await;
    let whole = read(app, &attachment.attachment_id, 0, 0).await;
    assert!(whole.end.is_none(), "{:?}", whole.end);
    (attachment, whole.bytes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_file_is_the_file_in_bounded_chunks() {
    let app = TestApp::start().await;
    let media = picture_of(2_000_000);
    let sent = media.checksum_sha256();
    let attachment = stored_named(&app, "1", media, "big cat.png").await;
    let whole = read(&app, &attachment.attachment_id, 0, 0).await;
    assert!(whole.end.is_none(), "{:?}", whole.end);
    let info = &whole.infos[0];
    assert_eq!(info.content_type, "image/png");
    assert_eq!(info.size_bytes, 2_000_000);
    assert_eq!(info.checksum_sha256, sent);
    assert_eq!(info.file_name, "big cat.png");
    assert_eq!(hex::encode(Sha256::digest(&whole.bytes)), sent);
    assert!(whole.chunks.iter().all(|chunk| (1..=CHUNK).contains(chunk)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_is_that_part_of_the_file() {
    let app = TestApp::start().await;
    let (attachment, whole) = large(&app).await;
    let size = whole.len();
    for (offset, limit, expected) in [
        (0, 1, &whole[..1]),
        (0, size, &whole[..]),
        (1, 0, &whole[1..]),
        (1_000_000, 300_000, &whole[1_000_000..1_300_000]),
        (1_999_000, 5_000, &whole[1_999_000..]),
        (size - 1, 0, &whole[size - 1..]),
        (size - 1, 1, &whole[size - 1..]),
        (0, usize::try_from(i64::MAX).unwrap(), &whole[..]),
    ] {
        let [from, most] = [offset, limit].map(|number| i64::try_from(number).unwrap());
        let part = read(&app, &attachment.attachment_id, from, most).await;
        assert!(part.end.is_none(), "{offset}+{limit}: {:?}", part.end);
        assert!(part.bytes == expected, "{offset}+{limit}");
        // The info is about the file, whatever part is sent.
        assert_eq!(part.infos[0].size_bytes, 2_000_000);
        assert_eq!(part.infos[0].checksum_sha256, attachment.checksum_sha256);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beyond_the_end_is_out_of_range() {
    let app = TestApp::start().await;
    let attachment = stored_named(&app, "1", picture(), "").await;
    for offset in [attachment.size_bytes, attachment.size_bytes + 1, i64::MAX] {
        for limit in [0, 1, i64::MAX] {
            let end = read(&app, &attachment.attachment_id, offset, limit)
                .await
                .end;
            let end = end.unwrap();
            assert_eq!(end.code(), Code::OutOfRange, "{offset}+{limit}");
            assert_eq!(reason(&end), "OFFSET_BEYOND_END");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_is_gone_is_data_loss() {
    let app = TestApp::start().await;
    let attachment = stored_named(&app, "1", picture(), "").await;
    let object = app.s3().delete_object().bucket(&app.config.s3.bucket);
    object.key(&attachment.storage_key).send().await.unwrap();
    let end = read(&app, &attachment.attachment_id, 0, 0).await.end;
    let end = end.unwrap();
    assert_eq!(end.code(), Code::DataLoss);
    assert_eq!(reason(&end), "OBJECT_DAMAGED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_ends_early_is_data_loss_and_never_a_short_success() {
    let app = TestApp::start().await;
    let (attachment, whole) = large(&app).await;
    for after_bytes in [0, 1, 100_000, 1_999_999] {
        let cut = Fault::Cut { after_bytes };
        app.store.faults().inject(Operation::Get, 1, cut);
        let part = read(&app, &attachment.attachment_id, 0, 0).await;
        let end = part.end.unwrap_or_else(|| panic!("a short success"));
        assert_eq!(end.code(), Code::DataLoss, "{after_bytes}: {end:?}");
        assert_eq!(reason(&end), "OBJECT_DAMAGED");
        assert!(part.bytes.len() < whole.len() && whole.starts_with(&part.bytes));
    }
    let again = read(&app, &attachment.attachment_id, 0, 0).await;
    assert!(again.end.is_none() && again.bytes == whole);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_fails_is_unavailable() {
    let app = TestApp::start().await;
    let attachment = stored_named(&app, "1", picture(), "").await;
    for status in [
        StatusCode::INTERNAL_SERVER_ERROR,
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::FORBIDDEN,
    ] {
        let fault = Fault::Status(status);
        app.store.faults().inject(Operation::Get, 10, fault);
        let end = read(&app, &attachment.attachment_id, 0, 0).await.end;
        app.store.faults().clear();
        assert_unavailable(status.as_str(), &end.unwrap(), "STORAGE_UNAVAILABLE");
    }
    assert!(
        read(&app, &attachment.attachment_id, 0, 0)
            .await
            .end
            .is_none()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_is_stored_has_bytes() {
    let app = TestApp::start_with(hold_still).await;
    for (status, id) in one_in_each_status(&app).await {
        let end = read(&app, &id, 0, 0).await.end;
        let told = end.map(|end| (end.code(), reason(&end)));
        let expected = match status {
            AttachmentStatus::Stored => None,
            AttachmentStatus::Downloading => Some("ATTACHMENT_PENDING".to_owned()),
            other => Some(format!("ATTACHMENT_{}", other.as_str_name())),
        };
        let expected = expected.map(|reason| (Code::FailedPrecondition, reason));
        assert_eq!(told, expected, "{status:?}");
    }
    let end = read(&app, UNKNOWN, 0, 0).await.end.unwrap();
    assert_eq!(end.code(), Code::NotFound);
}

/// A reader that is slow, or a store, gets no byte of what is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_ends_a_stream_that_is_under_way() {
    let app = TestApp::start().await;
    let large = stored_named(&app, "large", picture_of(4_000_000), "a.png").await;
    let slow = Fault::Throttle {
        bytes_per_second: 200_000,
    };
    app.store.faults().inject(Operation::Get, 1, slow);
    let reads = read(&app, &large.attachment_id, 0, 0);
    let deletes = async {
        app.eventually("the stream is under way", || async {
            app.store.faults().count(Operation::Get) == 1
        })
        .await;
        app.delete(&large.attachment_id).await
    };
    let (got, gone) = tokio::join!(reads, deletes);
    assert_eq!(gone.status(), AttachmentStatus::Deleted);
    let end = got.end.expect("it does not end well");
    assert_eq!(end.code(), Code::FailedPrecondition, "{end:?}");
    assert_eq!(reason(&end), "ATTACHMENT_DELETED");
    assert!(got.bytes.len() < 4_000_000);
}

/// Its object is gone before its bytes were asked for, which is no damage.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_deleted_while_its_stream_begins_is_deleted_and_not_damaged() {
    let app = TestApp::start().await;
    let file = stored_named(&app, "1", picture(), "a.png").await;
    let late = Fault::Delay(Duration::from_secs(3));
    app.store.faults().inject(Operation::Get, 1, late);
    let reads = read(&app, &file.attachment_id, 0, 0);
    let deletes = async {
        app.eventually("it was asked for", || async {
            app.store.faults().count(Operation::Get) == 1
        })
        .await;
        app.delete(&file.attachment_id).await
    };
    let (got, _) = tokio::join!(reads, deletes);
    let end = got.end.expect("there are no bytes");
    assert_eq!(end.code(), Code::FailedPrecondition, "{end:?}");
    assert_eq!(reason(&end), "ATTACHMENT_DELETED");
}
