//! `AttachmentService`: each call is caller, conversion, capability, conversion.

use super::byte_stream::{ByteStream, byte_stream};
use super::convert::{
    attachment_id, attachment_to_proto, attempt_to_proto, filter_from_proto, group, link_request,
    link_to_proto, new_attachment, page_size, source_name, summary, watch_filter,
};
use super::error::{Violation, internal, invalid, unimplemented};
use super::{Capabilities, batch, sealed};
use crate::access::ByteRange;
use crate::attachment::Registered;
use crate::auth::Caller;
use crate::ids::{AttachmentId, TenantId};
use crate::proto::attachment_service_server::AttachmentService;
use crate::proto::delete_attachment_request::Target;
use crate::proto::{
    AccessLink, Attachment, AttachmentStatus, BatchGetAttachmentsRequest,
    BatchGetAttachmentsResponse, BatchIssueAccessLinksRequest, BatchIssueAccessLinksResponse,
    BatchRegisterAttachmentsRequest, BatchRegisterAttachmentsResponse, DeleteAttachmentRequest,
    ExplainAttachmentRequest, ExplainAttachmentResponse, FailureReason, GetAttachmentBytesRequest,
    GetAttachmentRequest, GetProcessedContentRequest, IssueAccessLinkRequest,
    ListAttachmentsRequest, ListAttachmentsResponse, ListEnrichedAttachmentsRequest,
    ListEnrichedAttachmentsResponse, ProcessedContent, PurgeAttachmentsRequest,
    PurgeAttachmentsResponse, RegisterAttachmentRequest, RegisterAttachmentResponse,
    RetryAttachmentRequest, WatchAttachmentsRequest, WatchAttachmentsResponse,
    batch_get_attachments_response, batch_issue_access_links_response,
    batch_register_attachments_response,
};
use futures::stream::{BoxStream, StreamExt as _};
use std::mem;
use std::sync::Arc;
use tonic::{Request, Response, Status, async_trait};

const MAX_BATCH_REGISTER: usize = 50;
const MAX_BATCH_READ: usize = 100;
/// Where a watch begins; see the proto.
const CURSOR_HEADER: &str = "attachments-cursor";

pub(super) struct Service(pub(super) Capabilities);

/// The tenant everything happens in. The layer in front put the caller there;
/// without one there is no answer.
pub(super) fn tenant_of<T>(request: &Request<T>) -> Result<TenantId, Status> {
    let caller = request
        .extensions()
        .get::<Arc<Caller>>()
        .ok_or_else(internal)?;
    Ok(caller.tenant().clone())
}

