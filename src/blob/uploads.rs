//! Uploads that were begun and are not ended: listing and aborting them.

use super::{BlobError, Bucket};
use crate::attachment::storage_key::{PREFIX, StorageKey};
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use futures::stream::{self, Stream, TryStreamExt as _};
use std::pin::pin;
use time::OffsetDateTime;

/// An upload in parts that is neither completed nor aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenUpload {
    /// The key that its object would have.
    pub key: StorageKey,
    /// The store's id of it.
    pub id: String,
    /// When it was begun, by the store's clock.
    pub begun_at: OffsetDateTime,
}

/// Where a page begins: a key, and an upload of that key.
type Marker = (Option<String>, Option<String>);

impl Bucket {
    /// Every open upload of ours. [`BlobError::Unsupported`] where the store
    /// does not list them.
    pub fn open_uploads(&self) -> impl Stream<Item = Result<OpenUpload, BlobError>> + Send + '_ {
        let first: Option<Marker> = Some((None, None));
        stream::try_unfold(first, move |marker| async move {
            let Some((key, id)) = marker else {
                return Ok::<_, BlobError>(None);
            };
            let page = self
                .client
                .list_multipart_uploads()
                .bucket(&self.name)
                .prefix(PREFIX)
                .set_key_marker(key)
                .set_upload_id_marker(id)
                .send()
                .await
                .map_err(|error| BlobError::of("list uploads", error))?;
            let next = (page.is_truncated() == Some(true))
                .then_some((page.next_key_marker, page.next_upload_id_marker))
                // Without a marker the first page would come again, for ever.
                .filter(|(key, _)| key.is_some());
            let uploads = page.uploads.unwrap_or_default().into_iter();
            let uploads: Vec<_> = uploads
                .filter_map(|upload| {
                    let begun = upload.initiated?.secs();
                    Some(Ok(OpenUpload {
                        key: StorageKey::from_stored(upload.key?),
                        id: upload.upload_id?,
                        begun_at: OffsetDateTime::from_unix_timestamp(begun).ok()?,
                    }))
                })
                .collect();
            Ok(Some((stream::iter(uploads), next)))
        })
        .try_flatten()
    }

    /// Aborts uploads of ours that were begun before this time, up to `most`;
    /// gives how many.
    pub async fn abort_uploads(
        &self,
        begun_before: OffsetDateTime,
        most: u32,
    ) -> Result<u64, BlobError> {
        let mut aborted = 0;
        let mut uploads = pin!(self.open_uploads());
        while let Some(upload) = uploads.try_next().await? {
            if upload.begun_at >= begun_before {
                continue;
            }
            match self.abort_upload(&upload.key, &upload.id).await {
                Ok(()) => aborted += 1,
                // One that it will not end must not hold up the others.
                Err(BlobError::Refused { .. }) => {}
                Err(error) => return Err(error),
            }
            if aborted >= u64::from(most) {
                break;
            }
        }
        Ok(aborted)
    }

    /// Ends an upload and removes its parts; one that is ended already counts as aborted.
    pub(super) async fn abort_upload(&self, key: &StorageKey, id: &str) -> Result<(), BlobError> {
        let aborted = self
            .client
            .abort_multipart_upload()
            .bucket(&self.name)
            .key(key.as_str())
            .upload_id(id)
            .send()
            .await;
        match aborted {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("NoSuchUpload") => Ok(()),
            Err(error) => Err(BlobError::of("abort upload", error)),
        }
    }
}
