//! Objects: put, get, head, ranges, checksums, conditions.

use super::{BUCKET, Rig, client, code, pattern};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode};
use aws_smithy_types::body::SdkBody;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use s3s::crypto::{Checksum as _, Sha256};
use s3s::dto::StreamingBlob;

fn sha256(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(Sha256::checksum(bytes))
}

/// A body that is sent chunk by chunk, not from memory.
fn streaming(bytes: &[u8]) -> ByteStream {
    let chunks: Vec<Result<_, std::io::Error>> = bytes
        .chunks(10_000)
        .map(|chunk| Ok(Bytes::copy_from_slice(chunk)))
        .collect();
    let body = StreamingBlob::wrap(futures::stream::iter(chunks));
    ByteStream::new(SdkBody::from_body_1_x(s3s::Body::from(body)))
}

#[tokio::test]
async fn an_object_comes_back_as_it_was_put() {
    let rig = Rig::start().await;
    let bytes = pattern(700_001);
    let put = rig.s3.put_object().bucket(BUCKET).key("a/b.png");
    let put = put
        .content_type("image/png")
        .content_disposition("inline")
        .cache_control("private")
        .metadata("origin", "line")
        .body(ByteStream::from(bytes.clone()))
        .send()
        .await
        .unwrap();

    let head = rig.s3.head_object().bucket(BUCKET).key("a/b.png");
    let head = head.send().await.unwrap();
    assert_eq!(head.content_length(), Some(700_001));
    assert_eq!(head.content_type(), Some("image/png"));
    assert_eq!(head.content_disposition(), Some("inline"));
    assert_eq!(head.cache_control(), Some("private"));
    assert_eq!(head.content_encoding(), None);
    assert_eq!(head.metadata().unwrap()["origin"], "line");
    assert_eq!(head.e_tag(), put.e_tag());
    assert_eq!(rig.get("a/b.png").await.unwrap(), bytes);
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let rig = Rig::start().await;
    assert_eq!(rig.get("k").await.unwrap_err(), "NoSuchKey");
    let head = rig.s3.head_object().bucket(BUCKET).key("k").send().await;
    assert!(head.unwrap_err().as_service_error().unwrap().is_not_found());
    let other = rig.s3.get_object().bucket("no-such-bucket").key("k");
    let other = other.send().await.unwrap_err();
    assert_eq!(code(&other), "NoSuchBucket");
}

#[tokio::test]
async fn ranges_are_cut_to_size_or_refused() {
    let rig = Rig::start().await;
    let bytes = pattern(1000);
    rig.put("k", bytes.clone()).await;
    rig.put("empty", Vec::new()).await;
    let get = |key: &'static str, range: &'static str| {
        let get = rig.s3.get_object().bucket(BUCKET).key(key).range(range);
        async move {
            let got = get.send().await.map_err(|error| code(&error))?;
            let content_range = got.content_range().unwrap_or_default().to_owned();
            Ok::<_, String>((content_range, got.body.collect().await.unwrap().to_vec()))
        }
    };

    let (content_range, part) = get("k", "bytes=10-19").await.unwrap();
    assert_eq!(
        (content_range.as_str(), &part[..]),
        ("bytes 10-19/1000", &bytes[10..20])
    );
    let (content_range, part) = get("k", "bytes=-5").await.unwrap();
    assert_eq!(
        (content_range.as_str(), &part[..]),
        ("bytes 995-999/1000", &bytes[995..])
    );
    let (content_range, part) = get("k", "bytes=990-5000").await.unwrap();
    assert_eq!(
        (content_range.as_str(), &part[..]),
        ("bytes 990-999/1000", &bytes[990..])
    );
    assert_eq!(get("k", "bytes=1000-").await.unwrap_err(), "InvalidRange");
    assert_eq!(get("empty", "bytes=-5").await.unwrap_err(), "InvalidRange");
    assert_eq!(rig.get("empty").await.unwrap(), b"");
}

