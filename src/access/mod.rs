//! Reading: records, their story, links to their bytes, the bytes themselves.
//!
//! Promises: whatever a tenant asks, the answer is about its own records; a
//! link or a byte exists only for a stored attachment, and a stream ends soon
//! after its deletion; it ends in an error rather than short.

mod content;
mod damage;
mod disposition;
mod live_stream;

pub use crate::db::Progress;
pub use disposition::Disposition;

use crate::attachment::Attachment;
use crate::attachment::deletion::SourceName;
use crate::attachment::failure::FailureReason;
use crate::attachment::file_name::FileName;
use crate::attachment::journal::JournalEntry;
use crate::attachment::listing::{ListFilter, Page, PageRequest};
use crate::attachment::media::MediaType;
use crate::attachment::rendition::Rendition;
use crate::attachment::status::{AttachmentStatus, StoredObject};
use crate::blob::{BlobError, Bucket, LinkOptions, PresignedLink};
use crate::clock::Clock;
use crate::db::{Db, DbError, Unreadable};
use crate::ids::{AttachmentId, MessageId, TenantId};
use bytes::Bytes;
use futures::{Stream, TryStreamExt as _};
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;

/// Links are signed in whole seconds; an attachment that has less left counts as
/// expired.
const SHORTEST_LIFE: Duration = Duration::from_secs(1);

/// How long links live.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the caller asks for nothing.
    pub default_ttl: Duration,
    /// At most, whatever the caller asks for.
    pub max_ttl: Duration,
}

/// Reads records and bytes.
#[derive(Clone)]
pub struct Access {
    db: Db,
    bucket: Bucket,
    clock: Arc<dyn Clock>,
    settings: Settings,
}

/// What a caller wants of a link.
#[derive(Debug, Clone, Copy)]
pub struct LinkRequest {
    /// To which attachment.
    pub id: AttachmentId,
    /// How long it should live; `None` is the default.
    pub ttl: Option<Duration>,
    /// What a browser should do with it; `None` is what is safe.
    pub disposition: Option<Disposition>,
    /// Which form of the file.
    pub rendition: Rendition,
}

/// A link to a stored attachment.
#[derive(Debug, Clone)]
pub struct AccessLink {
    /// The link.
    pub link: PresignedLink,
    /// When a page that stays open should ask again.
    pub refresh_after: OffsetDateTime,
    /// What it leads to.
    pub media_type: MediaType,
    /// How large that is, in bytes.
    pub size_bytes: u64,
    /// What a browser does with it.
    pub disposition: Disposition,
    /// The name it is saved under.
    pub file_name: FileName,
}

/// Which bytes of an attachment.
#[derive(Debug, Clone, Copy)]
pub struct ByteRange {
    /// Of which form of the file.
    pub rendition: Rendition,
    /// The first one.
    pub offset: u64,
    /// How many at most; `None` is to the end.
    pub limit: Option<u64>,
}

