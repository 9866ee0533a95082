//! Conditional requests: what `If-Match` and its kin let through.

use super::object::Object;
use s3s::dto::{ETagCondition, GetObjectInput, HeadObjectInput, Timestamp};
use s3s::{S3Result, s3_error};

fn matches(condition: &ETagCondition, object: &Object) -> bool {
    condition.is_any()
        || condition
            .as_etag()
            .is_some_and(|etag| etag.value() == object.etag)
}

/// The conditions of a write. They hold at the moment of the commit.
#[derive(Debug, Default)]
pub(super) struct WriteConditions {
    pub(super) if_match: Option<ETagCondition>,
    pub(super) if_none_match: Option<ETagCondition>,
}

impl WriteConditions {
    /// Checks against the object that the write would replace.
    pub(super) fn check(&self, current: Option<&Object>) -> S3Result<()> {
        match (&self.if_match, current) {
            (Some(_), None) => return Err(s3_error!(NoSuchKey)),
            (Some(condition), Some(object)) if !matches(condition, object) => {
                return Err(s3_error!(PreconditionFailed));
            }
            _ => {}
        }
        match (&self.if_none_match, current) {
            (Some(condition), Some(object)) if matches(condition, object) => {
                Err(s3_error!(PreconditionFailed))
            }
            _ => Ok(()),
        }
    }
}

/// The conditions of a read.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "named as the headers are")]
pub(super) struct ReadConditions<'a> {
    if_match: Option<&'a ETagCondition>,
    if_none_match: Option<&'a ETagCondition>,
    if_modified_since: Option<&'a Timestamp>,
    if_unmodified_since: Option<&'a Timestamp>,
}

impl ReadConditions<'_> {
    /// Checks in the order of RFC 9110, section 13.2.2.
    pub(super) fn check(&self, object: &Object) -> S3Result<()> {
        // HTTP dates know no fractions of a second.
        let modified = object.modified.replace_nanosecond(0);
        let modified = Timestamp::from(modified.unwrap_or(object.modified));
        let unmodified_holds = match self.if_match {
            Some(condition) => matches(condition, object),
            None => self.if_unmodified_since.is_none_or(|at| modified <= *at),
        };
        if !unmodified_holds {
            return Err(s3_error!(PreconditionFailed));
        }
        let modified_holds = match self.if_none_match {
            Some(condition) => !matches(condition, object),
            None => self.if_modified_since.is_none_or(|at| modified > *at),
        };
        if modified_holds {
            Ok(())
        } else {
            Err(s3_error!(NotModified))
        }
    }
}

impl<'a> From<&'a GetObjectInput> for ReadConditions<'a> {
    fn from(input: &'a GetObjectInput) -> Self {
        Self {
            if_match: input.if_match.as_ref(),
            if_none_match: input.if_none_match.as_ref(),
            if_modified_since: input.if_modified_since.as_ref(),
            if_unmodified_since: input.if_unmodified_since.as_ref(),
        }
    }
}

impl<'a> From<&'a HeadObjectInput> for ReadConditions<'a> {
    fn from(input: &'a HeadObjectInput) -> Self {
        Self {
            if_match: input.if_match.as_ref(),
            if_none_match: input.if_none_match.as_ref(),
            if_modified_since: input.if_modified_since.as_ref(),
            if_unmodified_since: input.if_unmodified_since.as_ref(),
        }
    }
}
