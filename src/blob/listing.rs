//! What lies in the bucket, page by page, in the order of its keys.

use super::{BlobError, Bucket};
use crate::attachment::storage_key::{PREFIX, StorageKey};
use futures::stream::{self, Stream, StreamExt as _, TryStreamExt as _};
use time::OffsetDateTime;

/// An object as the store lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// Its key.
    pub key: StorageKey,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// When it was put.
    pub put_at: OffsetDateTime,
}

impl Bucket {
    /// Every object of ours.
    pub fn list(&self) -> impl Stream<Item = Result<ListedObject, BlobError>> + '_ {
        stream::try_unfold(
            Some(None),
            move |token: Option<Option<String>>| async move {
                let Some(token) = token else {
                    return Ok::<_, BlobError>(None);
                };
                let page = self
                    .client
                    .list_objects_v2()
                    .bucket(&self.name)
                    .prefix(PREFIX)
                    .set_continuation_token(token)
                    .send()
                    .await
                    .map_err(|error| BlobError::of("list", error))?;
                let next = page
                    .next_continuation_token()
                    .map(|token| Some(token.to_owned()));
                let objects: Vec<_> = page
                    .contents
                    .unwrap_or_default()
                    .into_iter()
                    .filter_map(|object| {
                        Some(ListedObject {
                            key: StorageKey::from_stored(object.key?),
                            size_bytes: object.size.unwrap_or_default().unsigned_abs(),
                            put_at: OffsetDateTime::from_unix_timestamp(
                                object.last_modified?.secs(),
                            )
                            .ok()?,
                        })
                    })
                    .collect();
                Ok(Some((
                    stream::iter(objects.into_iter().map(Ok)).boxed(),
                    next,
                )))
            },
        )
        .try_flatten()
    }
}
