//! Names, ids and bounded texts as they come over the wire.

use super::super::error::Violation;
use crate::ids::{AttachmentId, ProviderId};
use std::fmt::Display;
use std::str::FromStr;

/// Page tokens and cursors have this many bytes at most.
const MAX_TOKEN_BYTES: usize = 2048;

/// A required name.
pub(in crate::grpc) fn name<T>(field: &str, text: &str) -> Result<T, Violation>
where
    T: FromStr<Err: Display>,
{
    text.parse()
        .map_err(|error: T::Err| Violation::new(field, error.to_string()))
}

/// A name that may be left out.
pub(in crate::grpc) fn optional_name<T>(field: &str, text: &str) -> Result<Option<T>, Violation>
where
    T: FromStr<Err: Display>,
{
    if text.is_empty() {
        Ok(None)
    } else {
        name(field, text).map(Some)
    }
}

/// A required attachment id: a UUID as the service writes it, with hyphens.
pub(in crate::grpc) fn attachment_id(field: &str, text: &str) -> Result<AttachmentId, Violation> {
    const HYPHENATED_LEN: usize = 36;
    Some(text)
        .filter(|text| text.len() == HYPHENATED_LEN)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Violation::new(field, "must be a UUID"))
}

/// A provider's id, which the core keeps as text.
pub(super) fn provider_id(field: &str, text: String) -> Result<String, Violation> {
    name::<ProviderId>(field, &text).map(|_| text)
}

/// A text with an end and without control characters.
pub(super) fn text(field: &str, text: String, max_bytes: usize) -> Result<String, Violation> {
    at_most(field, &text, max_bytes)?;
    if text.chars().any(char::is_control) {
        return Err(Violation::new(field, "must not hold control characters"));
    }
    Ok(text)
}

/// A text with an end.
pub(super) fn at_most(field: &str, text: &str, max_bytes: usize) -> Result<(), Violation> {
    if text.len() > max_bytes {
        let wanted = format!("must be at most {max_bytes} bytes");
        return Err(Violation::new(field, wanted));
    }
    Ok(())
}

/// A page token or a cursor, before it is opened.
pub(in crate::grpc) fn sealed_text(field: &str, text: &str) -> Result<(), Violation> {
    at_most(field, text, MAX_TOKEN_BYTES)
}

/// A list of values that has an end.
pub(super) fn few<T>(field: &str, values: &[T], most: usize) -> Result<(), Violation> {
    if values.len() > most {
        let wanted = format!("must have at most {most} items");
        return Err(Violation::new(field, wanted));
    }
    Ok(())
}
