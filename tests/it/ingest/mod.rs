//! Every way a file comes in or does not: what providers, addresses, limits,
//! storage, retention and dead workers do to it, and what is left behind.

mod addresses;
mod circuits;
mod credentials;
mod deletion;
mod details;
mod dialects;
mod foreign_credentials;
mod guarded_providers;
mod leases;
mod lifecycle;
mod line;
mod multipart;
mod reasons;
mod registration;
mod retention;
mod sizes;
mod slack;
mod storage;
mod time_limits;

use attachments::proto::{
    Attachment, attachment::FailureReason, attachment::Status as AttachmentStatus,
};

/// Where an attachment stands and why, to compare in one piece.
fn end_of(attachment: &Attachment) -> (AttachmentStatus, FailureReason) {
    (attachment.status(), attachment.failure_reason())
}

const STORED: (AttachmentStatus, FailureReason) =
    (AttachmentStatus::Stored, FailureReason::Unspecified);

const fn failed(reason: FailureReason) -> (AttachmentStatus, FailureReason) {
    (AttachmentStatus::Failed, reason)
}

const fn rejected(reason: FailureReason) -> (AttachmentStatus, FailureReason) {
    (AttachmentStatus::Rejected, reason)
}

const fn unsupported(reason: FailureReason) -> (AttachmentStatus, FailureReason) {
    (AttachmentStatus::Unsupported, reason)
}

const fn deleted(reason: FailureReason) -> (AttachmentStatus, FailureReason) {
    (AttachmentStatus::Deleted, reason)
}
