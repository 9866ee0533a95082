//! What lies in the bucket, page by page, in the order of its keys.

use super::{BlobError, Bucket};
use crate::attachment::storage_key::{PREFIX, StorageKey};
use aws_sdk_s3::types::Object;
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

/// Where a listing goes on.
enum Next {
    /// Behind a key; `None` is the beginning.
    After(Option<String>),
    /// With the next page.
    Page(String),
    End,
}

impl Bucket {
    /// Our objects behind the key `after`, up to and with `until`; `None` is
    /// the beginning and the end of the bucket.
    pub fn list<'b>(
        &'b self,
        after: Option<&StorageKey>,
        until: Option<&'b StorageKey>,
    ) -> impl Stream<Item = Result<ListedObject, BlobError>> + use<'b> {
        let start = Next::After(after.map(|key| key.as_str().to_owned()));
        stream::try_unfold(start, move |next| async move {
            let (after, token) = match next {
                Next::After(after) => (after, None),
                Next::Page(token) => (None, Some(token)),
                Next::End => return Ok::<_, BlobError>(None),
            };
            let page = self
                .client
                .list_objects_v2()
                .bucket(&self.name)
                .prefix(PREFIX)
                .set_start_after(after)
                .set_continuation_token(token)
                .send()
                .await
                .map_err(|error| BlobError::of("list", error))?;
            let next = page.next_continuation_token.map_or(Next::End, Next::Page);
            let mut objects: Vec<_> = page
                .contents
                .unwrap_or_default()
                .into_iter()
                .filter_map(to_listed)
                .collect();
            let is_wanted = |object: &ListedObject| {
                until.is_none_or(|until| object.key.as_str() <= until.as_str())
            };
            let ends = objects.last().is_some_and(|last| !is_wanted(last));
            objects.retain(is_wanted);
            let objects = stream::iter(objects.into_iter().map(Ok)).boxed();
            Ok(Some((objects, if ends { Next::End } else { next })))
        })
        .try_flatten()
    }
}

fn to_listed(object: Object) -> Option<ListedObject> {
    Some(ListedObject {
        key: StorageKey::from_stored(object.key?),
        size_bytes: object.size.unwrap_or_default().unsigned_abs(),
        put_at: OffsetDateTime::from_unix_timestamp(object.last_modified?.secs()).ok()?,
    })
}