/// What was asked for cannot be given.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The tenant has no such attachment.
    #[error("there is no such attachment")]
    NotFound,
    /// Its row spells no state; the log says why.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// There are no bytes to give in this status.
    #[error("the attachment is not stored")]
    NotStored(Box<AttachmentStatus>),
    /// The file is stored, and this form of it is not.
    #[error("the attachment has no such rendition")]
    RenditionMissing(Rendition),
    /// The range begins beyond the last byte.
    #[error("the attachment has {size_bytes} bytes")]
    OutOfRange {
        /// How many there are.
        size_bytes: u64,
    },
    /// The database failed.
    #[error("the record could not be read")]
    Database(#[from] DbError),
    /// The store is unavailable, or refuses us.
    #[error("the object could not be read")]
    Storage(#[source] BlobError),
    /// The stored text is none that this version reads.
    #[error("the text could not be read")]
    Text(#[source] serde_json::Error),
    /// The object is gone, is not what was stored, or did not come whole.
    #[error("the object is not whole")]
    Damaged(#[source] BlobError),
}

impl From<BlobError> for AccessError {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Unavailable { .. }
            | BlobError::Refused { .. }
            | BlobError::Skewed { .. }
            | BlobError::Unsupported { .. }
            | BlobError::PayloadAltered => Self::Storage(error),
            BlobError::Missing | BlobError::Truncated | BlobError::Cut | BlobError::Altered => {
                Self::Damaged(error)
            }
        }
    }
}

impl Access {
    /// Prepares to read.
    #[must_use]
    pub fn new(db: Db, bucket: Bucket, clock: Arc<dyn Clock>, settings: Settings) -> Self {
        damage::begin_counting();
        Self {
            db,
            bucket,
            clock,
            settings,
        }
    }

    /// One record.
    pub async fn attachment(
        &self,
        tenant: &TenantId,
        id: AttachmentId,
    ) -> Result<Attachment, AccessError> {
        self.db
            .attachment(tenant, id)
            .await?
            .ok_or(AccessError::NotFound)
    }

    /// Records in the order of their ids, each its own answer.
    pub async fn attachments(
        &self,
        tenant: &TenantId,
        ids: &[AttachmentId],
    ) -> Result<Vec<Result<Attachment, AccessError>>, AccessError> {
        let found = self.db.attachments(tenant, ids).await?;
        Ok(ids
            .iter()
            .map(|id| match found.get(id) {
                None => Err(AccessError::NotFound),
                Some(found) => Ok(found.clone()?),
            })
            .collect())
    }

    /// The newest attachment of a source, or that of one message.
    pub async fn attachment_of_source(
        &self,
        tenant: &TenantId,
        name: &SourceName,
        part: &str,
        message: Option<&MessageId>,
    ) -> Result<Attachment, AccessError> {
        self.db
            .attachment_of_source(tenant, name, part, message)
            .await?
            .ok_or(AccessError::NotFound)
    }

    /// A page of records.
    pub async fn list(
        &self,
        tenant: &TenantId,
        filter: &ListFilter,
        page: PageRequest,
    ) -> Result<Page, AccessError> {
        // A page may lie far back in a long history.
        Ok(self.db.patient().list(tenant, filter, page).await?)
    }

    /// A record and what was tried, first to last.
    pub async fn explain(
        &self,
        tenant: &TenantId,
        id: AttachmentId,
    ) -> Result<(Attachment, Vec<JournalEntry>), AccessError> {
        let attachment = self.attachment(tenant, id).await?;
        let journal = self.db.journal(tenant, id).await?;
        Ok((attachment, journal))
    }

    /// Links in the order of their requests, each its own answer.
    pub async fn links(
        &self,
        tenant: &TenantId,
        requests: &[LinkRequest],
    ) -> Result<Vec<Result<AccessLink, AccessError>>, AccessError> {
        let ids: Vec<_> = requests.iter().map(|request| request.id).collect();
        let found = self.attachments(tenant, &ids).await?;
        let mut links = Vec::with_capacity(requests.len());
        for (request, attachment) in requests.iter().zip(found) {
            links.push(match attachment {
                Ok(attachment) => self.sign(request, &attachment).await,
                Err(error) => Err(error),
            });
        }
        Ok(links)
    }

    /// The record and a stream of the bytes asked for.
    pub async fn bytes(
        &self,
        tenant: &TenantId,
        id: AttachmentId,
        range: ByteRange,
    ) -> Result<
        (
            Attachment,
            StoredObject,
            impl Stream<Item = Result<Bytes, AccessError>> + Send + use<>,
        ),
        AccessError,
    > {
        let attachment = self.attachment(tenant, id).await?;
        let object = form(&attachment, range.rendition, self.clock.now())?;
        let size_bytes = object.size_bytes;
        if range.offset >= size_bytes {
            return Err(AccessError::OutOfRange { size_bytes });
        }
        let left = size_bytes - range.offset;
        let length = range.limit.map_or(left, |limit| limit.min(left));
        let bytes = match self.bucket.read(&object, range.offset, length).await {
            Ok(bytes) => bytes.map_err(AccessError::from),
            Err(error) => return Err(self.looked_into(tenant, id, error.into()).await),
        };
        let bytes = self
            .clone()
            .while_stored(tenant.clone(), attachment.clone(), bytes);
        Ok((attachment, object, bytes))
    }

    async fn sign(
        &self,
        request: &LinkRequest,
        attachment: &Attachment,
    ) -> Result<AccessLink, AccessError> {
        let now = self.clock.now();
        let object = form(attachment, request.rendition, now)?;
        let ttl = request
            .ttl
            .unwrap_or(self.settings.default_ttl)
            .min(self.settings.max_ttl)
            .min(life_left(attachment, now));
        let disposition = Disposition::permitted(request.disposition, object.media_type);
        let options = LinkOptions {
            now,
            ttl,
            content_type: object.media_type.mime().to_owned(),
            content_disposition: disposition.header(&attachment.file_name, object.media_type),
        };
        let link = self.bucket.link(&object, &options).await?;
        Ok(AccessLink {
            refresh_after: now + (link.expires_at - now) * 4 / 5,
            link,
            media_type: object.media_type,
            size_bytes: object.size_bytes,
            disposition,
            file_name: attachment.file_name.clone(),
        })
    }
}

/// The object, unless its time is over: what has expired gives no byte, also
/// before the sweeper has come by.
fn stored(attachment: &Attachment, now: OffsetDateTime) -> Result<&StoredObject, AccessError> {
    match &attachment.status {
        AttachmentStatus::Stored { .. } if life_left(attachment, now) < SHORTEST_LIFE => {
            let reason = FailureReason::RetentionExpired;
            Err(AccessError::NotStored(
                AttachmentStatus::Deleted { reason }.into(),
            ))
        }
        AttachmentStatus::Stored { object, .. } => Ok(object),
        other => Err(AccessError::NotStored(Box::new(other.clone()))),
    }
}

/// The object of this form.
fn form(
    attachment: &Attachment,
    rendition: Rendition,
    now: OffsetDateTime,
) -> Result<StoredObject, AccessError> {
    let original = stored(attachment, now)?;
    if rendition == Rendition::Original {
        return Ok(original.clone());
    }
    let missing = AccessError::RenditionMissing(rendition);
    let made = attachment
        .renditions
        .iter()
        .find(|made| made.rendition == rendition)
        .ok_or(missing)?;
    // The text is no file that anybody is given.
    let media_type =
        MediaType::from_mime(&made.content_type).ok_or(AccessError::RenditionMissing(rendition))?;
    Ok(StoredObject {
        key: made.key.clone(),
        size_bytes: made.size_bytes,
        media_type,
        sha256: made.sha256,
    })
}

/// Time until retention ends it.
fn life_left(attachment: &Attachment, now: OffsetDateTime) -> Duration {
    attachment.expires_at.map_or(Duration::MAX, |end| {
        Duration::try_from(end - now).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attachment::facts::Facts;
    use crate::attachment::status::Sha256;
    use crate::attachment::storage_key::StorageKey;
    use crate::attachment::tests::pending;

    #[test]
    fn what_has_expired_gives_no_byte_before_the_sweeper_comes() {
        let mut attachment = pending("a.png");
        let born = attachment.created_at;
        attachment.status = AttachmentStatus::Stored {
            object: StoredObject {
                key: StorageKey::of(&attachment, 1, Rendition::Original),
                size_bytes: 1,
                media_type: MediaType::Png,
                sha256: Sha256([0; 32]),
            },
            facts: Facts::Other,
            stored_at: born,
        };
        assert!(stored(&attachment, born).is_ok());
        attachment.expires_at = Some(born + Duration::from_secs(10));
        assert!(stored(&attachment, born + Duration::from_secs(9)).is_ok());
        assert!(stored(&attachment, born + Duration::from_secs(10)).is_err());
    }
}
