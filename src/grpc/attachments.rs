//! `AttachmentService`: each call is caller, conversion, capability, conversion.

use super::byte_stream::{ByteStream, byte_stream};
use super::caller::tenant_of;
use super::convert::{
    attachment_id, attachment_to_proto, attempt_to_proto, cause, form, group, link_request,
    link_to_proto, list_filter, new_attachment, one_deleted_to_proto, page_size, purged_to_proto,
    sealed_text, source_deleted_to_proto, source_reference, summary, timestamp, watch_filter,
    whole_source,
};
use super::error::{Violation, internal, invalid};
use super::{Capabilities, batch, sealed};
use crate::access::ByteRange;
use crate::attachment::Registered;
use crate::attachment::language::Language;
use crate::attachment::listing::PageRequest;
use crate::ids::AttachmentId;
use crate::proto::attachment_service_server::AttachmentService;
use crate::proto::delete_attachment_request::Target;
use crate::proto::get_attachment_request::Key;
use crate::proto::{
    BatchGetAttachmentsRequest, BatchGetAttachmentsResponse, BatchIssueAccessLinksRequest,
    BatchIssueAccessLinksResponse, BatchRegisterAttachmentsRequest,
    BatchRegisterAttachmentsResponse, DeleteAttachmentRequest, DeleteAttachmentResponse,
    ExplainAttachmentRequest, ExplainAttachmentResponse, GetAttachmentBytesRequest,
    GetAttachmentRequest, GetAttachmentResponse, GetProcessedContentRequest,
    GetProcessedContentResponse, IssueAccessLinkRequest, IssueAccessLinkResponse,
    ListAttachmentsRequest, ListAttachmentsResponse, ListEnrichedAttachmentsRequest,
    ListEnrichedAttachmentsResponse, PurgeAttachmentsRequest, PurgeAttachmentsResponse,
    RegisterAttachmentRequest, RegisterAttachmentResponse, RetryAttachmentRequest,
    RetryAttachmentResponse, WatchAttachmentsRequest, WatchAttachmentsResponse,
    batch_get_attachments_response, batch_issue_access_links_response,
    batch_register_attachments_response,
};
use crate::watch::Told;
use futures::stream::{BoxStream, StreamExt as _};
use std::mem;
use tonic::{Request, Response, Status, async_trait};

const MAX_BATCH_REGISTER: usize = 50;
const MAX_BATCH_READ: usize = 100;
/// Where a watch begins; see the proto.
const CURSOR_HEADER: &str = "attachments-cursor";

pub(super) struct Service(pub(super) Capabilities);

