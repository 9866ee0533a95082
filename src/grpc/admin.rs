//! `AdminService`: the tenant's channels.

use super::caller::{subject_of, tenant_of};
use super::convert::{
    channel_to_proto, check_audit_events, counted_to_proto, credential, name, page_size,
    policy_after, put_channel_id, redrive_filter, redrive_to_proto, redriven_to_proto, revision,
    sealed_text, tenant_after, tenant_to_proto, usage_to_proto,
};
use super::error::{Violation, unimplemented};
use super::{Capabilities, sealed};
use crate::admin::{Channel, TenantRecord};
use crate::ids::{ChannelId, RequestId};
use crate::proto::admin_service_server::AdminService;
use crate::proto::{
    ClearChannelCredentialRequest, ClearChannelCredentialResponse, DeleteChannelRequest,
    DeleteChannelResponse, GetChannelRequest, GetChannelResponse, GetTenantRequest,
    GetTenantResponse, GetUsageRequest, GetUsageResponse, ListAuditEventsRequest,
    ListAuditEventsResponse, ListChannelsRequest, ListChannelsResponse, ListRedrivesRequest,
    ListRedrivesResponse, PutChannelRequest, PutChannelResponse, PutTenantRequest,
    PutTenantResponse, RedriveAttachmentsRequest, RedriveAttachmentsResponse,
    SetChannelCredentialRequest, SetChannelCredentialResponse, TestChannelRequest,
    TestChannelResponse,
};
use std::time::Duration;
use tonic::{Request, Response, Status, async_trait};
use uuid::Uuid;

/// A call goes on for this long, and says whether it came to the end: its own
/// deadline is 30 s.
const LONGEST_REDRIVE: Duration = Duration::from_secs(20);

pub(super) struct Service(pub(super) Capabilities);

#[async_trait]
impl AdminService for Service {
    async fn put_channel(
        &self,
        request: Request<PutChannelRequest>,
    ) -> Result<Response<PutChannelResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let PutChannelRequest {
            channel,
            update_mask,
        } = request.into_inner();
        let put = channel.ok_or_else(|| Violation::new("channel", "must be set"))?;
        let id = put_channel_id(&put)?;
        let expected = revision("channel.etag", &put.etag)?;
        let decide = |current: Option<Channel>| {
            policy_after(current.map(channel_to_proto), &put, update_mask.as_ref())
        };
        let admin = &self.0.admin;
        let (channel, created) = admin.put_channel(&tenant, &id, expected, decide).await?;
        Ok(Response::new(PutChannelResponse {
            channel: Some(channel_to_proto(channel)),
            created,
        }))
    }

    async fn set_channel_credential(
        &self,
        request: Request<SetChannelCredentialRequest>,
    ) -> Result<Response<SetChannelCredentialResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let request = request.into_inner();
        let id: ChannelId = name("channel_id", &request.channel_id)?;
        let credential = credential(request.credential)?;
        let set = self.0.admin.set_credential(&tenant, &id, &credential);
        let (channel, resumed) = set.await?;
        Ok(Response::new(SetChannelCredentialResponse {
            channel: Some(channel_to_proto(channel)),
            resumed_count: resumed.cast_signed(),
        }))
    }

    async fn clear_channel_credential(
        &self,
        request: Request<ClearChannelCredentialRequest>,
    ) -> Result<Response<ClearChannelCredentialResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let id: ChannelId = name("channel_id", &request.get_ref().channel_id)?;
        let channel = self.0.admin.clear_credential(&tenant, &id).await?;
        Ok(Response::new(ClearChannelCredentialResponse {
            channel: Some(channel_to_proto(channel)),
        }))
    }

    async fn test_channel(
        &self,
        request: Request<TestChannelRequest>,
    ) -> Result<Response<TestChannelResponse>, Status> {
        name::<ChannelId>("channel_id", &request.get_ref().channel_id)?;
        Err(unimplemented("TestChannel"))
    }

    async fn get_channel(
        &self,
        request: Request<GetChannelRequest>,
    ) -> Result<Response<GetChannelResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let id: ChannelId = name("channel_id", &request.get_ref().channel_id)?;
        let channel = self.0.admin.channel(&tenant, &id).await?;
        Ok(Response::new(GetChannelResponse {
            channel: Some(channel_to_proto(channel)),
        }))
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
        sealed_text("page_token", token)?;
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
        let (filter, request_id) = redrive_filter(&request)?;
        let redrive = &self.0.redrive;
        Ok(Response::new(if request.dry_run {
            counted_to_proto(redrive.count(&tenant, &filter).await?)
        } else {
            let request_id = request_id.as_ref().map(RequestId::as_str);
            let redriving = redrive.redrive(
                &tenant,
                &subject,
                request_id,
                &filter,
                Some(LONGEST_REDRIVE),
                |_| {},
            );
            redriven_to_proto(redriving.await?)
        }))
    }

    async fn list_redrives(
        &self,
        request: Request<ListRedrivesRequest>,
    ) -> Result<Response<ListRedrivesResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let request = request.into_inner();
        let size = page_size(request.page_size)?;
        let seal = &self.0.seal;
        let listing = sealed::listing("redrives", &());
        let token = &request.page_token;
        sealed_text("page_token", token)?;
        let before = sealed::read_page_token::<Uuid>(seal, &tenant, &listing, token)?;
        // One more than asked for tells whether there is another page.
        let mut records = self.0.redrive.redrives(&tenant, before, size + 1).await?;
        let more = records.len() > usize::from(size);
        records.truncate(size.into());
        let next_page_token = match records.last() {
            Some(last) if more => {
                sealed::page_token(seal, &tenant, &listing, &last.id.to_string())?
            }
            _ => String::new(),
        };
        Ok(Response::new(ListRedrivesResponse {
            redrives: records.into_iter().map(redrive_to_proto).collect(),
            next_page_token,
        }))
    }

    async fn get_tenant(
        &self,
        request: Request<GetTenantRequest>,
    ) -> Result<Response<GetTenantResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let record = self.0.admin.tenant(&tenant).await?;
        Ok(Response::new(GetTenantResponse {
            tenant: Some(tenant_to_proto(&record)),
        }))
    }

    async fn put_tenant(
        &self,
        request: Request<PutTenantRequest>,
    ) -> Result<Response<PutTenantResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let PutTenantRequest {
            tenant: put,
            update_mask,
        } = request.into_inner();
        let put = put.ok_or_else(|| Violation::new("tenant", "must be set"))?;
        let expected = revision("tenant.etag", &put.etag)?;
        let decide = |current: TenantRecord| {
            tenant_after(Some(tenant_to_proto(&current)), &put, update_mask.as_ref())
        };
        let record = self.0.admin.put_tenant(&tenant, expected, decide).await?;
        Ok(Response::new(PutTenantResponse {
            tenant: Some(tenant_to_proto(&record)),
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

    async fn list_audit_events(
        &self,
        request: Request<ListAuditEventsRequest>,
    ) -> Result<Response<ListAuditEventsResponse>, Status> {
        check_audit_events(request.get_ref())?;
        Err(unimplemented("ListAuditEvents"))
    }
}
