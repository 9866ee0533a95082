//! Who is calling, and what they may do.
//!
//! Owns token verification ([`Verifier`]), the scope each RPC asks for
//! ([`methods`]) and the layer that puts both in front of the gRPC server
//! ([`AuthLayer`]). Promises that a [`Caller`] exists only for a token whose
//! signature and claims were proven, and that every refusal looks the same
//! from outside. Whether a record belongs to the caller's tenant is the
//! database's business.

mod bearer;
mod claims;
mod fault;
mod key;
mod keys;
mod layer;
pub mod methods;
mod refusal;
mod rejected;
pub mod ring_crypto;
mod scope;
mod settings;
mod spki;
mod verifier;

pub use fault::{InvalidSettings, KeyFault};
pub use keys::faults;
pub use layer::{AuthLayer, Authenticated};
pub use refusal::unknown_method;
pub use rejected::Rejected;
pub use scope::{Scope, ScopeSet, UnknownScope};
pub use settings::{
    DEFAULT_SCOPE_CLAIM, DEFAULT_TENANT_CLAIM, DEV_KID, KeyAlgorithm, KeySetting, Settings,
};
pub use verifier::Verifier;

use crate::ids::TenantId;

/// The longest life that a token may have: from `iat` to `exp`, or from now
/// where it does not say when it was issued.
pub const MAX_TOKEN_LIFE: time::Duration = time::Duration::hours(24);

/// Whom a proven token speaks for. Only [`Verifier`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    tenant: TenantId,
    subject: String,
    scopes: ScopeSet,
}

impl Caller {
    /// The tenant everything the caller does happens in.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The token's `sub`: whom to name in records of what was done. Empty when
    /// the token names nobody.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What the caller may do.
    #[must_use]
    pub fn scopes(&self) -> ScopeSet {
        self.scopes
    }
}

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod forge;
