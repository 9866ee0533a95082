//! Multipart uploads.

use super::{BUCKET, Rig, code, pattern};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};

const PART: usize = 5 * 1024 * 1024;

async fn create(rig: &Rig) -> String {
    let create = rig.s3.create_multipart_upload().bucket(BUCKET).key("big");
    let created = create.content_type("video/mp4").send().await.unwrap();
    created.upload_id.unwrap()
}

async fn put_part(
    rig: &Rig,
    id: &str,
    number: i32,
    bytes: Vec<u8>,
) -> Result<CompletedPart, String> {
    let put = rig.s3.upload_part().bucket(BUCKET).key("big");
    let put = put.upload_id(id).part_number(number);
    let put = put.body(ByteStream::from(bytes)).send().await;
    let etag = put.map_err(|error| code(&error))?.e_tag.unwrap();
    Ok(CompletedPart::builder()
        .part_number(number)
        .e_tag(etag)
        .build())
}

async fn complete(rig: &Rig, id: &str, parts: Vec<CompletedPart>) -> Result<String, String> {
    let upload = CompletedMultipartUpload::builder().set_parts(Some(parts));
    let complete = rig.s3.complete_multipart_upload().bucket(BUCKET).key("big");
    let complete = complete.upload_id(id).multipart_upload(upload.build());
    let completed = complete.send().await.map_err(|error| code(&error))?;
    Ok(completed.e_tag.unwrap())
}

async fn open_uploads(rig: &Rig) -> Vec<String> {
    let listed = rig.s3.list_multipart_uploads().bucket(BUCKET).send().await;
    let uploads = listed.unwrap().uploads.unwrap_or_default();
    uploads
        .into_iter()
        .filter_map(|upload| upload.upload_id)
        .collect()
}

#[tokio::test]
async fn parts_become_one_object_even_across_a_restart() {
    let rig = Rig::start().await;
    let whole = pattern(2 * PART + 1000);
    let id = create(&rig).await;
    let second = put_part(&rig, &id, 5, whole[PART..2 * PART].to_vec())
        .await
        .unwrap();
    put_part(&rig, &id, 2, pattern(PART)).await.unwrap();
    let first = put_part(&rig, &id, 2, whole[..PART].to_vec())
        .await
        .unwrap();

    let rig = rig.restart().await;
    assert_eq!(open_uploads(&rig).await, [id.as_str()]);
    let last = put_part(&rig, &id, 9, whole[2 * PART..].to_vec())
        .await
        .unwrap();
    let list_parts = rig.s3.list_parts().bucket(BUCKET).key("big").upload_id(&id);
    let listed = list_parts.send().await.unwrap();
    let numbers: Vec<_> = listed
        .parts()
        .iter()
        .filter_map(|part| part.part_number)
        .collect();
    assert_eq!(numbers, [2, 5, 9]);
    assert_eq!(rig.get("big").await.unwrap_err(), "NoSuchKey");

    let etag = complete(&rig, &id, vec![first, second, last])
        .await
        .unwrap();
    assert!(etag.trim_matches('"').ends_with("-3"), "{etag}");
    assert_eq!(rig.get("big").await.unwrap(), whole);
    let head = rig
        .s3
        .head_object()
        .bucket(BUCKET)
        .key("big")
        .send()
        .await
        .unwrap();
    assert_eq!(head.content_type(), Some("video/mp4"));
    assert!(open_uploads(&rig).await.is_empty());
    assert_eq!((rig.files("blobs"), rig.files("uploads")), (1, 0));
}

#[tokio::test]
async fn wrong_parts_are_refused_and_the_upload_stays_open() {
    let rig = Rig::start().await;
    let id = create(&rig).await;
    let small = put_part(&rig, &id, 1, pattern(1000)).await.unwrap();
    let last = put_part(&rig, &id, 2, pattern(2000)).await.unwrap();
    let forged = CompletedPart::builder()
        .part_number(2)
        .e_tag(small.e_tag().unwrap());
    let absent = CompletedPart::builder().part_number(3).e_tag("\"0\"");

    let refused = complete(&rig, &id, vec![small.clone(), forged.build()]).await;
    assert_eq!(refused.unwrap_err(), "InvalidPart");
    let refused = complete(&rig, &id, vec![absent.build()]).await;
    assert_eq!(refused.unwrap_err(), "InvalidPart");
    let refused = complete(&rig, &id, vec![last.clone(), small.clone()]).await;
    assert_eq!(refused.unwrap_err(), "InvalidPartOrder");
    let refused = complete(&rig, &id, vec![small, last.clone()]).await;
    assert_eq!(refused.unwrap_err(), "EntityTooSmall");
    assert!(rig.keys().await.is_empty());

    complete(&rig, &id, vec![last]).await.unwrap();
    assert_eq!(rig.get("big").await.unwrap(), pattern(2000));
}

