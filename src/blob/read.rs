//! Reading an object, or a part of it, to its end or to an error.

use super::check::Check;
use super::{BlobError, Bucket};
use crate::attachment::status::StoredObject;
use bytes::Bytes;
use futures::stream::{self, Stream};

impl Bucket {
    /// Streams `length` bytes of an object from `offset` on. Ends in
    /// [`BlobError::Cut`] or [`BlobError::Truncated`] rather than early; the
    /// whole object, in [`BlobError::Altered`] if it is not what was stored.
    pub async fn read(
        &self,
        object: &StoredObject,
        offset: u64,
        length: u64,
    ) -> Result<impl Stream<Item = Result<Bytes, BlobError>> + Send + use<>, BlobError> {
        let mut request = self
            .client
            .get_object()
            .bucket(&self.name)
            .key(object.key.as_str());
        if offset > 0 || length < object.size_bytes {
            request = request.range(format!("bytes={offset}-{}", offset + length - 1));
        }
        let response = request
            .send()
            .await
            .map_err(|error| BlobError::of("get", error))?;
        // A store that answers with the length of another object has lost ours.
        if response
            .content_length()
            .is_some_and(|sent| sent.cast_unsigned() != length)
        {
            return Err(BlobError::Truncated);
        }
        let check = (length == object.size_bytes).then(|| Check::against(object.sha256));
        let pieces = stream::unfold(Some((response.body, length, check)), |reading| async move {
            let (mut body, left, mut check) = reading?;
            match body.next().await {
                Some(Ok(piece)) => {
                    let Some(left) = left.checked_sub(piece.len() as u64) else {
                        return Some((Err(BlobError::Truncated), None));
                    };
                    if let Some(check) = &mut check {
                        check.update(piece.clone()).await;
                    }
                    Some((Ok(piece), Some((body, left, check))))
                }
                Some(Err(_)) => Some((Err(BlobError::Cut), None)),
                None if left > 0 => Some((Err(BlobError::Truncated), None)),
                None => {
                    let is_whole = match check {
                        Some(check) => check.holds().await,
                        None => true,
                    };
                    (!is_whole).then_some((Err(BlobError::Altered), None))
                }
            }
        });
        Ok(pieces)
    }
}
