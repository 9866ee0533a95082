//! Who calls, and in which language they are answered.

use super::Capabilities;
use super::error::internal;
use super::language::preferred;
use crate::attachment::language::Language;
use crate::auth::Caller;
use crate::ids::TenantId;
use std::sync::Arc;
use tonic::{Request, Status};

/// The tenant everything happens in. The layer in front put the caller there;
/// without one there is no answer.
pub(super) fn tenant_of<T>(request: &Request<T>) -> Result<TenantId, Status> {
    Ok(caller_of(request)?.tenant().clone())
}

/// Whom to name in the record of what was done.
pub(super) fn subject_of<T>(request: &Request<T>) -> Result<String, Status> {
    Ok(caller_of(request)?.subject().to_owned())
}

impl Capabilities {
    /// The language of sentences that a person reads: what the caller asks
    /// for, else the first that the tenant decided.
    pub(super) async fn language_of<T>(&self, tenant: &TenantId, request: &Request<T>) -> Language {
        let wishes: Vec<_> = request
            .metadata()
            .get_all("accept-language")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .map(str::to_owned)
            .collect();
        match preferred(&wishes.join(",")) {
            Some(language) => language,
            None => self.admin.language(tenant).await,
        }
    }
}

fn caller_of<T>(request: &Request<T>) -> Result<&Arc<Caller>, Status> {
    request
        .extensions()
        .get::<Arc<Caller>>()
        .ok_or_else(internal)
}
