//! What a tenant decided for all its channels.

use super::channel_policy::LimitOverrides;
use super::language::Language;

/// What a tenant decided; what it left out is the service's default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TenantPolicy {
    /// Languages that its people read, the dearest first; empty means English.
    pub languages: Vec<Language>,
    /// Whether files are scanned before they are stored.
    pub scan_mode: ScanMode,
    /// Limits that differ from the service's.
    pub limits: LimitOverrides,
}

/// Whether files are scanned for malware before they are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ScanMode {
    /// They are not.
    #[default]
    Off,
    /// Nothing is stored unscanned.
    Required,
}

impl ScanMode {
    /// The mode as the tables have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Required => "required",
        }
    }
}