#[async_trait]
impl AttachmentService for Service {
    async fn register_attachment(
        &self,
        request: Request<RegisterAttachmentRequest>,
    ) -> Result<Response<RegisterAttachmentResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let new = new_attachment("", request.into_inner()).map_err(invalid)?;
        let mut answers = self.0.register.register(&tenant, vec![new]).await;
        let registered = answers.pop().ok_or_else(internal)??;
        Ok(Response::new(registered_to_proto(registered)))
    }

    async fn batch_register_attachments(
        &self,
        request: Request<BatchRegisterAttachmentsRequest>,
    ) -> Result<Response<BatchRegisterAttachmentsResponse>, Status> {
        use batch_register_attachments_response::{Result as Item, result::Result as Answer};
        let tenant = tenant_of(&request)?;
        let requests = request.into_inner().requests;
        batch::check_size("requests", requests.len(), MAX_BATCH_REGISTER)?;
        let results = batch::answer(
            requests,
            |n, item| new_attachment(&format!("requests[{n}]."), item).map_err(invalid),
            |good| async { Ok(self.0.register.register(&tenant, good).await) },
            |answer| Item {
                result: Some(answer.map_or_else(Answer::Error, |registered| {
                    Answer::Response(registered_to_proto(registered))
                })),
            },
        );
        let results = results.await?;
        Ok(Response::new(BatchRegisterAttachmentsResponse { results }))
    }

    async fn get_attachment(
        &self,
        request: Request<GetAttachmentRequest>,
    ) -> Result<Response<Attachment>, Status> {
        let tenant = tenant_of(&request)?;
        let id = attachment_id("attachment_id", &request.get_ref().attachment_id)?;
        let attachment = self.0.access.attachment(&tenant, id).await?;
        Ok(Response::new(attachment_to_proto(attachment)))
    }

    async fn batch_get_attachments(
        &self,
        request: Request<BatchGetAttachmentsRequest>,
    ) -> Result<Response<BatchGetAttachmentsResponse>, Status> {
        use batch_get_attachments_response::{Result as Item, result::Result as Answer};
        let tenant = tenant_of(&request)?;
        let texts = request.into_inner().attachment_ids;
        batch::check_size("attachment_ids", texts.len(), MAX_BATCH_READ)?;
        let results = batch::answer(
            texts,
            |n, text| Ok(attachment_id(&format!("attachment_ids[{n}]"), &text)?),
            |ids| async move { Ok(self.0.access.attachments(&tenant, &ids).await?) },
            |answer| Item {
                result: Some(answer.map_or_else(Answer::Error, |attachment| {
                    Answer::Attachment(attachment_to_proto(attachment))
                })),
            },
        );
        let results = results.await?;
        Ok(Response::new(BatchGetAttachmentsResponse { results }))
    }

    async fn list_attachments(
        &self,
        request: Request<ListAttachmentsRequest>,
    ) -> Result<Response<ListAttachmentsResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let mut request = request.into_inner();
        let filter = filter_from_proto(&request)?;
        let size = page_size(request.page_size)?;
        let token = mem::take(&mut request.page_token);
        request.page_size = 0;
        let listing = sealed::listing("attachments", &request);
        let seal = &self.0.seal;
        let before = sealed::read_page_token::<AttachmentId>(seal, &tenant, &listing, &token)?;
        let page = self.0.access.list(&tenant, &filter, before, size).await?;
        let next_page_token = match page.last {
            Some(last) => sealed::page_token(seal, &tenant, &listing, &last.to_string())?,
            None => String::new(),
        };
        Ok(Response::new(ListAttachmentsResponse {
            attachments: page
                .attachments
                .into_iter()
                .map(attachment_to_proto)
                .collect(),
            next_page_token,
        }))
    }

    type WatchAttachmentsStream = BoxStream<'static, Result<WatchAttachmentsResponse, Status>>;

    async fn watch_attachments(
        &self,
        request: Request<WatchAttachmentsRequest>,
    ) -> Result<Response<Self::WatchAttachmentsStream>, Status> {
        let tenant = tenant_of(&request)?;
        let request = request.into_inner();
        let seal = self.0.seal.clone();
        let cursor = sealed::read_cursor(&seal, &tenant, &request.cursor)?;
        let filter = watch_filter(request)?;
        let (begin, changes) = self.0.watch.follow(tenant.clone(), filter, cursor).await?;
        let begin = sealed::cursor(&seal, &tenant, begin)?;
        let messages = changes.map(move |change| {
            let change = change?;
            Ok(WatchAttachmentsResponse {
                cursor: sealed::cursor(&seal, &tenant, change.cursor)?,
                attachment: Some(attachment_to_proto(change.attachment)),
            })
        });
        let mut response = Response::new(messages.boxed());
        let begin = begin.parse().map_err(|_| internal())?;
        response.metadata_mut().insert(CURSOR_HEADER, begin);
        Ok(response)
    }

    async fn explain_attachment(
        &self,
        request: Request<ExplainAttachmentRequest>,
    ) -> Result<Response<ExplainAttachmentResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let id = attachment_id("attachment_id", &request.get_ref().attachment_id)?;
        let (attachment, journal) = self.0.access.explain(&tenant, id).await?;
        Ok(Response::new(ExplainAttachmentResponse {
            summary: summary(&attachment),
            attachment: Some(attachment_to_proto(attachment)),
            attempts: (1..)
                .zip(journal)
                .map(|(n, entry)| attempt_to_proto(n, entry))
                .collect(),
        }))
    }

    async fn issue_access_link(
        &self,
        request: Request<IssueAccessLinkRequest>,
    ) -> Result<Response<AccessLink>, Status> {
        let tenant = tenant_of(&request)?;
        let wanted = link_request("", request.get_ref())?;
        let mut links = self.0.access.links(&tenant, &[wanted]).await?;
        let link = links.pop().ok_or_else(internal)??;
        Ok(Response::new(link_to_proto(link)))
    }

    async fn batch_issue_access_links(
        &self,
        request: Request<BatchIssueAccessLinksRequest>,
    ) -> Result<Response<BatchIssueAccessLinksResponse>, Status> {
        use batch_issue_access_links_response::{Result as Item, result::Result as Answer};
        let tenant = tenant_of(&request)?;
        let requests = request.into_inner().requests;
        batch::check_size("requests", requests.len(), MAX_BATCH_READ)?;
        let results = batch::answer(
            requests,
            |n, item| link_request(&format!("requests[{n}]."), &item),
            |wanted| async move { Ok(self.0.access.links(&tenant, &wanted).await?) },
            |answer| Item {
                result: Some(
                    answer.map_or_else(Answer::Error, |link| Answer::Link(link_to_proto(link))),
                ),
            },
        );
        let results = results.await?;
        Ok(Response::new(BatchIssueAccessLinksResponse { results }))
    }

    type GetAttachmentBytesStream = ByteStream;

    async fn get_attachment_bytes(
        &self,
        request: Request<GetAttachmentBytesRequest>,
    ) -> Result<Response<ByteStream>, Status> {
        let tenant = tenant_of(&request)?;
        let request = request.into_inner();
        let id = attachment_id("attachment_id", &request.attachment_id)?;
        let range = ByteRange {
            offset: not_negative("offset", request.offset)?,
            limit: Some(not_negative("limit", request.limit)?).filter(|limit| *limit > 0),
        };
        let (attachment, object, bytes) = self.0.access.bytes(&tenant, id, range).await?;
        Ok(Response::new(byte_stream(&attachment, &object, bytes)))
    }

    async fn list_enriched_attachments(
        &self,
        _: Request<ListEnrichedAttachmentsRequest>,
    ) -> Result<Response<ListEnrichedAttachmentsResponse>, Status> {
        Err(unimplemented("ListEnrichedAttachments"))
    }

    async fn get_processed_content(
        &self,
        _: Request<GetProcessedContentRequest>,
    ) -> Result<Response<ProcessedContent>, Status> {
        Err(unimplemented("GetProcessedContent"))
    }

    async fn retry_attachment(
        &self,
        request: Request<RetryAttachmentRequest>,
    ) -> Result<Response<Attachment>, Status> {
        let tenant = tenant_of(&request)?;
        let id = attachment_id("attachment_id", &request.get_ref().attachment_id)?;
        let attachment = self.0.redrive.retry(&tenant, id).await?;
        Ok(Response::new(attachment_to_proto(attachment)))
    }

    async fn delete_attachment(
        &self,
        request: Request<DeleteAttachmentRequest>,
    ) -> Result<Response<Attachment>, Status> {
        let tenant = tenant_of(&request)?;
        let deleted = match request.into_inner().target {
            Some(Target::AttachmentId(text)) => {
                let id = attachment_id("attachment_id", &text)?;
                Some(self.0.purge.delete(&tenant, id).await?)
            }
            Some(Target::Source(source)) => {
                let name = source_name(source)?;
                self.0.purge.delete_source(&tenant, &name).await?
            }
            None => {
                return Err(Violation::new("target", "must be attachment_id or source").into());
            }
        };
        Ok(Response::new(
            deleted.map_or_else(tombstone, attachment_to_proto),
        ))
    }

    async fn purge_attachments(
        &self,
        request: Request<PurgeAttachmentsRequest>,
    ) -> Result<Response<PurgeAttachmentsResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let group = group(request.into_inner().group)?;
        let purged = self.0.purge.purge(&tenant, &group).await?;
        Ok(Response::new(PurgeAttachmentsResponse {
            deleted_count: purged.deleted.cast_signed(),
            already_deleted_count: purged.already_deleted.cast_signed(),
            deleted_bytes: purged.bytes.cast_signed(),
        }))
    }
}

/// What is shown of a file that was deleted before it came.
fn tombstone() -> Attachment {
    Attachment {
        status: AttachmentStatus::Deleted.into(),
        failure_reason: FailureReason::DeleteRequested.into(),
        ..Attachment::default()
    }
}

fn registered_to_proto(registered: Registered) -> RegisterAttachmentResponse {
    RegisterAttachmentResponse {
        attachment: Some(attachment_to_proto(registered.attachment)),
        duplicate: registered.duplicate,
    }
}

fn not_negative(field: &str, value: i64) -> Result<u64, Violation> {
    u64::try_from(value).map_err(|_| Violation::new(field, "must not be negative"))
}
