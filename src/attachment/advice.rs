//! What to do about a failure, for whoever is on call.

use super::failure::FailureReason;

impl FailureReason {
    /// What to do once it is final, in a sentence; empty where there is nothing
    /// to do.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::SourceUnavailable
            | Self::SourceTimeout
            | Self::SourceRateLimited
            | Self::SourceNotReady
            | Self::DownloadIncomplete
            | Self::EmptyContent
            | Self::Interrupted => {
                "Once the provider is well again, RetryAttachment or `attachments redrive` puts it back."
            }
            Self::StorageUnavailable => {
                "See that object storage takes this object; then RetryAttachment or `attachments redrive` puts it back."
            }
            Self::InspectionFailed | Self::ScanUnavailable | Self::WorkerResources => {
                "See the worker's log of this attempt; then RetryAttachment or `attachments redrive` puts it back."
            }
            Self::SourceAuthFailed | Self::CredentialMissing => {
                "It is put back by itself once the channel gets a credential that works: SetChannelCredential."
            }
            Self::SourceScopeMissing => {
                "Give the app the scope files:read and set its token again: SetChannelCredential. It is then put back by itself."
            }
            Self::SourceForbidden => {
                "See that the bot is a member where the file was shared; then RetryAttachment."
            }
            Self::SourcePlanLimit => {
                "The workspace's plan hides older files; after an upgrade, RetryAttachment."
            }
            Self::SourceRefusedAddress => {
                "The address is not public, or not the provider's. If it is meant, name it in egress.trusted_origins; then RetryAttachment."
            }
            Self::SourceUnexpectedEncoding | Self::SourcePreparationFailed => {
                "It lies with the provider: give its support the request id of the last attempt."
            }
            Self::SourceNotFound => {
                "The provider has no such file, or no longer; ask its sender to send it again."
            }
            Self::TooLarge => {
                "If such files are wanted, raise the limit by PutChannel or PutTenant; then RetryAttachment judges it anew."
            }
            Self::Corrupted => "Ask its sender to send it again.",
            Self::ContentTypeMismatch => {
                "Its bytes are of another kind than was declared; a registration that declares nothing is judged by the bytes alone."
            }
            Self::ContentTypeNotAllowed => {
                "If such files are wanted, opt the type in by PutChannel or PutTenant (limits.extra_content_types); then RetryAttachment judges it anew."
            }
            Self::TooManyFiles => {
                "If that many are wanted, raise limits.max_files_per_message by PutChannel or PutTenant; then RetryAttachment judges it anew."
            }
            Self::QuotaExceeded => {
                "Free some space or raise the quota; then RetryAttachment judges it anew."
            }
            Self::Infected => "Do not put it back.",
            Self::ExternalFile => "The bytes lie with a third party; its address is in the source.",
            Self::SourceDeleted | Self::DeleteRequested | Self::RetentionExpired => "",
        }
    }
}
