//! The gRPC edge: translates, and decides nothing.
//!
//! A call is authenticated before it gets here; handlers turn messages into
//! the core's types, ask one capability, and turn its answer back.

mod admin;
mod attachments;
mod batch;
mod byte_stream;
mod caller;
mod content;
mod convert;
mod deadline;
mod details;
mod error;
mod language;
mod sealed;
mod span;
mod wait;

use crate::access::Access;
use crate::admin::Admin;
use crate::auth::{AuthLayer, Verifier};
use crate::proto::FILE_DESCRIPTOR_SET;
use crate::proto::admin_service_server::AdminServiceServer;
use crate::proto::attachment_service_server::AttachmentServiceServer;
use crate::purge::Purge;
use crate::redrive::Redrive;
use crate::register::Register;
use crate::seal::Seal;
use crate::watch::Watch;
use axum::middleware::{from_fn, from_fn_with_state};
use deadline::LONGEST_CALL;
use std::sync::Arc;
use tonic::service::Routes;
use tonic_health::pb::health_server::{Health, HealthServer};

/// The largest request registers 50 files with 7 KiB of names and addresses each.
const MAX_REQUEST_BYTES: usize = 512 * 1024;
/// The largest answer is a page of 200 such records; clients take 4 MiB by default.
const MAX_RESPONSE_BYTES: usize = 3 * 1024 * 1024;

/// What the service offers over gRPC.
#[derive(Clone)]
pub struct Capabilities {
    /// Records attachments.
    pub register: Register,
    /// Reads them.
    pub access: Access,
    /// Deletes them.
    pub purge: Purge,
    /// Puts back what failed.
    pub redrive: Redrive,
    /// Follows changes.
    pub watch: Watch,
    /// Keeps channels.
    pub admin: Admin,
    /// Seals page tokens and cursors.
    pub seal: Seal,
}

/// Whether the server describes itself to whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reflection {
    /// Both versions are served, without a token.
    On,
    /// Neither is there.
    Off,
}

/// The descriptor set that is compiled in cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("the compiled descriptor set cannot be served")]
pub struct ReflectionError(#[source] tonic_reflection::server::Error);

/// Everything gRPC, as routes of the one listener: authenticated but for
/// health and reflection.
pub fn router<H: Health>(
    capabilities: Capabilities,
    verifier: Arc<Verifier>,
    health: HealthServer<H>,
    reflection: Reflection,
) -> Result<axum::Router, ReflectionError> {
    let attachments = AttachmentServiceServer::new(attachments::Service(capabilities.clone()))
        .max_decoding_message_size(MAX_REQUEST_BYTES)
        .max_encoding_message_size(MAX_RESPONSE_BYTES);
    let admin = AdminServiceServer::new(admin::Service(capabilities))
        .max_decoding_message_size(MAX_REQUEST_BYTES)
        .max_encoding_message_size(MAX_RESPONSE_BYTES);
    let mut services = Routes::builder();
    services
        .add_service(attachments)
        .add_service(admin)
        .add_service(health);
    if reflection == Reflection::On {
        let builder = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
        };
        services
            .add_service(builder().build_v1().map_err(ReflectionError)?)
            .add_service(builder().build_v1alpha().map_err(ReflectionError)?);
    }
    let public: &'static [&'static str] = match reflection {
        Reflection::On => &[AuthLayer::HEALTH, AuthLayer::REFLECTION],
        Reflection::Off => &[AuthLayer::HEALTH],
    };
    let router = services.routes().prepare().into_axum_router();
    Ok(router
        .layer(from_fn_with_state(LONGEST_CALL, deadline::keep))
        .layer(span::TenantLayer)
        .layer(AuthLayer::new(verifier, public))
        .layer(from_fn(details::complete))
        .layer(span::SpanLayer))
}
