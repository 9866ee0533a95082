//! Large files go up in parts, and parts leave nothing behind.

use super::{STORED, end_of};
use crate::support::{TENANT, TestApp, line};
use attachments::attachment::status::Sha256 as Digest;
use attachments::attachment::storage_key::StorageKey;
use attachments::blob::{BlobError, Bucket, Payload};
use attachments::config::Human;
use attachments::dev::object_store::{Fault, Operation};
use attachments::dev::simulator::{Fixture, Media};
use attachments::proto::attachment::FailureReason as R;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use reqwest::StatusCode;
use sha2::{Digest as _, Sha256};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::Duration;

/// Two parts of 8 MiB.
const TWO_PARTS: usize = 9_500_000;

/// Two parts on their way, and the client repeats a refused one three times.
const REQUESTS_OF_TWO_PARTS: usize = 8;

const fn status(status: StatusCode) -> Fault {
    Fault::Status(status)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_file_arrives_in_parts_and_whole() {
    let app = TestApp::start().await;
    let files = [
        (Fixture::Png, TWO_PARTS, 2),
        (Fixture::Mp4, 8 * 1024 * 1024, 0),
        (Fixture::Mp4, 8 * 1024 * 1024 + 100, 2),
        (Fixture::Mp4, 20_000_000, 3),
    ];
    for (n, (fixture, size, parts)) in files.into_iter().enumerate() {
        app.store.faults().forget();
        let media = Media::fixture_of_size(fixture, size).unwrap();
        let sent = media.checksum_sha256();
        app.simulator.put_line_message(&n.to_string(), media);
        let stored = app.ingest(line(&n.to_string())).await;
        assert_eq!(end_of(&stored), STORED, "{fixture:?} {size}");
        assert_eq!(stored.checksum_sha256, sent);

        let count = |operation| app.store.faults().count(operation);
        assert_eq!(count(Operation::UploadPart), parts, "{fixture:?} {size}");
        assert_eq!(count(Operation::Put), usize::from(parts == 0));
        let get = app.s3().get_object().bucket(&app.config.s3.bucket);
        let object = get.key(&stored.storage_key).send().await.unwrap();
        assert_eq!(object.content_type(), Some(fixture.content_type()));
        let bytes = object.body.collect().await.unwrap().into_bytes();
        assert_eq!(hex::encode(Sha256::digest(&bytes)), sent);
    }
    assert_eq!(app.open_uploads().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_fails_is_made_again_and_leaves_one_object() {
    let app = TestApp::start().await;
    let cut = Fault::Cut {
        after_bytes: 1_000_000,
    };
    let lost = Fault::Cut { after_bytes: 0 };
    let (twice, parts) = (2, REQUESTS_OF_TWO_PARTS);
    let cases = [
        (
            Operation::CreateUpload,
            status(StatusCode::SERVICE_UNAVAILABLE),
            twice,
        ),
        (Operation::UploadPart, cut, parts),
        (
            Operation::UploadPart,
            status(StatusCode::SERVICE_UNAVAILABLE),
            parts,
        ),
        // A checksum that does not match is refused once.
        (Operation::UploadPart, status(StatusCode::BAD_REQUEST), 1),
        (
            Operation::CompleteUpload,
            status(StatusCode::INTERNAL_SERVER_ERROR),
            twice,
        ),
        // It is an object, and nobody hears of it.
        (Operation::CompleteUpload, lost, 1),
        (Operation::Head, status(StatusCode::FORBIDDEN), 1),
    ];
    let image = Media::fixture_of_size(Fixture::Png, TWO_PARTS).unwrap();
    let mut expected = Vec::new();
    for (n, (operation, fault, times)) in cases.into_iter().enumerate() {
        let id = n.to_string();
        app.simulator.put_line_message(&id, image.clone());
        app.store.faults().inject(operation, times, fault);
        let stored = app.ingest(line(&id)).await;
        let what = format!("{operation:?} {fault:?}");
        assert_eq!(end_of(&stored), STORED, "{what}");
        let attempts = app.explain(&stored.attachment_id).await;
        assert!(attempts.len() > 1, "{what}");
        assert_eq!(attempts[0].failure_reason(), R::StorageUnavailable);
        app.store.faults().clear();
        app.eventually_no_open_upload().await;
        expected.push(stored.storage_key);
        app.eventually_objects(expected.clone()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_not_those_that_came_become_no_object() {
    let app = TestApp::start().await;
    let bucket = Bucket::new(&app.config.bucket_settings().unwrap()).await;
    let bytes = vec![7; TWO_PARTS];
    let came = Sha256::digest(&bytes).into();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes).unwrap();
    // The disk rots, or loses the end.
    for (n, (offset, len)) in [(9_000_000, TWO_PARTS), (0, 9_000_000)]
        .into_iter()
        .enumerate()
    {
        file.write_all_at(&[8], offset).unwrap();
        file.set_len(len as u64).unwrap();
        let key = StorageKey::from_stored(format!("attachments/durable/{n}"));
        let payload = Payload::File {
            file: Arc::new(file.try_clone().unwrap()),
            len: TWO_PARTS as u64,
        };
        let put = bucket.put(&key, payload, Digest(came), "image/png").await;
        assert_eq!(put, Err(BlobError::PayloadAltered));
    }
    app.eventually_no_open_upload().await;
    assert_eq!(app.objects().await, [""; 0]);
    assert_eq!(app.store.faults().count(Operation::CompleteUpload), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_whose_lease_is_lost_is_aborted() {
    let app =
        TestApp::start_with(|config| config.retry.lease = Human(Duration::from_secs(3))).await;
    let image = Media::fixture_of_size(Fixture::Png, TWO_PARTS).unwrap();
    app.simulator.put_line_message("1", image);
    // Slow enough that only its being dropped ends it.
    let slow = Fault::Throttle {
        bytes_per_second: 10_000,
    };
    app.store.faults().inject(Operation::UploadPart, 2, slow);
    let id = app.begin(line("1")).await.attachment_id;
    let count = |operation| app.store.faults().count(operation);
    app.eventually("parts to be on their way", || async {
        count(Operation::UploadPart) == 2
    })
    .await;
    assert_eq!(app.open_uploads().await.len(), 1);
    app.take_over_by_a_dead_worker(&id, false).await;

    let stored = app.wait_final(TENANT, &id).await;
    assert_eq!(end_of(&stored), STORED);
    app.eventually_no_open_upload().await;
    assert_eq!(count(Operation::AbortUpload), 1);
    assert_eq!(count(Operation::CompleteUpload), 1);
    app.eventually_objects(vec![stored.storage_key]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_begins_when_its_lease_is_lost_is_aborted() {
    let app =
        TestApp::start_with(|config| config.retry.lease = Human(Duration::from_secs(3))).await;
    let image = Media::fixture_of_size(Fixture::Png, TWO_PARTS).unwrap();
    app.simulator.put_line_message("1", image);
    // Longer than it takes to find out.
    let late = Fault::Delay(Duration::from_secs(6));
    app.store.faults().inject(Operation::CreateUpload, 1, late);
    let id = app.begin(line("1")).await.attachment_id;
    let count = |operation| app.store.faults().count(operation);
    app.eventually("the upload to be asked for", || async {
        count(Operation::CreateUpload) == 1
    })
    .await;
    app.take_over_by_a_dead_worker(&id, false).await;

    let stored = app.wait_final(TENANT, &id).await;
    assert_eq!(end_of(&stored), STORED);
    app.eventually("the late upload to be aborted", || async {
        count(Operation::AbortUpload) == 1
    })
    .await;
    app.eventually_no_open_upload().await;
    app.eventually_objects(vec![stored.storage_key]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abandoned_upload_is_swept_and_no_other() {
    let app = TestApp::start_with(|config| {
        // They are looked for ten times in that.
        config.retention.uploads_abandoned_after = Human(Duration::from_mins(2));
    })
    .await;
    // More than a page, and than a pass takes on.
    let begin = |n: usize| {
        let app = &app;
        async move {
            app.abandon_upload(&format!("attachments/durable/dead/{n:04}"))
                .await;
        }
    };
    stream::iter(0..1_001)
        .map(begin)
        .buffer_unordered(8)
        .collect::<Vec<_>>()
        .await;
    app.abandon_upload("elsewhere/not-ours").await;
    let bucket = Bucket::new(&app.config.bucket_settings().unwrap()).await;
    let listed: Vec<_> = bucket.open_uploads().try_collect().await.unwrap();
    assert_eq!(listed.len(), 1_001);

    // A look at all pages finds them young.
    let looks = || app.store.faults().count(Operation::ListUploads);
    let before = looks();
    app.eventually("a look", || async { looks() >= before + 2 })
        .await;
    assert_eq!(app.store.faults().count(Operation::AbortUpload), 0);

    app.clock.shift(time::Duration::minutes(3));
    app.eventually("ours to be aborted", || async {
        app.store.faults().count(Operation::AbortUpload) == 1_001
    })
    .await;
    app.eventually("theirs to be left", || async {
        app.open_uploads().await == ["elsewhere/not-ours"]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_does_not_list_uploads_is_asked_once() {
    let app = TestApp::start_with(|config| {
        // A look with every pass.
        config.retention.uploads_abandoned_after = Human(Duration::from_secs(1));
    })
    .await;
    let looks = || app.store.faults().count(Operation::ListUploads);
    app.eventually("looks", || async { looks() >= 3 }).await;
    let unable = status(StatusCode::NOT_IMPLEMENTED);
    app.store
        .faults()
        .inject(Operation::ListUploads, usize::MAX, unable);
    let before = looks();
    app.eventually("a look that is refused", || async { looks() > before })
        .await;
    app.store.faults().clear();
    let asked = looks();
    for _ in 0..4 {
        a_pass(&app).await;
    }
    assert_eq!(looks(), asked);
}

/// Waits until the sweeper has gone over the table once more.
async fn a_pass(app: &TestApp) {
    sqlx::query("insert into removals (tenant_id, storage_key) values ($1, 'attachments/none')")
        .bind(TENANT)
        .execute(&app.pool)
        .await
        .unwrap();
    app.eventually_nothing_to_remove().await;
}
