//! Multipart uploads.

use super::{Answer, MAX_PAGE, Store, length, now, unconditional};
use crate::dev::object_store::checksums::Checksums;
use crate::dev::object_store::index::Upload;
use crate::dev::object_store::multipart::{UploadRef, etag_of};
use crate::dev::object_store::object::{Object, StoredHeaders};
use crate::dev::object_store::receive::{Delivery, receive};
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, ChecksumAlgorithm,
    CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, ETag, ListMultipartUploadsInput, ListMultipartUploadsOutput,
    ListPartsInput, ListPartsOutput, MultipartUpload, Part, Timestamp, UploadPartInput,
    UploadPartOutput,
};
use s3s::{S3Error, S3Request, S3Response, s3_error};
use std::collections::BTreeMap;
use uuid::Uuid;

pub(super) async fn create(
    store: &Store,
    request: S3Request<CreateMultipartUploadInput>,
) -> Answer<CreateMultipartUploadOutput> {
    let input = request.input;
    let upload = Upload {
        key: input.key.clone(),
        initiated: now(),
        headers: StoredHeaders::of(&request.headers),
        by_sha256: input
            .checksum_algorithm
            .is_some_and(|algorithm| algorithm.as_str() == ChecksumAlgorithm::SHA256),
        parts: BTreeMap::new(),
    };
    let bucket = input.bucket.clone();
    let id = store
        .on_disk(move |catalog| catalog.create_upload(&bucket, upload))
        .await?;
    Ok(S3Response::new(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(id.to_string()),
        ..CreateMultipartUploadOutput::default()
    }))
}

pub(super) async fn put_part(
    store: &Store,
    request: S3Request<UploadPartInput>,
) -> Answer<UploadPartOutput> {
    let input = request.input;
    if !(1..=10_000).contains(&input.part_number) {
        return Err(s3_error!(
            InvalidArgument,
            "part numbers go from 1 to 10000"
        ));
    }
    let at = UploadRef::parse(&input.bucket, &input.key, &input.upload_id)?;
    let by_sha256 = store.catalog.upload(&at)?.by_sha256;

    let delivery = Delivery {
        body: input.body,
        headers: request.headers,
        trailers: request.trailing_headers,
        content_length: input.content_length,
        content_md5: input.content_md5,
    };
    let received = receive(delivery, store.catalog.layout.incoming_file()).await?;
    if by_sha256 && received.checksums.sha256().is_none() {
        return Err(s3_error!(InvalidRequest, "the part has no SHA-256"));
    }
    let mut response = S3Response::new(UploadPartOutput {
        e_tag: Some(ETag::Strong(hex::encode(received.md5))),
        ..UploadPartOutput::default()
    });
    received.checksums.write_to(&mut response.headers);
    store
        .on_disk(move |catalog| catalog.put_part(&at, input.part_number, received, now()))
        .await?;
    Ok(response)
}

pub(super) fn list_parts(
    store: &Store,
    request: S3Request<ListPartsInput>,
) -> Answer<ListPartsOutput> {
    let input = request.input;
    let at = UploadRef::parse(&input.bucket, &input.key, &input.upload_id)?;
    let upload = store.catalog.upload(&at)?;
    let parts = upload.parts.iter().map(|(number, part)| Part {
        part_number: Some(*number),
        size: Some(length(part.size)),
        e_tag: Some(ETag::Strong(part.etag())),
        last_modified: Some(Timestamp::from(part.modified)),
        ..Part::default()
    });
    Ok(S3Response::new(ListPartsOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        is_truncated: Some(false),
        parts: Some(parts.collect()),
        ..ListPartsOutput::default()
    }))
}

pub(super) fn list(
    store: &Store,
    request: S3Request<ListMultipartUploadsInput>,
) -> Answer<ListMultipartUploadsOutput> {
    let input = request.input;
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let mut uploads: Vec<MultipartUpload> = store.catalog.read(&input.bucket, |bucket| {
        let uploads = bucket.uploads.iter();
        Ok(uploads
            .filter(|(_, upload)| upload.key.starts_with(prefix))
            .map(|(id, upload)| MultipartUpload {
                upload_id: Some(id.to_string()),
                key: Some(upload.key.clone()),
                initiated: Some(Timestamp::from(upload.initiated)),
                ..MultipartUpload::default()
            })
            .collect())
    })?;
    // By key, then by the time they were opened: ids come in that order.
    uploads.sort_by(|a, b| (&a.key, &a.upload_id).cmp(&(&b.key, &b.upload_id)));
    // A key alone skips all its uploads; with an id, those up to it.
    let skipped = (input.key_marker.clone(), input.upload_id_marker.clone());
    uploads.retain(|upload| match &skipped {
        (None, _) => true,
        (Some(_), None) => upload.key > skipped.0,
        (Some(_), Some(_)) => (&upload.key, &upload.upload_id) > (&skipped.0, &skipped.1),
    });
    let limit = input.max_uploads.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE);
    let count = usize::try_from(limit).unwrap_or_default();
    let is_truncated = uploads.len() > count;
    uploads.truncate(count);
    let next = uploads.last().filter(|_| is_truncated).cloned();
    let (next_key_marker, next_upload_id_marker) =
        next.map_or((None, None), |last| (last.key, last.upload_id));
    Ok(S3Response::new(ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        prefix: input.prefix,
        key_marker: input.key_marker,
        upload_id_marker: input.upload_id_marker,
        next_key_marker,
        next_upload_id_marker,
        max_uploads: Some(limit),
        is_truncated: Some(is_truncated),
        uploads: Some(uploads),
        ..ListMultipartUploadsOutput::default()
    }))
}

pub(super) async fn complete(
    store: &Store,
    request: S3Request<CompleteMultipartUploadInput>,
) -> Answer<CompleteMultipartUploadOutput> {
    let input = request.input;
    unconditional(input.if_match.as_ref(), input.if_none_match.as_ref())?;
    let at = UploadRef::parse(&input.bucket, &input.key, &input.upload_id)?;
    let upload = store.catalog.upload(&at)?;
    let wanted = input.multipart_upload.and_then(|upload| upload.parts);
    let parts = upload.select(&wanted.unwrap_or_default())?;

    let object = Object {
        key: upload.key,
        blob: Uuid::now_v7(),
        size: parts.iter().map(|part| part.size).sum(),
        etag: etag_of(&parts),
        modified: now(),
        headers: upload.headers,
        checksums: Checksums::default(),
    };
    let etag = object.etag.clone();
    store
        .on_disk(move |catalog| {
            let whole = catalog
                .assemble(&at, &parts)
                .map_err(S3Error::internal_error)?;
            catalog.commit(&at.bucket, whole, object)?;
            catalog.drop_upload(&at)
        })
        .await?;
    Ok(S3Response::new(CompleteMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: Some(ETag::Strong(etag)),
        ..CompleteMultipartUploadOutput::default()
    }))
}

pub(super) async fn abort(
    store: &Store,
    request: S3Request<AbortMultipartUploadInput>,
) -> Answer<AbortMultipartUploadOutput> {
    let input = request.input;
    let at = UploadRef::parse(&input.bucket, &input.key, &input.upload_id)?;
    store
        .on_disk(move |catalog| catalog.drop_upload(&at))
        .await?;
    Ok(S3Response::new(AbortMultipartUploadOutput::default()))
}
