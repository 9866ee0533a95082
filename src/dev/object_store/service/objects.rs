//! Objects: put, get, head, list, delete.

use super::{Answer, DenyFirstKey, MAX_PAGE, Store, length, now, unconditional};
use crate::dev::object_store::listing::{self, Query};
use crate::dev::object_store::object::{Object, StoredHeaders};
use crate::dev::object_store::receive::{Delivery, receive};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, EXPIRES,
};
use s3s::dto::{
    CommonPrefix, DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput,
    DeletedObject, ETag, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput,
    ListObjectsV2Input, ListObjectsV2Output, ObjectStorageClass, PutObjectInput, PutObjectOutput,
    Range, StreamingBlob, Timestamp,
};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};
use std::io::{Seek as _, SeekFrom};
use tokio::io::AsyncReadExt as _;
use tokio_util::io::ReaderStream;
use uuid::Uuid;

/// Each chunk costs a hop to the disk's threads, so chunks are not small.
const READ_CHUNK_BYTES: usize = 128 * 1024;

pub(super) async fn put(
    store: &Store,
    request: S3Request<PutObjectInput>,
) -> Answer<PutObjectOutput> {
    let input = request.input;
    unconditional(input.if_match.as_ref(), input.if_none_match.as_ref())?;
    store.catalog.read(&input.bucket, |_| Ok(()))?;

    let headers = StoredHeaders::of(&request.headers);
    let delivery = Delivery {
        body: input.body,
        headers: request.headers,
        trailers: request.trailing_headers,
        content_length: input.content_length,
        content_md5: input.content_md5,
    };
    let received = receive(delivery, store.catalog.layout.incoming_file()).await?;
    let object = Object {
        key: input.key,
        blob: Uuid::now_v7(),
        size: received.size,
        etag: hex::encode(received.md5),
        modified: now(),
        headers,
        checksums: received.checksums,
    };

    let mut response = S3Response::new(PutObjectOutput {
        e_tag: Some(ETag::Strong(object.etag.clone())),
        ..PutObjectOutput::default()
    });
    object.checksums.write_to(&mut response.headers);
    store
        .on_disk(move |catalog| catalog.commit(&input.bucket, received.file, object))
        .await?;
    Ok(response)
}

pub(super) fn get(store: &Store, request: S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
    let input = request.input;
    let (object, mut file) = store.catalog.open_object(&input.bucket, &input.key)?;

    let range = satisfiable(input.range, object.size)?;
    let (start, end) = range.unwrap_or((0, object.size));
    file.seek(SeekFrom::Start(start))
        .map_err(S3Error::internal_error)?;
    let bytes = tokio::fs::File::from_std(file).take(end - start);

    let mut response = S3Response::new(GetObjectOutput {
        body: Some(StreamingBlob::wrap(ReaderStream::with_capacity(
            bytes,
            READ_CHUNK_BYTES,
        ))),
        content_length: Some(length(end - start)),
        content_range: range
            .map(|(start, end)| format!("bytes {start}-{}/{}", end - 1, object.size)),
        accept_ranges: Some("bytes".to_owned()),
        e_tag: Some(ETag::Strong(object.etag.clone())),
        last_modified: Some(Timestamp::from(object.modified)),
        ..GetObjectOutput::default()
    });
    object.headers.write_to(&mut response.headers);
    remove_overridden(&input, &mut response.headers);
    if input.checksum_mode.is_some() && range.is_none() {
        object.checksums.write_to(&mut response.headers);
    }
    Ok(response)
}

pub(super) fn head(store: &Store, request: S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
    let input = request.input;
    let object = store.catalog.find(&input.bucket, &input.key)?;
    let mut response = S3Response::new(HeadObjectOutput {
        content_length: Some(length(object.size)),
        accept_ranges: Some("bytes".to_owned()),
        e_tag: Some(ETag::Strong(object.etag.clone())),
        last_modified: Some(Timestamp::from(object.modified)),
        ..HeadObjectOutput::default()
    });
    object.headers.write_to(&mut response.headers);
    if input.checksum_mode.is_some() {
        object.checksums.write_to(&mut response.headers);
    }
    Ok(response)
}

