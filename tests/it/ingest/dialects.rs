//! Stores that are not quite S3: what comes in is stored and read, and what is
//! deleted is gone, whatever they refuse.

use super::{STORED, deleted, end_of};
use crate::ground::byte_stream::whole;
use crate::support::{TENANT, TestApp, line};
use attachments::attachment::status::Sha256 as Digest;
use attachments::attachment::storage_key::StorageKey;
use attachments::blob::{Bucket, ChecksumMode, Payload};
use attachments::config::Role;
use attachments::dev::object_store::{Dialect, Fault, Operation};
use attachments::dev::simulator::{Fixture, Media};
use attachments::proto::attachment::FailureReason as R;
use attachments::proto::purge_attachments_request::Group;
use attachments::proto::{Attachment, PurgeAttachmentsRequest, RegisterAttachmentRequest};
use reqwest::StatusCode;
use sha2::{Digest as _, Sha256};
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

/// From memory, from a file, and in two parts.
const SIZES: [usize; 3] = [60_000, 2_000_000, 9_500_000];

/// The ways to have no `DeleteObjects`.
const NO_MULTI_DELETE: [StatusCode; 5] = [
    StatusCode::NOT_IMPLEMENTED,
    StatusCode::METHOD_NOT_ALLOWED,
    StatusCode::BAD_REQUEST,
    StatusCode::FORBIDDEN,
    StatusCode::NOT_FOUND,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_refuses_checksums_is_used_without() {
    let app = TestApp::start_with(|config| {
        config.s3.checksum_mode = ChecksumMode::Off;
    })
    .await;
    speak(&app, None, Dialect::RefusesChecksums);
    let mut stored = Vec::new();
    for (n, size) in SIZES.into_iter().enumerate() {
        stored.push(assert_stored(&app, &n.to_string(), size).await);
    }
    for attachment in &stored {
        assert_gone_with_its_link(&app, attachment).await;
    }
    // None was refused and made another way.
    assert_eq!(single_deletes(&app), 0);
    assert_lifecycle_is_written(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_checksum_headers_the_store_still_refuses_other_bytes() {
    let app = TestApp::start().await;
    for mode in [
        ChecksumMode::Off,
        ChecksumMode::Required,
        ChecksumMode::Supported,
    ] {
        let mut config = app.config.clone();
        config.s3.checksum_mode = mode;
        let bucket = Bucket::new(&config.bucket_settings().unwrap()).await;
        for size in SIZES {
            let mut bytes = vec![7; size];
            let came = Digest(Sha256::digest(&bytes).into());
            bytes[size / 2] = 8;
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&bytes).unwrap();
            let (file, len) = (Arc::new(file), size as u64);
            for payload in [Payload::Memory(bytes.into()), Payload::File { file, len }] {
                let key = StorageKey::from_stored("attachments/durable/other".to_owned());
                let put = bucket.put(&key, payload, came, "image/png").await;
                assert!(put.is_err(), "{mode:?} {size}");
            }
        }
    }
    app.eventually_no_open_upload().await;
    assert_eq!(app.objects().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_wants_content_md5_gets_it() {
    for mode in [ChecksumMode::Supported, ChecksumMode::Off] {
        let app = TestApp::start_with(|config| config.s3.checksum_mode = mode).await;
        speak(&app, None, Dialect::WantsContentMd5);
        let stored = assert_stored(&app, "1", SIZES[0]).await;
        assert_gone_with_its_link(&app, &stored).await;
        assert_eq!(single_deletes(&app), 0, "{mode:?}");
        assert_lifecycle_is_written(&app).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_multi_delete_each_object_goes_by_itself() {
    for status in NO_MULTI_DELETE {
        let app = TestApp::start().await;
        speak(&app, Operation::Delete, Dialect::NoMultiDelete(status));
        let first = assert_stored(&app, "0", SIZES[0]).await;
        assert_gone_with_its_link(&app, &first).await;
        app.store.faults().forget();
        for n in 1..=20 {
            app.line_plays(&n.to_string(), &["ok"]);
            let request = RegisterAttachmentRequest {
                correlation_id: "request".to_owned(),
                ..line(&n.to_string())
            };
            assert_eq!(end_of(&app.ingest(request).await), STORED);
        }
        purge(&app).await;
        app.eventually_objects(Vec::new()).await;
        app.eventually_nothing_to_remove().await;
        // It has said so, and is not asked again.
        assert_eq!(single_deletes(&app), deletes(&app), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_deleted_one_by_one_is_not_forgotten() {
    let app = TestApp::start_with(|config| {
        // The purge has it for itself.
        config.retention.sweep_interval.0 = Duration::from_hours(1);
    })
    .await;
    for n in 0..3 {
        app.line_plays(&n.to_string(), &["ok"]);
        let request = RegisterAttachmentRequest {
            correlation_id: "request".to_owned(),
            ..line(&n.to_string())
        };
        app.ingest(request).await;
    }
    let faults = app.store.faults();
    let unable = Dialect::NoMultiDelete(StatusCode::NOT_IMPLEMENTED);
    faults.inject(Operation::Delete, 1, Fault::Dialect(unable));
    faults.inject(Operation::Delete, 1, Fault::Status(StatusCode::FORBIDDEN));
    purge(&app).await;
    let kept = app.objects().await;
    assert_eq!(kept.len(), 1);
    let removals: Vec<String> = sqlx::query_scalar("select storage_key from removals")
        .fetch_all(&app.pool)
        .await
        .unwrap();
    assert_eq!(removals, kept);
}

/// An outage tells nothing of what a store can do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_away_is_not_taken_for_one_without_multi_delete() {
    let app = TestApp::start().await;
    let stored = assert_stored(&app, "1", SIZES[0]).await;
    let down = Fault::Status(StatusCode::SERVICE_UNAVAILABLE);
    app.store.faults().inject(Operation::Delete, 2, down);
    assert_gone_with_its_link(&app, &stored).await;
    assert_eq!(single_deletes(&app), 0);
}

fn speak(app: &TestApp, operation: impl Into<Option<Operation>>, dialect: Dialect) {
    let faults = app.store.faults();
    faults.inject(operation, usize::MAX, Fault::Dialect(dialect));
}

/// Brings a file in, and reads it by a link and by the stream.
async fn assert_stored(app: &TestApp, message: &str, size: usize) -> Attachment {
    let media = Media::fixture_of_size(Fixture::Png, size).unwrap();
    let sent = media.checksum_sha256();
    app.simulator.put_line_message(message, media);
    let stored = app.ingest(line(message)).await;
    assert_eq!(end_of(&stored), STORED, "{size}: {stored:#?}");
    assert_eq!(stored.checksum_sha256, sent);
    let answer = reqwest::get(app.link(&stored.attachment_id).await).await;
    let linked = answer.unwrap().error_for_status().unwrap();
    let linked = linked.bytes().await.unwrap();
    let streamed = whole(&mut app.client(TENANT), &stored.attachment_id).await;
    for bytes in [linked.to_vec(), streamed.unwrap()] {
        assert_eq!(hex::encode(Sha256::digest(&bytes)), sent, "{size}");
    }
    stored
}

async fn assert_gone_with_its_link(app: &TestApp, stored: &Attachment) {
    let link = app.link(&stored.attachment_id).await;
    let gone = app.delete(&stored.attachment_id).await;
    assert_eq!(end_of(&gone), deleted(R::DeleteRequested));
    app.eventually("the link to be dead", || async {
        reqwest::get(&link).await.unwrap().status() == StatusCode::NOT_FOUND
    })
    .await;
    assert!(!app.objects().await.contains(&stored.storage_key));
    app.eventually_nothing_to_remove().await;
}

async fn purge(app: &TestApp) {
    let group = Some(Group::CorrelationId("request".to_owned()));
    let request = PurgeAttachmentsRequest {
        group,
        ..PurgeAttachmentsRequest::default()
    };
    app.client(TENANT).purge_attachments(request).await.unwrap();
}

/// Another process writes the rules that somebody took away.
async fn assert_lifecycle_is_written(app: &TestApp) {
    let s3 = app.s3();
    let bucket = &app.config.s3.bucket;
    let has_rules = async || {
        let found = s3.get_bucket_lifecycle_configuration().bucket(bucket);
        found
            .send()
            .await
            .is_ok_and(|found| found.rules().len() == 2)
    };
    let delete = s3.delete_bucket_lifecycle().bucket(bucket);
    delete.send().await.unwrap();
    assert!(!has_rules().await);
    let another = app.another(Role::Worker).await;
    app.eventually("the lifecycle rules", has_rules).await;
    another.shutdown().await;
}

fn deletes(app: &TestApp) -> usize {
    app.store.faults().count(Operation::Delete)
}

/// Those for an object and not for the bucket.
fn single_deletes(app: &TestApp) -> usize {
    let journal = app.store.faults().journal();
    let deletes = journal
        .iter()
        .filter(|entry| entry.operation == Operation::Delete);
    let bucket = &app.config.s3.bucket;
    deletes
        .filter(|entry| entry.path.trim_matches('/') != bucket)
        .count()
}
