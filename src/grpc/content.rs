//! The two calls of a model agent: a file's content, and the files of a group
//! with a link each.

use super::Capabilities;
use super::caller::tenant_of;
use super::convert::{
    EnrichedRequest, PlaceInText, ProcessedRequest, content_to_proto, enriched_request,
    enriched_to_proto, processed_request,
};
use super::sealed;
use super::wait::{Seen, until_done};
use crate::access::{AccessError, AccessLink, LinkRequest, Progress};
use crate::attachment::Attachment;
use crate::attachment::extracted::StoredText;
use crate::attachment::listing::{ListFilter, Order, PageRequest};
use crate::attachment::processing::Processing;
use crate::attachment::rendition::Rendition;
use crate::attachment::status::AttachmentStatus;
use crate::ids::{AttachmentId, TenantId};
use crate::proto::{
    GetProcessedContentRequest, GetProcessedContentResponse, ListEnrichedAttachmentsRequest,
    ListEnrichedAttachmentsResponse,
};
use futures::FutureExt as _;
use std::collections::HashMap;
use tonic::{Request, Response, Status};

impl Capabilities {
    /// What a model reads of a file, or as much of it as was asked for.
    pub(super) async fn processed_content(
        &self,
        request: Request<GetProcessedContentRequest>,
    ) -> Result<Response<GetProcessedContentResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let language = self.language_of(&tenant, &request).await;
        let request = request.into_inner();
        let ProcessedRequest { id, most, wait } = processed_request(&request)?;
        let bound_to = sealed::listing(
            "content",
            &GetProcessedContentRequest {
                attachment_id: request.attachment_id.clone(),
                ..GetProcessedContentRequest::default()
            },
        );
        let from = sealed::read_page_token(&self.seal, &tenant, &bound_to, &request.page_token)?;
        let from: PlaceInText = from.unwrap_or_default();
        // Whoever waits need not know the message; the record does.
        let message = self.access.attachment(&tenant, id).await?.message_id;
        let filter = ListFilter {
            message_ids: vec![message],
            ..ListFilter::default()
        };
        let look = || self.look_at_content(&tenant, id).boxed();
        let (attachment, text) = until_done(&self.watch, &tenant, filter, wait, look).await??;
        let (content, next) = content_to_proto(&attachment, text, from, most, language);
        let next_page_token = match next {
            Some(next) => sealed::page_token(&self.seal, &tenant, &bound_to, &next.to_string())?,
            None => String::new(),
        };
        Ok(Response::new(GetProcessedContentResponse {
            content: Some(content),
            next_page_token,
        }))
    }

    /// The content as it is now. A file that is not stored yet may be, so that is
    /// an answer which can be waited on; one that never will be is final.
    async fn look_at_content(
        &self,
        tenant: &TenantId,
        id: AttachmentId,
    ) -> Result<Seen<Result<(Attachment, Option<StoredText>), Status>>, Status> {
        match self.access.content(tenant, id).await {
            Ok(found) => Ok(Seen {
                is_done: !is_processing(&found.0),
                answer: Ok(found),
            }),
            Err(AccessError::NotStored(status)) => Ok(Seen {
                is_done: is_over(&status),
                answer: Err(AccessError::NotStored(status).into()),
            }),
            Err(error) => Err(error.into()),
        }
    }

    /// Every file of a group, stored or not, with a link to those that are.
    pub(super) async fn enriched_attachments(
        &self,
        request: Request<ListEnrichedAttachmentsRequest>,
    ) -> Result<Response<ListEnrichedAttachmentsResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let language = self.language_of(&tenant, &request).await;
        let request = request.into_inner();
        let EnrichedRequest {
            group,
            size,
            wait,
            expected,
        } = enriched_request(&request)?;
        let bound_to = sealed::listing(
            "enriched",
            &ListEnrichedAttachmentsRequest {
                group: request.group.clone(),
                ..ListEnrichedAttachmentsRequest::default()
            },
        );
        let after = sealed::read_page_token(&self.seal, &tenant, &bound_to, &request.page_token)?;
        let look = || self.look_at_group(&tenant, &group, expected).boxed();
        let (progress, is_complete) =
            until_done(&self.watch, &tenant, group.clone(), wait, look).await?;
        let page = PageRequest {
            order: Order::OldestFirst,
            after,
            size,
        };
        let page = self.access.list(&tenant, &group, page).await?;
        let mut links = self.links_to(&tenant, &page.attachments).await?;
        let next_page_token = match page.last {
            Some(last) => sealed::page_token(&self.seal, &tenant, &bound_to, &last.to_string())?,
            None => String::new(),
        };
        Ok(Response::new(ListEnrichedAttachmentsResponse {
            attachments: page
                .attachments
                .into_iter()
                .map(|attachment| {
                    let link = links.remove(&attachment.id);
                    enriched_to_proto(&attachment, link, language)
                })
                .collect(),
            next_page_token,
            complete: is_complete,
            pending_count: i32::try_from(progress.pending).unwrap_or(i32::MAX),
        }))
    }

    /// How far a group is now, and whether that is all.
    async fn look_at_group(
        &self,
        tenant: &TenantId,
        group: &ListFilter,
        expected: u64,
    ) -> Result<Seen<(Progress, bool)>, Status> {
        let progress = self.access.progress(tenant, group).await?;
        let is_complete = progress.files > 0 && progress.files >= expected && progress.pending == 0;
        Ok(Seen {
            answer: (progress, is_complete),
            is_done: is_complete,
        })
    }

    /// A link to each of these that is stored by now.
    async fn links_to(
        &self,
        tenant: &TenantId,
        attachments: &[Attachment],
    ) -> Result<HashMap<AttachmentId, AccessLink>, Status> {
        let stored = attachments
            .iter()
            .filter(|attachment| matches!(attachment.status, AttachmentStatus::Stored { .. }));
        let wanted: Vec<_> = stored
            .map(|attachment| LinkRequest {
                id: attachment.id,
                ttl: None,
                disposition: None,
                rendition: Rendition::Original,
            })
            .collect();
        if wanted.is_empty() {
            return Ok(HashMap::new());
        }
        let links = self.access.links(tenant, &wanted).await?;
        let links = wanted.iter().zip(links);
        // One that was deleted meanwhile has none.
        Ok(links
            .filter_map(|(wanted, link)| Some((wanted.id, link.ok()?)))
            .collect())
    }
}

fn is_processing(attachment: &Attachment) -> bool {
    matches!(
        attachment.processing,
        Processing::Pending | Processing::Running
    )
}

/// Whether nothing more becomes of it.
fn is_over(status: &AttachmentStatus) -> bool {
    match status {
        AttachmentStatus::Pending { .. } | AttachmentStatus::Downloading => false,
        AttachmentStatus::Failed {
            next_attempt_at, ..
        } => next_attempt_at.is_none(),
        AttachmentStatus::Stored { .. }
        | AttachmentStatus::Rejected { .. }
        | AttachmentStatus::Unsupported { .. }
        | AttachmentStatus::Deleted { .. } => true,
    }
}
