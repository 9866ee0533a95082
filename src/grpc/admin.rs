//! `AdminService`: the tenant's channels.

use super::caller::{subject_of, tenant_of};
use super::convert::{
    channel_to_proto, check_audit_events, check_page, credential, name, page_size, policy_after,
    put_channel_id, redrive_filter, redriven_to_proto, sealed_text, tenant_after, usage_to_proto,
};
use super::error::{Violation, etag_mismatch, unimplemented};
use super::{Capabilities, sealed};
use crate::admin::AdminError;
use crate::ids::ChannelId;
use crate::proto::admin_service_server::AdminService;
use crate::proto::{
    ClearChannelCredentialRequest, ClearChannelCredentialResponse, DeleteChannelRequest,
    DeleteChannelResponse, GetChannelRequest, GetChannelResponse, GetTenantRequest,
    GetTenantResponse, GetUsageRequest, GetUsageResponse, ListAuditEventsRequest,
    ListAuditEventsResponse, ListChannelsRequest, ListChannelsResponse, ListRedrivesRequest,
    ListRedrivesResponse, PutChannelRequest, PutChannelResponse, PutTenantRequest,
    PutTenantResponse, RedriveAttachmentsRequest, RedriveAttachmentsResponse,
    SetChannelCredentialRequest, SetChannelCredentialResponse, Tenant, TestChannelRequest,
    TestChannelResponse,
};
use crate::redrive::Progress;
use tonic::{Request, Response, Status, async_trait};

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
        let admin = &self.0.admin;
        // WIRE: read, compare and write are three steps; Admin should take the etag and do them in one.
        let current = match admin.channel(&tenant, &id).await {
            Ok(channel) => Some(channel_to_proto(channel)),
            Err(AdminError::NotFound) => None,
            Err(error) => return Err(error.into()),
        };
        let etag = current.as_ref().map_or("", |current| &current.etag);
        if !put.etag.is_empty() && put.etag != etag {
            return Err(etag_mismatch("channel"));
        }
        let created = current.is_none();
        let policy = policy_after(current, &put, update_mask.as_ref())?;
        let channel = admin.put_channel(&tenant, &id, &policy, None).await?;
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
        let admin = &self.0.admin;
        // WIRE: Admin should set a credential alone, and tell how many attachments it put back.
        let policy = admin.channel(&tenant, &id).await?.policy;
        let channel = admin
            .put_channel(&tenant, &id, &policy, Some(&credential))
            .await?;
        Ok(Response::new(SetChannelCredentialResponse {
            channel: Some(channel_to_proto(channel)),
            resumed_count: 0,
        }))
    }

    async fn clear_channel_credential(
        &self,
        request: Request<ClearChannelCredentialRequest>,
    ) -> Result<Response<ClearChannelCredentialResponse>, Status> {
        let tenant = tenant_of(&request)?;
        let id: ChannelId = name("channel_id", &request.get_ref().channel_id)?;
        self.0.admin.channel(&tenant, &id).await?;
        // WIRE: Admin clears no credential.
        Err(unimplemented("ClearChannelCredential"))
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
        Ok(Response::new(redriven_to_proto(progress)))
    }

    async fn list_redrives(
        &self,
        request: Request<ListRedrivesRequest>,
    ) -> Result<Response<ListRedrivesResponse>, Status> {
        let request = request.get_ref();
        check_page(request.page_size, &request.page_token)?;
        // WIRE: the core lists no redrives.
        Err(unimplemented("ListRedrives"))
    }

    async fn get_tenant(
        &self,
        _: Request<GetTenantRequest>,
    ) -> Result<Response<GetTenantResponse>, Status> {
        // WIRE: the core keeps no tenants, so that all of them have the defaults.
        Ok(Response::new(GetTenantResponse {
            tenant: Some(Tenant::default()),
        }))
    }

    async fn put_tenant(
        &self,
        request: Request<PutTenantRequest>,
    ) -> Result<Response<PutTenantResponse>, Status> {
        let PutTenantRequest {
            tenant,
            update_mask,
        } = request.into_inner();
        let put = tenant.ok_or_else(|| Violation::new("tenant", "must be set"))?;
        // WIRE: the core keeps no tenants; compare the etag, as PutChannel does.
        tenant_after(None, &put, update_mask.as_ref())?;
        Err(unimplemented("PutTenant"))
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
