//! gRPC clients with a token, as `demo` and the tests use them.

use crate::proto::admin_service_client::AdminServiceClient;
use crate::proto::attachment_service_client::AttachmentServiceClient;
use secrecy::{ExposeSecret as _, SecretString};
use std::net::SocketAddr;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

/// Puts the token on every call.
#[derive(Clone)]
pub struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request
            .metadata_mut()
            .insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// A client of `AttachmentService`.
pub type Attachments = AttachmentServiceClient<InterceptedService<Channel, Bearer>>;
/// A client of `AdminService`.
pub type Admin = AdminServiceClient<InterceptedService<Channel, Bearer>>;

/// A client could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The token is no header value.
    #[error("the token cannot be sent")]
    Token(#[from] tonic::metadata::errors::InvalidMetadataValue),
    /// The address is none.
    #[error("the address cannot be called")]
    Address(#[from] tonic::transport::Error),
}

/// Clients of the service at `addr` that call with `token`. Connects when first used.
pub fn connect(
    addr: SocketAddr,
    token: &SecretString,
) -> Result<(Attachments, Admin), ClientError> {
    let bearer = Bearer(format!("Bearer {}", token.expose_secret()).parse()?);
    let channel = Endpoint::from_shared(format!("http://{addr}"))?.connect_lazy();
    Ok((
        AttachmentServiceClient::with_interceptor(channel.clone(), bearer.clone()),
        AdminServiceClient::with_interceptor(channel, bearer),
    ))
}
