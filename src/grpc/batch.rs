//! What batches share: their size, and errors as items.

use super::error::Violation;
use tonic::Status;

/// Refuses an empty batch and one that is too large.
pub(super) fn check_size(field: &str, size: usize, most: usize) -> Result<(), Violation> {
    if (1..=most).contains(&size) {
        Ok(())
    } else {
        Err(Violation::new(
            field,
            format!("must have 1 to {most} items, not {size}"),
        ))
    }
}

/// The error that a single call would have answered, details and all.
pub(super) fn item_error(status: &Status) -> tonic_types::Status {
    use prost::Message as _;
    tonic_types::Status::decode(status.details()).unwrap_or_else(|_| tonic_types::Status {
        code: status.code().into(),
        message: status.message().to_owned(),
        details: Vec::new(),
    })
}
