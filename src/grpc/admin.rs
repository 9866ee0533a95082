//! `AdminService`: the tenant's channels.

use super::attachments::tenant_of;
use super::convert::{
    channel_from_proto, channel_to_proto, name, page_size, redrive_filter, usage_to_proto,
};
use super::error::{Violation, internal};
use super::{Capabilities, sealed};
use crate::auth::Caller;
use crate::ids::ChannelId;
use crate::proto::admin_service_server::AdminService;
use crate::proto::{
    Channel, DeleteChannelRequest, DeleteChannelResponse, GetChannelRequest, GetUsageRequest,
    GetUsageResponse, ListChannelsRequest, ListChannelsResponse, PutChannelRequest,
    RedriveAttachmentsRequest, RedriveAttachmentsResponse,
};
use crate::redrive::Progress;
use std::sync::Arc;
use tonic::{Request, Response, Status, async_trait};

pub(super) struct Service(pub(super) Capabilities);

#[async_trait]
impl AdminService for Service {
    async fn put_channel(
        &self,
        request: Request<PutChannelRequest>,
    ) -> Result<Response<Channel>, Status> {
        let tenant = tenant_of(&request)?;
        let channel = request.into_inner().channel;
        let channel = channel.ok_or_else(|| Violation::new("channel", "must be set"))?;
        let (id, policy, credential) = channel_from_proto(channel)?;
        let record = self
            .0
            .admin
            .put_channel(&tenant, &id, &policy, credential.as_ref())
            .await?;
        Ok(Response::new(channel_to_proto(record)))
    }

    async fn get_channel(
        &self,
        request: Request<GetChannelRequest>,
    ) -> Result<Response<Channel>, Status> {
        let tenant = tenant_of(&request)?;
        let id: ChannelId = name("channel_id", &request.get_ref().channel_id)?;
        let record = self.0.admin.channel(&tenant, &id).await?;
        Ok(Response::new(channel_to_proto(record)))
    }

    async fn list_channels(
        &self,
        request: Request<ListChannelsRequest>,
    ) -> Result<Response<ListChannelsResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let request = request.into_inner();
        let size = page_size(request.page_size)?;
        let seal = &self.0.seal;
        let listing = sealed::listing("channels", &());
        let token = &request.page_token;
        let after = sealed::read_page_token::<ChannelId>(seal, &tenant, &listing, token)?;
        // One more than asked for tells whether there is another page.
        let mut records = self
            .0
            .admin
            .channels(&tenant, after.as_ref(), size + 1)
            .await?;
        let more = records.len() > usize::from(size);
        records.truncate(size.into());
        let next_page_token = match records.last() {
            Some(last) if more => sealed::page_token(seal, &tenant, &listing, last.id.as_str())?,
            _ => String::new(),
        };
        Ok(Response::new(ListChannelsResponse {
            channels: records.into_iter().map(channel_to_proto).collect(),
            next_page_token,
        }))
    }

    async fn delete_channel(
        &self,
        request: Request<DeleteChannelRequest>,
    ) -> Result<Response<DeleteChannelResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let id: ChannelId = name("channel_id", &request.get_ref().channel_id)?;
        self.0.admin.delete_channel(&tenant, &id).await?;
        Ok(Response::new(DeleteChannelResponse {}))
    }

    async fn redrive_attachments(
        &self,
        request: Request<RedriveAttachmentsRequest>,
    ) -> Result<Response<RedriveAttachmentsResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let subject = subject_of(&request)?;
        let request = request.into_inner();
        let filter = redrive_filter(&request)?;
        let progress = if request.dry_run {
            let matched = self.0.redrive.count(&tenant, &filter).await?;
            Progress {
                matched,
                redriven: 0,
            }
        } else {
            self.0
                .redrive
                .redrive(&tenant, &subject, &filter, |_| {})
                .await?
        };
        Ok(Response::new(RedriveAttachmentsResponse {
            matched_count: progress.matched.cast_signed(),
            redriven_count: progress.redriven.cast_signed(),
        }))
    }

    async fn get_usage(
        &self,
        request: Request<GetUsageRequest>,
    ) -> Result<Response<GetUsageResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let usage = self.0.admin.usage(&tenant).await?;
        Ok(Response::new(GetUsageResponse {
            by_status: usage.iter().map(usage_to_proto).collect(),
        }))
    }
}

/// Whom to name in the record of what was done.
fn subject_of<T>(request: &Request<T>) -> Result<String, Status> {
    let caller = request
        .extensions()
        .get::<Arc<Caller>>()
        .ok_or_else(internal)?;
    Ok(caller.subject().to_owned())
}
