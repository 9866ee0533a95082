//! Buckets and their lifecycle rules.

use super::{Answer, Store};
use crate::dev::object_store::lifecycle;
use s3s::dto::{
    Bucket, CreateBucketInput, CreateBucketOutput, DeleteBucketInput, DeleteBucketLifecycleInput,
    DeleteBucketLifecycleOutput, DeleteBucketOutput, GetBucketLifecycleConfigurationInput,
    GetBucketLifecycleConfigurationOutput, GetBucketLocationInput, GetBucketLocationOutput,
    HeadBucketInput, HeadBucketOutput, ListBucketsOutput, PutBucketLifecycleConfigurationInput,
    PutBucketLifecycleConfigurationOutput,
};
use s3s::{S3Error, S3Request, S3Response, s3_error};

pub(super) fn list(store: &Store) -> S3Response<ListBucketsOutput> {
    let names = store.catalog.bucket_names();
    let buckets = names.into_iter().map(|name| Bucket {
        name: Some(name),
        ..Bucket::default()
    });
    S3Response::new(ListBucketsOutput {
        buckets: Some(buckets.collect()),
        ..ListBucketsOutput::default()
    })
}

pub(super) async fn create(
    store: &Store,
    request: S3Request<CreateBucketInput>,
) -> Answer<CreateBucketOutput> {
    let bucket = request.input.bucket;
    let location = format!("/{bucket}");
    let created = store
        .on_disk(move |catalog| {
            catalog
                .create_bucket(&bucket)
                .map_err(S3Error::internal_error)
        })
        .await?;
    if !created {
        return Err(s3_error!(BucketAlreadyOwnedByYou));
    }
    Ok(S3Response::new(CreateBucketOutput {
        location: Some(location),
    }))
}

pub(super) fn head(
    store: &Store,
    request: &S3Request<HeadBucketInput>,
) -> Answer<HeadBucketOutput> {
    store.catalog.read(&request.input.bucket, |_| Ok(()))?;
    Ok(S3Response::new(HeadBucketOutput::default()))
}

pub(super) fn location(
    store: &Store,
    request: &S3Request<GetBucketLocationInput>,
) -> Answer<GetBucketLocationOutput> {
    store.catalog.read(&request.input.bucket, |_| Ok(()))?;
    Ok(S3Response::new(GetBucketLocationOutput::default()))
}

pub(super) async fn delete(
    store: &Store,
    request: S3Request<DeleteBucketInput>,
) -> Answer<DeleteBucketOutput> {
    let bucket = request.input.bucket;
    store
        .on_disk(move |catalog| catalog.delete_bucket(&bucket))
        .await?;
    Ok(S3Response::new(DeleteBucketOutput {}))
}

pub(super) async fn put_lifecycle(
    store: &Store,
    request: S3Request<PutBucketLifecycleConfigurationInput>,
) -> Answer<PutBucketLifecycleConfigurationOutput> {
    let input = request.input;
    let lifecycle = input
        .lifecycle_configuration
        .ok_or_else(|| s3_error!(MalformedXML))?;
    lifecycle::check(&lifecycle.rules)?;
    store
        .on_disk(move |catalog| catalog.set_lifecycle(&input.bucket, Some(lifecycle)))
        .await?;
    Ok(S3Response::new(
        PutBucketLifecycleConfigurationOutput::default(),
    ))
}

pub(super) fn get_lifecycle(
    store: &Store,
    request: S3Request<GetBucketLifecycleConfigurationInput>,
) -> Answer<GetBucketLifecycleConfigurationOutput> {
    let bucket = request.input.bucket;
    let lifecycle = store
        .catalog
        .read(&bucket, |bucket| Ok(bucket.lifecycle.clone()))?
        .ok_or_else(|| s3_error!(NoSuchLifecycleConfiguration))?;
    Ok(S3Response::new(GetBucketLifecycleConfigurationOutput {
        rules: Some(lifecycle.rules),
        ..GetBucketLifecycleConfigurationOutput::default()
    }))
}

pub(super) async fn delete_lifecycle(
    store: &Store,
    request: S3Request<DeleteBucketLifecycleInput>,
) -> Answer<DeleteBucketLifecycleOutput> {
    let bucket = request.input.bucket;
    store
        .on_disk(move |catalog| catalog.set_lifecycle(&bucket, None))
        .await?;
    Ok(S3Response::new(DeleteBucketLifecycleOutput {}))
}
