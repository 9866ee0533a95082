//! Names and ids as they come over the wire.

use super::super::error::Violation;
use crate::ids::AttachmentId;
use std::fmt::Display;
use std::str::FromStr;

/// A required name.
pub(in crate::grpc) fn name<T>(field: &str, text: &str) -> Result<T, Violation>
where
    T: FromStr<Err: Display>,
{
    text.parse()
        .map_err(|error: T::Err| Violation::new(field, error.to_string()))
}

/// A name that may be left out.
pub(super) fn optional_name<T>(field: &str, text: &str) -> Result<Option<T>, Violation>
where
    T: FromStr<Err: Display>,
{
    if text.is_empty() {
        Ok(None)
    } else {
        name(field, text).map(Some)
    }
}

/// A required attachment id.
pub(in crate::grpc) fn attachment_id(field: &str, text: &str) -> Result<AttachmentId, Violation> {
    text.parse()
        .map_err(|_| Violation::new(field, "must be a UUID"))
}