#[tokio::test]
async fn a_streamed_body_is_checked_against_its_header() {
    let rig = Rig::start().await;
    let bytes = pattern(300_000);
    let put = |declared: String, body: ByteStream| {
        let put = rig.s3.put_object().bucket(BUCKET).key("k");
        let put = put.checksum_sha256(declared).content_length(300_000);
        put.body(body).send()
    };

    let refused = put(sha256(b"something else"), streaming(&bytes)).await;
    assert_eq!(code(&refused.unwrap_err()), "BadDigest");
    assert_eq!(rig.get("k").await.unwrap_err(), "NoSuchKey");
    assert_eq!(rig.files("blobs"), 0);

    put(sha256(&bytes), streaming(&bytes)).await.unwrap();
    assert_eq!(rig.get("k").await.unwrap(), bytes);
    let head = rig.s3.head_object().bucket(BUCKET).key("k");
    let head = head
        .checksum_mode(ChecksumMode::Enabled)
        .send()
        .await
        .unwrap();
    assert_eq!(head.checksum_sha256(), Some(sha256(&bytes).as_str()));
}

#[tokio::test]
async fn a_streamed_body_is_checked_against_its_trailer() {
    let rig = Rig::start().await;
    let bytes = pattern(300_000);
    for algorithm in [
        ChecksumAlgorithm::Crc32,
        ChecksumAlgorithm::Crc32C,
        ChecksumAlgorithm::Crc64Nvme,
        ChecksumAlgorithm::Sha1,
        ChecksumAlgorithm::Sha256,
    ] {
        let put = rig.s3.put_object().bucket(BUCKET).key("k");
        let put = put.checksum_algorithm(algorithm.clone());
        let put = put.content_length(300_000).body(streaming(&bytes));
        put.send().await.unwrap();
        let get = rig.s3.get_object().bucket(BUCKET).key("k");
        let got = get
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await
            .unwrap();
        let sums = [
            (ChecksumAlgorithm::Crc32, got.checksum_crc32()),
            (ChecksumAlgorithm::Crc32C, got.checksum_crc32_c()),
            (ChecksumAlgorithm::Crc64Nvme, got.checksum_crc64_nvme()),
            (ChecksumAlgorithm::Sha1, got.checksum_sha1()),
            (ChecksumAlgorithm::Sha256, got.checksum_sha256()),
        ];
        for (other, sum) in sums {
            assert_eq!(sum.is_some(), other == algorithm, "{other} for {algorithm}");
        }
        // The SDK checks the sum while it reads.
        assert_eq!(got.body.collect().await.unwrap().to_vec(), bytes);
    }
}

#[tokio::test]
async fn a_wrong_content_md5_leaves_the_old_object() {
    let rig = Rig::start().await;
    rig.put("k", "old").await;
    let put = rig.s3.put_object().bucket(BUCKET).key("k");
    let put = put.content_md5(BASE64_STANDARD.encode([7; 16]));
    let refused = put.body(ByteStream::from_static(b"new")).send().await;
    assert_eq!(code(&refused.unwrap_err()), "BadDigest");
    assert_eq!(rig.get("k").await.unwrap(), b"old");
}

#[tokio::test]
async fn an_overwrite_leaves_no_bytes_behind() {
    let rig = Rig::start().await;
    rig.put("k", "old").await;
    rig.put("k", "new").await;
    assert_eq!(rig.get("k").await.unwrap(), b"new");
    assert_eq!((rig.files("objects"), rig.files("blobs")), (1, 1));
}

#[tokio::test]
async fn of_racing_puts_one_stays() {
    let rig = Rig::start().await;
    let sizes = 50_000..50_016;
    let puts = sizes.clone().map(|size| rig.put("k", pattern(size)));
    futures::future::join_all(puts).await;
    let bytes = rig.get("k").await.unwrap();
    assert!(sizes.contains(&bytes.len()) && bytes == pattern(bytes.len()));
    assert_eq!((rig.files("objects"), rig.files("blobs")), (1, 1));
}

#[tokio::test]
async fn a_condition_is_not_passed_over() {
    let rig = Rig::start().await;
    let put = rig.s3.put_object().bucket(BUCKET).key("k");
    let put = put.if_none_match("*").body(ByteStream::from_static(b"new"));
    assert_eq!(code(&put.send().await.unwrap_err()), "NotImplemented");
    assert!(rig.keys().await.is_empty());
}

#[tokio::test]
async fn only_the_one_key_may_sign() {
    let rig = Rig::start().await;
    let forger = client(rig.store.local_addr(), "another secret");
    let put = forger.put_object().bucket(BUCKET).key("k");
    let refused = put.body(ByteStream::from(pattern(1_000_000))).send().await;
    assert_eq!(code(&refused.unwrap_err()), "SignatureDoesNotMatch");
    assert!(rig.keys().await.is_empty());
}
