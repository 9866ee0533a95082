//! What was made of a file: its text for a model, and how far a group of
//! files is.

use super::{Access, AccessError, stored};
use crate::attachment::Attachment;
use crate::attachment::extracted::StoredText;
use crate::attachment::listing::ListFilter;
use crate::attachment::media::MediaType;
use crate::attachment::rendition::{Rendition, StoredRendition};
use crate::attachment::status::StoredObject;
use crate::db::Progress;
use crate::ids::{AttachmentId, TenantId};
use futures::TryStreamExt as _;

impl Access {
    /// A stored attachment, with its text as far as that is made.
    pub async fn content(
        &self,
        tenant: &TenantId,
        id: AttachmentId,
    ) -> Result<(Attachment, Option<StoredText>), AccessError> {
        let attachment = self.attachment(tenant, id).await?;
        stored(&attachment, self.clock.now())?;
        let made = attachment
            .renditions
            .iter()
            .find(|made| made.rendition == Rendition::Text);
        let text = match made {
            Some(made) => match self.text(made).await {
                Ok(text) => Some(text),
                Err(error) => return Err(self.looked_into(tenant, id, error).await),
            },
            None => None,
        };
        Ok((attachment, text))
    }

    /// How many files a group has, and how many of them are still worked on.
    pub async fn progress(
        &self,
        tenant: &TenantId,
        group: &ListFilter,
    ) -> Result<Progress, AccessError> {
        Ok(self.db.progress(tenant, group).await?)
    }

    /// Reads the text whole; it is bounded when it is made.
    async fn text(&self, made: &StoredRendition) -> Result<StoredText, AccessError> {
        let object = StoredObject {
            key: made.key.clone(),
            size_bytes: made.size_bytes,
            media_type: MediaType::Txt,
            sha256: made.sha256,
        };
        let pieces = self.bucket.read(&object, 0, object.size_bytes).await?;
        let json = pieces
            .try_fold(Vec::new(), |mut whole, piece| async move {
                whole.extend_from_slice(&piece);
                Ok(whole)
            })
            .await?;
        serde_json::from_slice(&json).map_err(AccessError::Text)
    }
}
