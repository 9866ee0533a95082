//! What a tenant decided for all its channels.

use super::channel_policy::LimitOverrides;
use std::str::FromStr;

/// A language that messages are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Thai.
    Thai,
    /// Japanese.
    Japanese,
}

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

impl Language {
    /// Every language there is.
    pub const ALL: [Self; 3] = [Self::English, Self::Thai, Self::Japanese];

    /// The language as ISO 639-1 spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Thai => "th",
            Self::Japanese => "ja",
        }
    }
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

/// A string that names no language that messages are written in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be en, th or ja")]
pub struct UnknownLanguage;

impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(text: &str) -> Result<Self, UnknownLanguage> {
        Self::ALL
            .into_iter()
            .find(|language| language.as_str() == text)
            .ok_or(UnknownLanguage)
    }
}
