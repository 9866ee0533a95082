//! Faults are felt over the wire, and requests are counted.

use super::{BUCKET, Rig, client, code, pattern};
use crate::dev::object_store::{Fault, Operation};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use http::StatusCode;
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_status_is_answered_as_often_as_asked() {
    let rig = Rig::start().await;
    let faults = rig.store.faults();
    faults.inject(
        Operation::Put,
        1,
        Fault::Status(StatusCode::SERVICE_UNAVAILABLE),
    );
    faults.inject(
        Operation::Get,
        1,
        Fault::Status(StatusCode::INTERNAL_SERVER_ERROR),
    );

    let put = rig.s3.put_object().bucket(BUCKET).key("k");
    let put = put.body(ByteStream::from(pattern(5_000_000))).send().await;
    assert_eq!(code(&put.unwrap_err()), "SlowDown");
    assert!(rig.keys().await.is_empty());
    rig.put("k", "bytes").await;
    assert_eq!(rig.get("k").await.unwrap_err(), "InternalError");
    assert_eq!(rig.get("k").await.unwrap(), b"bytes");

    assert_eq!(faults.count(Operation::Put), 2);
    assert_eq!(faults.count(Operation::Get), 2);
    assert_eq!(faults.count(Operation::List), 1);
    assert_eq!(faults.count(None), 5);
    assert_eq!(faults.journal()[0].path, format!("/{BUCKET}/k"));
}

#[tokio::test]
async fn a_client_that_retries_gets_through() {
    let rig = Rig::start().await;
    let faults = rig.store.faults();
    faults.inject(None, 2, Fault::Status(StatusCode::SERVICE_UNAVAILABLE));
    let config = client(rig.store.local_addr(), super::SECRET_KEY);
    let retry = RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(Duration::from_millis(1));
    let patient = Client::from_conf(config.config().to_builder().retry_config(retry).build());
    let put = patient.put_object().bucket(BUCKET).key("k");
    put.body(ByteStream::from_static(b"bytes"))
        .send()
        .await
        .unwrap();
    assert_eq!(faults.count(Operation::Put), 3);
}

#[tokio::test]
async fn a_cut_download_ends_early() {
    let rig = Rig::start().await;
    let bytes = pattern(1_000_000);
    rig.put("k", bytes.clone()).await;
    let cut = Fault::Cut {
        after_bytes: 100_000,
    };
    rig.store.faults().inject(Operation::Get, 1, cut);

    let get = rig.s3.get_object().bucket(BUCKET).key("k");
    let mut got = get.send().await.unwrap();
    assert_eq!(got.content_length(), Some(1_000_000));
    let mut received = Vec::new();
    let ended = loop {
        match got.body.next().await {
            Some(Ok(chunk)) => received.extend_from_slice(&chunk),
            Some(Err(_)) => break "broken off",
            None => break "complete",
        }
    };
    assert_eq!(ended, "broken off");
    assert_eq!(received, bytes[..100_000]);
    assert_eq!(rig.get("k").await.unwrap(), bytes);
}

#[tokio::test]
async fn a_cut_upload_leaves_nothing() {
    let rig = Rig::start().await;
    let cut = Fault::Cut {
        after_bytes: 100_000,
    };
    rig.store.faults().inject(Operation::Put, 1, cut);
    let put = rig.s3.put_object().bucket(BUCKET).key("k");
    let put = put.body(ByteStream::from(pattern(1_000_000))).send().await;
    assert_eq!(code(&put.unwrap_err()), "no answer");
    assert!(rig.keys().await.is_empty());
    assert_eq!(rig.files("blobs"), 0);
}

#[tokio::test]
async fn an_answer_can_be_lost_after_the_deed() {
    let rig = Rig::start().await;
    let faults = rig.store.faults();
    let lost = Fault::Cut {
        after_bytes: u64::MAX,
    };
    faults.inject(Operation::Put, 1, lost);
    let put = rig.s3.put_object().bucket(BUCKET).key("k");
    let put = put.body(ByteStream::from_static(b"bytes")).send().await;
    assert_eq!(code(&put.unwrap_err()), "no answer");
    assert_eq!(rig.get("k").await.unwrap(), b"bytes");

    faults.inject(Operation::Delete, 1, lost);
    let delete = rig.s3.delete_object().bucket(BUCKET).key("k").send().await;
    assert_eq!(code(&delete.unwrap_err()), "no answer");
    assert_eq!(rig.get("k").await.unwrap_err(), "NoSuchKey");
}

#[tokio::test]
async fn a_delayed_request_waits_and_is_served() {
    let rig = Rig::start().await;
    rig.put("k", "bytes").await;
    let wait = Duration::from_millis(100);
    rig.store
        .faults()
        .inject(Operation::Get, 1, Fault::Delay(wait));
    let asked = Instant::now();
    assert_eq!(rig.get("k").await.unwrap(), b"bytes");
    assert!(asked.elapsed() >= wait);
}

#[tokio::test]
async fn a_throttled_body_takes_its_time_and_arrives_whole() {
    let rig = Rig::start().await;
    let bytes = pattern(200_000);
    let slow = Fault::Throttle {
        bytes_per_second: 400_000,
    };
    let least = Duration::from_millis(400);
    for operation in [Operation::Put, Operation::Get] {
        rig.store.faults().inject(operation, 1, slow);
        let began = Instant::now();
        if operation == Operation::Put {
            rig.put("k", bytes.clone()).await;
        } else {
            assert_eq!(rig.get("k").await.unwrap(), bytes);
        }
        assert!(began.elapsed() >= least, "{operation:?}");
    }
}

#[tokio::test]
async fn a_denied_key_is_named_and_kept() {
    let rig = Rig::start().await;
    for key in ["a", "b"] {
        rig.put(key, "bytes").await;
    }
    let delete = || {
        let keys = ["a", "b"].map(|key| ObjectIdentifier::builder().key(key).build().unwrap());
        let delete = Delete::builder().set_objects(Some(keys.to_vec()));
        let delete = delete.build().unwrap();
        rig.s3.delete_objects().bucket(BUCKET).delete(delete).send()
    };
    rig.store
        .faults()
        .inject(Operation::Delete, 1, Fault::DenyFirstKey);
    let answer = delete().await.unwrap();
    assert_eq!(answer.errors()[0].key(), Some("a"));
    assert_eq!(answer.errors()[0].code(), Some("AccessDenied"));
    assert_eq!(answer.deleted().len(), 1);
    assert_eq!(rig.keys().await, ["a"]);
    assert!(delete().await.unwrap().errors().is_empty());
    assert!(rig.keys().await.is_empty());
}