#[tokio::test]
async fn an_aborted_upload_is_gone_with_its_parts() {
    let rig = Rig::start().await;
    let id = create(&rig).await;
    put_part(&rig, &id, 1, pattern(1000)).await.unwrap();
    let abort = || {
        let abort = rig.s3.abort_multipart_upload().bucket(BUCKET).key("big");
        abort.upload_id(&id).send()
    };
    abort().await.unwrap();
    assert_eq!(code(&abort().await.unwrap_err()), "NoSuchUpload");
    assert!(open_uploads(&rig).await.is_empty());
    assert_eq!(rig.files("uploads"), 0);
    // The refusal is heard though the client was still sending.
    let late = put_part(&rig, &id, 2, pattern(PART)).await;
    assert_eq!(late.unwrap_err(), "NoSuchUpload");
    let nonsense = put_part(&rig, "../../..", 2, pattern(10)).await;
    assert_eq!(nonsense.unwrap_err(), "NoSuchUpload");
}

#[tokio::test]
async fn open_uploads_are_listed_page_by_page() {
    let rig = Rig::start().await;
    let mut expected = Vec::new();
    for key in ["a/1", "a/1", "a/1", "a/2", "b"] {
        let create = rig.s3.create_multipart_upload().bucket(BUCKET).key(key);
        let id = create.send().await.unwrap().upload_id.unwrap();
        expected.push((key.to_owned(), id));
    }
    expected.pop();

    let mut found = Vec::new();
    let mut marker = (None, None);
    for pages_left in [1, 0] {
        let list = rig.s3.list_multipart_uploads().bucket(BUCKET).prefix("a/");
        let page = list
            .max_uploads(2)
            .set_key_marker(marker.0)
            .set_upload_id_marker(marker.1)
            .send()
            .await
            .unwrap();
        assert_eq!(page.is_truncated(), Some(pages_left > 0));
        let uploads = page.uploads.unwrap().into_iter();
        found.extend(uploads.map(|upload| (upload.key.unwrap(), upload.upload_id.unwrap())));
        marker = (page.next_key_marker, page.next_upload_id_marker);
    }
    assert_eq!(found, expected);
    assert_eq!(marker, (None, None));
}

#[tokio::test]
async fn an_upload_by_sha256_wants_it_of_each_part_twice() {
    let rig = Rig::start().await;
    let create = rig.s3.create_multipart_upload().bucket(BUCKET).key("big");
    let create = create.checksum_algorithm(ChecksumAlgorithm::Sha256);
    let id = create.send().await.unwrap().upload_id.unwrap();
    let put = || {
        let put = rig.s3.upload_part().bucket(BUCKET).key("big");
        let put = put.upload_id(&id).part_number(1);
        put.body(ByteStream::from(pattern(1000)))
    };
    let without = put().checksum_algorithm(ChecksumAlgorithm::Crc32).send();
    assert_eq!(code(&without.await.unwrap_err()), "InvalidRequest");
    let with = put().checksum_algorithm(ChecksumAlgorithm::Sha256).send();
    let with = with.await.unwrap();
    let part = CompletedPart::builder()
        .part_number(1)
        .set_e_tag(with.e_tag.clone());

    let unnamed = complete(&rig, &id, vec![part.clone().build()]).await;
    assert_eq!(unnamed.unwrap_err(), "InvalidPart");
    let another = part.clone().checksum_sha256("AAAA").build();
    let another = complete(&rig, &id, vec![another]).await;
    assert_eq!(another.unwrap_err(), "InvalidPart");
    let named = part.set_checksum_sha256(with.checksum_sha256).build();
    complete(&rig, &id, vec![named]).await.unwrap();
}