pub(super) fn list(
    store: &Store,
    request: S3Request<ListObjectsV2Input>,
) -> Answer<ListObjectsV2Output> {
    let input = request.input;
    let limit = input.max_keys.unwrap_or(MAX_PAGE).clamp(0, MAX_PAGE);
    let after = match &input.continuation_token {
        Some(token) => read_token(token)?,
        None => input.start_after.clone().unwrap_or_default(),
    };
    let query = Query {
        prefix: input.prefix.as_deref().unwrap_or_default(),
        delimiter: input.delimiter.as_deref().unwrap_or_default(),
        after: &after,
        limit: usize::try_from(limit).unwrap_or_default(),
    };
    let page = store.catalog.read(&input.bucket, |bucket| {
        Ok(listing::page(&bucket.objects, query))
    })?;

    let count = page.objects.len() + page.common_prefixes.len();
    let objects = page.objects.iter().map(|object| listed(object)).collect();
    let common_prefixes = page.common_prefixes.into_iter().map(|prefix| CommonPrefix {
        prefix: Some(prefix),
    });
    Ok(S3Response::new(ListObjectsV2Output {
        key_count: i32::try_from(count).ok(),
        max_keys: Some(limit),
        is_truncated: Some(page.next.is_some()),
        next_continuation_token: page.next.map(|next| BASE64_URL_SAFE_NO_PAD.encode(next)),
        contents: Some(objects),
        common_prefixes: Some(common_prefixes.collect()),
        name: Some(input.bucket),
        prefix: input.prefix,
        delimiter: input.delimiter,
        continuation_token: input.continuation_token,
        start_after: input.start_after,
        ..ListObjectsV2Output::default()
    }))
}

pub(super) async fn delete(
    store: &Store,
    request: S3Request<DeleteObjectInput>,
) -> Answer<DeleteObjectOutput> {
    let input = request.input;
    store
        .on_disk(move |catalog| catalog.remove(&input.bucket, &input.key))
        .await?;
    Ok(S3Response::new(DeleteObjectOutput::default()))
}

pub(super) async fn delete_many(
    store: &Store,
    request: S3Request<DeleteObjectsInput>,
) -> Answer<DeleteObjectsOutput> {
    let input = request.input;
    let quiet = input.delete.quiet.unwrap_or_default();
    let mut objects = input.delete.objects;
    let denied = match request.extensions.get::<DenyFirstKey>() {
        Some(DenyFirstKey) if !objects.is_empty() => vec![s3s::dto::Error {
            code: Some(S3ErrorCode::AccessDenied.as_str().to_owned()),
            key: Some(objects.remove(0).key),
            ..s3s::dto::Error::default()
        }],
        _ => Vec::new(),
    };
    let deleted = store
        .on_disk(move |catalog| {
            let mut deleted = Vec::new();
            for object in objects {
                catalog.remove(&input.bucket, &object.key)?;
                deleted.push(DeletedObject {
                    key: Some(object.key),
                    ..DeletedObject::default()
                });
            }
            Ok(deleted)
        })
        .await?;
    Ok(S3Response::new(DeleteObjectsOutput {
        deleted: (!quiet).then_some(deleted),
        errors: (!denied.is_empty()).then_some(denied),
        ..DeleteObjectsOutput::default()
    }))
}

/// The range to send, its end excluded.
fn satisfiable(range: Option<Range>, size: u64) -> S3Result<Option<(u64, u64)>> {
    let Some(range) = range else {
        return Ok(None);
    };
    let range = range.check(size)?;
    // An empty object has no last bytes either.
    if range.is_empty() {
        return Err(s3_error!(InvalidRange));
    }
    Ok(Some((range.start, range.end)))
}

/// Leaves the headers to `s3s` that the query overrides.
fn remove_overridden(input: &GetObjectInput, headers: &mut HeaderMap) {
    let overridden = [
        (CACHE_CONTROL, input.response_cache_control.is_some()),
        (
            CONTENT_DISPOSITION,
            input.response_content_disposition.is_some(),
        ),
        (CONTENT_ENCODING, input.response_content_encoding.is_some()),
        (CONTENT_LANGUAGE, input.response_content_language.is_some()),
        (CONTENT_TYPE, input.response_content_type.is_some()),
        (EXPIRES, input.response_expires.is_some()),
    ];
    for (name, is_overridden) in overridden {
        if is_overridden {
            headers.remove(name);
        }
    }
}

fn listed(object: &Object) -> s3s::dto::Object {
    s3s::dto::Object {
        key: Some(object.key.clone()),
        size: Some(length(object.size)),
        e_tag: Some(ETag::Strong(object.etag.clone())),
        last_modified: Some(Timestamp::from(object.modified)),
        storage_class: Some(ObjectStorageClass::from_static(
            ObjectStorageClass::STANDARD,
        )),
        ..s3s::dto::Object::default()
    }
}

fn read_token(token: &str) -> S3Result<String> {
    BASE64_URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| s3_error!(InvalidArgument, "the continuation token is not one of ours"))
}