#[async_trait]
impl AttachmentService for Service {
    async fn register_attachment(
        &self,
        request: Request<RegisterAttachmentRequest>,
    ) -> Result<Response<RegisterAttachmentResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let language = self.0.language_of(&tenant, &request).await;
        let new = new_attachment("", request.into_inner()).map_err(invalid)?;
        let mut answers = self.0.register.register(&tenant, vec![new]).await;
        let registered = answers.pop().ok_or_else(internal)??;
        Ok(Response::new(registered_to_proto(registered, language)))
    }

    async fn batch_register_attachments(
        &self,
        request: Request<BatchRegisterAttachmentsRequest>,
    ) -> Result<Response<BatchRegisterAttachmentsResponse>, Status> {
        use batch_register_attachments_response::{Result as Item, result::Result as Answer};
        let tenant = tenant_of(&request)?;
        let language = self.0.language_of(&tenant, &request).await;
        let requests = request.into_inner().requests;
        batch::check_size("requests", requests.len(), MAX_BATCH_REGISTER)?;
        let results = batch::answer(
            requests,
            |n, item| new_attachment(&format!("requests[{n}]."), item).map_err(invalid),
            |good| async { Ok(self.0.register.register(&tenant, good).await) },
            |answer| Item {
                result: Some(answer.map_or_else(Answer::Error, |registered| {
                    Answer::Response(registered_to_proto(registered, language))
                })),
            },
        );
        let results = results.await?;
        Ok(Response::new(BatchRegisterAttachmentsResponse { results }))
    }

    async fn get_attachment(
        &self,
        request: Request<GetAttachmentRequest>,
    ) -> Result<Response<GetAttachmentResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let language = self.0.language_of(&tenant, &request).await;
        let access = &self.0.access;
        let attachment = match request.into_inner().key {
            Some(Key::AttachmentId(text)) => {
                let id = attachment_id("attachment_id", &text)?;
                access.attachment(&tenant, id).await?
            }
            Some(Key::Source(source)) => {
                let (name, part, message) = source_reference(source)?;
                access
                    .attachment_of_source(&tenant, &name, &part, message.as_ref())
                    .await?
            }
            None => return Err(Violation::new("key", "must be attachment_id or source").into()),
        };
        Ok(Response::new(GetAttachmentResponse {
            attachment: Some(attachment_to_proto(attachment, language)),
        }))
    }

    async fn batch_get_attachments(
        &self,
        request: Request<BatchGetAttachmentsRequest>,
    ) -> Result<Response<BatchGetAttachmentsResponse>, Status> {
        use batch_get_attachments_response::{Result as Item, result::Result as Answer};
        let tenant = tenant_of(&request)?;
        let language = self.0.language_of(&tenant, &request).await;
        let texts = request.into_inner().attachment_ids;
        batch::check_size("attachment_ids", texts.len(), MAX_BATCH_READ)?;
        let results = batch::answer(
            texts,
            |n, text| Ok(attachment_id(&format!("attachment_ids[{n}]"), &text)?),
            |ids| async move { Ok(self.0.access.attachments(&tenant, &ids).await?) },
            |answer| Item {
                result: Some(answer.map_or_else(Answer::Error, |attachment| {
                    Answer::Attachment(attachment_to_proto(attachment, language))
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
        let language = self.0.language_of(&tenant, &request).await;
        let mut request = request.into_inner();
        sealed_text("page_token", &request.page_token)?;
        let (filter, order) = list_filter(&request)?;
        let size = page_size(request.page_size)?;
        let token = mem::take(&mut request.page_token);
        request.page_size = 0;
        let listing = sealed::listing("attachments", &request);
        let seal = &self.0.seal;
        let after = sealed::read_page_token::<AttachmentId>(seal, &tenant, &listing, &token)?;
        let page = PageRequest { order, after, size };
        let page = self.0.access.list(&tenant, &filter, page).await?;
        let next_page_token = match page.last {
            Some(last) => sealed::page_token(seal, &tenant, &listing, &last.to_string())?,
            None => String::new(),
        };
        Ok(Response::new(ListAttachmentsResponse {
            attachments: page
                .attachments
                .into_iter()
                .map(|attachment| attachment_to_proto(attachment, language))
                .collect(),
            next_page_token,
            watch_cursor: sealed::cursor(seal, &tenant, page.watch_from)?,
        }))
    }

    type WatchAttachmentsStream = BoxStream<'static, Result<WatchAttachmentsResponse, Status>>;

    async fn watch_attachments(
        &self,
        request: Request<WatchAttachmentsRequest>,
    ) -> Result<Response<Self::WatchAttachmentsStream>, Status> {
        let tenant = tenant_of(&request)?;
        let language = self.0.language_of(&tenant, &request).await;
        let request = request.into_inner();
        let seal = self.0.seal.clone();
        sealed_text("cursor", &request.cursor)?;
        let cursor = sealed::read_cursor(&seal, &tenant, &request.cursor)?;
        let (filter, checkpoints) = watch_filter(request)?;
        let watch = &self.0.watch;
        let following = watch.follow(tenant.clone(), filter, cursor, checkpoints);
        let (begin, told) = following.await?;
        let begin = sealed::cursor(&seal, &tenant, begin)?;
        let messages = told.map(move |told| {
            Ok(match told? {
                Told::Change(change) => WatchAttachmentsResponse {
                    cursor: sealed::cursor(&seal, &tenant, change.what.cursor)?,
                    change_time: Some(timestamp(change.what.at)),
                    attachment: Some(attachment_to_proto(change.attachment.clone(), language)),
                },
                Told::Checkpoint(cursor) => WatchAttachmentsResponse {
                    cursor: sealed::cursor(&seal, &tenant, cursor)?,
                    change_time: None,
                    attachment: None,
                },
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
        let language = self.0.language_of(&tenant, &request).await;
        let id = attachment_id("attachment_id", &request.get_ref().attachment_id)?;
        let (attachment, journal) = self.0.access.explain(&tenant, id).await?;
        Ok(Response::new(ExplainAttachmentResponse {
            summary: summary(&attachment, &journal),
            attachment: Some(attachment_to_proto(attachment, language)),
            attempts: (1..)
                .zip(journal)
                .map(|(n, entry)| attempt_to_proto(n, entry))
                .collect(),
        }))
    }

    async fn issue_access_link(
        &self,
        request: Request<IssueAccessLinkRequest>,
    ) -> Result<Response<IssueAccessLinkResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let wanted = link_request("", request.get_ref())?;
        let mut links = self.0.access.links(&tenant, &[wanted]).await?;
        let link = links.pop().ok_or_else(internal)??;
        Ok(Response::new(IssueAccessLinkResponse {
            link: Some(link_to_proto(link)),
        }))
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
            rendition: form("rendition", request.rendition)?,
            offset: not_negative("offset", request.offset)?,
            limit: Some(not_negative("limit", request.limit)?).filter(|limit| *limit > 0),
        };
        let (attachment, object, bytes) = self.0.access.bytes(&tenant, id, range).await?;
        Ok(Response::new(byte_stream(
            &attachment,
            &object,
            range,
            bytes,
        )))
    }

    async fn list_enriched_attachments(
        &self,
        request: Request<ListEnrichedAttachmentsRequest>,
    ) -> Result<Response<ListEnrichedAttachmentsResponse>, Status> {
        self.0.enriched_attachments(request).await
    }

    async fn get_processed_content(
        &self,
        request: Request<GetProcessedContentRequest>,
    ) -> Result<Response<GetProcessedContentResponse>, Status> {
        self.0.processed_content(request).await
    }

    async fn retry_attachment(
        &self,
        request: Request<RetryAttachmentRequest>,
    ) -> Result<Response<RetryAttachmentResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let language = self.0.language_of(&tenant, &request).await;
        let id = attachment_id("attachment_id", &request.get_ref().attachment_id)?;
        let attachment = self.0.redrive.retry(&tenant, id).await?;
        Ok(Response::new(RetryAttachmentResponse {
            attachment: Some(attachment_to_proto(attachment, language)),
        }))
    }

    async fn delete_attachment(
        &self,
        request: Request<DeleteAttachmentRequest>,
    ) -> Result<Response<DeleteAttachmentResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let language = self.0.language_of(&tenant, &request).await;
        let request = request.into_inner();
        let cause = cause(request.cause)?;
        let purge = &self.0.purge;
        Ok(Response::new(match request.target {
            Some(Target::AttachmentId(text)) => {
                let id = attachment_id("attachment_id", &text)?;
                one_deleted_to_proto(purge.delete(&tenant, id, cause).await?, language)
            }
            Some(Target::Source(source)) => {
                let name = whole_source(source)?;
                let deleted = purge.delete_source(&tenant, &name, cause).await?;
                source_deleted_to_proto(deleted, language)
            }
            None => {
                return Err(Violation::new("target", "must be attachment_id or source").into());
            }
        }))
    }

    async fn purge_attachments(
        &self,
        request: Request<PurgeAttachmentsRequest>,
    ) -> Result<Response<PurgeAttachmentsResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let request = request.into_inner();
        let (group, cause) = (group(request.group)?, cause(request.cause)?);
        let purged = self.0.purge.purge(&tenant, &group, cause).await?;
        Ok(Response::new(purged_to_proto(purged)))
    }
}

fn registered_to_proto(registered: Registered, language: Language) -> RegisterAttachmentResponse {
    RegisterAttachmentResponse {
        attachment: Some(attachment_to_proto(registered.attachment, language)),
        duplicate: registered.duplicate,
    }
}

fn not_negative(field: &str, value: i64) -> Result<u64, Violation> {
    u64::try_from(value).map_err(|_| Violation::new(field, "must not be negative"))
}
