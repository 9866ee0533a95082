//! Who calls, and in which language they are answered.

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

/// The language of sentences that a person reads.
pub(super) fn language_of<T>(request: &Request<T>) -> Language {
    let wishes = request.metadata().get_all("accept-language");
    let wishes: Vec<_> = wishes
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    // WIRE: a tenant's first language in place of English, for a caller who asks for none.
    preferred(&wishes.join(",")).unwrap_or_default()
}

fn caller_of<T>(request: &Request<T>) -> Result<&Arc<Caller>, Status> {
    request
        .extensions()
        .get::<Arc<Caller>>()
        .ok_or_else(internal)
}
