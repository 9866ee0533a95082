//! Why an attachment is not stored, and what follows from it.
//!
//! The table of reasons is total: [`FailureReason::consequence`] matches
//! without a wildcard, so a new reason does not compile until somebody has
//! decided what it means.

use std::fmt;
use std::str::FromStr;

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consequence {
    /// FAILED; tried again after a backoff, up to the cap.
    Retry,
    /// FAILED; asked again on a time budget of its own that spends no attempt.
    Wait,
    /// FAILED for good.
    GiveUp,
    /// FAILED until the channel gets another credential.
    AwaitCredential,
    /// REJECTED: it came and broke a rule.
    Reject,
    /// UNSUPPORTED: not a kind of file we take.
    Unsupported,
    /// DELETED.
    Delete,
}

/// Declares the reasons: the variant, its name on the wire and in SQL, and
/// the sentence that is safe to show a person.
macro_rules! reasons {
    ($($variant:ident = $name:literal, $message:literal;)*) => {
        /// Why an attachment is not stored.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "the table below gives each reason its sentence")]
        pub enum FailureReason { $($variant),* }

        impl FailureReason {
            /// Every reason there is.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The reason as it is written in SQL, proto and logs.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The reason in words that are safe to show a person.
            #[must_use]
            pub const fn message(self) -> &'static str {
                match self { $(Self::$variant => $message),* }
            }
        }
    };
}

reasons! {
    SourceUnavailable = "SOURCE_UNAVAILABLE", "The chat provider could not be reached.";
    SourceTimeout = "SOURCE_TIMEOUT", "The chat provider took too long to send the file.";
    SourceRateLimited = "SOURCE_RATE_LIMITED", "The chat provider asked us to slow down.";
    SourceNotReady = "SOURCE_NOT_READY", "The chat provider is still preparing the file.";
    DownloadIncomplete = "DOWNLOAD_INCOMPLETE", "The file ended before all of it had arrived.";
    EmptyContent = "EMPTY_CONTENT", "The chat provider sent an empty file.";
    StorageUnavailable = "STORAGE_UNAVAILABLE", "The file could not be stored just now.";
    Interrupted = "INTERRUPTED", "The download was interrupted.";
    InspectionFailed = "INSPECTION_FAILED", "The file could not be inspected.";
    ScanUnavailable = "SCAN_UNAVAILABLE", "The file could not be scanned for malware just now.";
    WorkerResources = "WORKER_RESOURCES", "The file could not be fetched just now.";
    SourceNotFound = "SOURCE_NOT_FOUND", "The chat provider does not have this file (any more).";
    SourceAuthFailed = "SOURCE_AUTH_FAILED", "The chat provider refused the channel's credential.";
    SourceScopeMissing = "SOURCE_SCOPE_MISSING", "The channel's credential lacks the scope files:read.";
    SourceForbidden = "SOURCE_FORBIDDEN", "The chat provider does not let this channel read the file.";
    SourcePlanLimit = "SOURCE_PLAN_LIMIT", "The chat provider hides this file behind a limit of its plan.";
    SourceRefusedAddress = "SOURCE_REFUSED_ADDRESS", "The file's address is not one we may call.";
    SourceUnexpectedEncoding = "SOURCE_UNEXPECTED_ENCODING", "The chat provider sent the file in an encoding we did not ask for.";
    SourcePreparationFailed = "SOURCE_PREPARATION_FAILED", "The chat provider could not prepare the file.";
    CredentialMissing = "CREDENTIAL_MISSING", "The channel has no credential.";
    TooLarge = "TOO_LARGE", "The file is larger than allowed.";
    Corrupted = "CORRUPTED", "The file is damaged.";
    ContentTypeMismatch = "CONTENT_TYPE_MISMATCH", "The file is not what it claims to be.";
    Infected = "INFECTED", "The file contains malware.";
    TooManyFiles = "TOO_MANY_FILES", "The message has more files than allowed.";
    QuotaExceeded = "QUOTA_EXCEEDED", "The storage quota is used up.";
    ContentTypeNotAllowed = "CONTENT_TYPE_NOT_ALLOWED", "This kind of file is not supported.";
    ExternalFile = "EXTERNAL_FILE", "The file lies with a third party and was not copied.";
    SourceDeleted = "SOURCE_DELETED", "The sender took the file back.";
    DeleteRequested = "DELETE_REQUESTED", "The file was deleted.";
    RetentionExpired = "RETENTION_EXPIRED", "The file was kept as long as it was meant to be.";
}

impl FailureReason {
    /// What follows from this reason.
    #[must_use]
    pub const fn consequence(self) -> Consequence {
        match self {
            Self::SourceUnavailable
            | Self::SourceTimeout
            | Self::SourceRateLimited
            | Self::DownloadIncomplete
            | Self::EmptyContent
            | Self::StorageUnavailable
            | Self::Interrupted
            | Self::InspectionFailed
            | Self::ScanUnavailable
            | Self::WorkerResources => Consequence::Retry,
            Self::SourceNotReady => Consequence::Wait,
            Self::SourceNotFound
            | Self::SourceForbidden
            | Self::SourcePlanLimit
            | Self::SourceRefusedAddress
            | Self::SourceUnexpectedEncoding
            | Self::SourcePreparationFailed => Consequence::GiveUp,
            Self::SourceAuthFailed | Self::SourceScopeMissing | Self::CredentialMissing => {
                Consequence::AwaitCredential
            }
            Self::TooLarge
            | Self::Corrupted
            | Self::ContentTypeMismatch
            | Self::Infected
            | Self::TooManyFiles
            | Self::QuotaExceeded => Consequence::Reject,
            Self::ContentTypeNotAllowed | Self::ExternalFile => Consequence::Unsupported,
            Self::SourceDeleted | Self::DeleteRequested | Self::RetentionExpired => {
                Consequence::Delete
            }
        }
    }
}

impl fmt::Display for FailureReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A string that names no reason.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no failure reason")]
pub struct UnknownReason(String);

impl FromStr for FailureReason {
    type Err = UnknownReason;

    fn from_str(text: &str) -> Result<Self, UnknownReason> {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| reason.as_str() == text)
            .ok_or_else(|| UnknownReason(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_reads_back() {
        for reason in FailureReason::ALL {
            assert_eq!(reason.as_str().parse::<FailureReason>().unwrap(), *reason);
        }
        assert!("NO_SUCH_REASON".parse::<FailureReason>().is_err());
    }
}
