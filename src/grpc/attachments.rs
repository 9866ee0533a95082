//! `AttachmentService`: each call is caller, conversion, capability, conversion.

use super::byte_stream::{ByteStream, byte_stream};
use super::caller::{language_of, tenant_of};
use super::convert::{
    Form, attachment_id, attachment_to_proto, attempt_to_proto, cause, check_enriched,
    check_processed, deleted_to_proto, form, group, link_request, link_to_proto, list_filter,
    new_attachment, page_size, purged_to_proto, sealed_text, source_reference, summary,
    watch_filter, whole_source,
};
use super::error::{Violation, internal, invalid, rendition_missing, unimplemented};
use super::{Capabilities, batch, sealed};
use crate::access::ByteRange;
use crate::attachment::Registered;
use crate::attachment::language::Language;
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
        let language = language_of(&request);
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
        let language = language_of(&request);
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
        let language = language_of(&request);
        let id = match request.into_inner().key {
            Some(Key::AttachmentId(text)) => attachment_id("attachment_id", &text)?,
            Some(Key::Source(source)) => {
                source_reference(source)?;
                // WIRE: the core finds no attachment by its source.
                return Err(unimplemented("GetAttachment by source"));
            }
            None => return Err(Violation::new("key", "must be attachment_id or source").into()),
        };
        let attachment = self.0.access.attachment(&tenant, id).await?;
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
        let language = language_of(&request);
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
        let language = language_of(&request);
        let mut request = request.into_inner();
        sealed_text("page_token", &request.page_token)?;
        let filter = list_filter(&request)?;
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
                .map(|attachment| attachment_to_proto(attachment, language))
                .collect(),
            next_page_token,
            // WIRE: the core's list tells no place in the watch.
            watch_cursor: String::new(),
        }))
    }

    type WatchAttachmentsStream = BoxStream<'static, Result<WatchAttachmentsResponse, Status>>;

    async fn watch_attachments(
        &self,
        request: Request<WatchAttachmentsRequest>,
    ) -> Result<Response<Self::WatchAttachmentsStream>, Status> {
        let tenant = tenant_of(&request)?;
        let language = language_of(&request);
        let request = request.into_inner();
        let seal = self.0.seal.clone();
        sealed_text("cursor", &request.cursor)?;
        let cursor = sealed::read_cursor(&seal, &tenant, &request.cursor)?;
        let filter = watch_filter(request)?;
        let (begin, changes) = self.0.watch.follow(tenant.clone(), filter, cursor).await?;
        let begin = sealed::cursor(&seal, &tenant, begin)?;
        let messages = changes.map(move |change| {
            let change = change?;
            let attachment = attachment_to_proto(change.attachment, language);
            Ok(WatchAttachmentsResponse {
                cursor: sealed::cursor(&seal, &tenant, change.cursor)?,
                // WIRE: the core's Change tells not when it happened.
                change_time: attachment.update_time,
                attachment: Some(attachment),
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
        let language = language_of(&request);
        let id = attachment_id("attachment_id", &request.get_ref().attachment_id)?;
        let (attachment, journal) = self.0.access.explain(&tenant, id).await?;
        Ok(Response::new(ExplainAttachmentResponse {
            summary: summary(&attachment),
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
        let (wanted, form) = link_request("", request.get_ref())?;
        let mut links = self.0.access.links(&tenant, &[wanted]).await?;
        let link = links.pop().ok_or_else(internal)?;
        Ok(Response::new(IssueAccessLinkResponse {
            link: Some(link_to_proto(of_form(form, link)?)),
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
            offset: not_negative("offset", request.offset)?,
            limit: Some(not_negative("limit", request.limit)?).filter(|limit| *limit > 0),
        };
        if form("rendition", request.rendition)? == Form::Rendition {
            let wanted = LinkRequest {
                id,
                ttl: None,
                disposition: None,
            };
            let link = self.0.access.links(&tenant, &[wanted]).await?.pop();
            of_form(Form::Rendition, link.ok_or_else(internal)?)?;
        }
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
        check_enriched(request.get_ref())?;
        Err(unimplemented("ListEnrichedAttachments"))
    }

    async fn get_processed_content(
        &self,
        request: Request<GetProcessedContentRequest>,
    ) -> Result<Response<GetProcessedContentResponse>, Status> {
        check_processed(request.get_ref())?;
        Err(unimplemented("GetProcessedContent"))
    }

    async fn retry_attachment(
        &self,
        request: Request<RetryAttachmentRequest>,
    ) -> Result<Response<RetryAttachmentResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let language = language_of(&request);
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
        let language = language_of(&request);
        let request = request.into_inner();
        let by_source = matches!(request.target, Some(Target::Source(_)));
        let deleted = match request.target {
            Some(Target::AttachmentId(text)) => {
                let id = attachment_id("attachment_id", &text)?;
                cause(request.cause)?;
                Some(self.0.purge.delete(&tenant, id).await?)
            }
            Some(Target::Source(source)) => {
                let name = whole_source(source)?;
                cause(request.cause)?;
                self.0.purge.delete_source(&tenant, &name).await?
            }
            None => {
                return Err(Violation::new("target", "must be attachment_id or source").into());
            }
        };
        let deleted = deleted_to_proto(deleted, by_source, language);
        Ok(Response::new(deleted))
    }

    async fn purge_attachments(
        &self,
        request: Request<PurgeAttachmentsRequest>,
    ) -> Result<Response<PurgeAttachmentsResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let request = request.into_inner();
        let group = group(request.group)?;
        cause(request.cause)?;
        let purged = self.0.purge.purge(&tenant, &group).await?;
        Ok(Response::new(purged_to_proto(purged)))
    }
}

fn registered_to_proto(registered: Registered, language: Language) -> RegisterAttachmentResponse {
    RegisterAttachmentResponse {
        attachment: Some(attachment_to_proto(registered.attachment, language)),
        duplicate: registered.duplicate,
    }
}

/// A link to the form that was asked for: where there are bytes at all, to the
/// original alone.
fn of_form(form: Form, link: Result<AccessLink, AccessError>) -> Result<AccessLink, Status> {
    match (form, link?) {
        (Form::Original, link) => Ok(link),
        (Form::Rendition, _) => Err(rendition_missing()),
    }
}

fn not_negative(field: &str, value: i64) -> Result<u64, Violation> {
    u64::try_from(value).map_err(|_| Violation::new(field, "must not be negative"))
}
