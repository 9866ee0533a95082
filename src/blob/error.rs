//! What the store did not do, without a word of its own.

use crate::telemetry::Chain;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use std::error::Error;

/// The store did not do what was asked. Holds no key, host or provider text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// It is unavailable, overloaded or too slow; the same call may work later.
    #[error("object storage is not available ({operation})")]
    Unavailable {
        /// What was asked.
        operation: &'static str,
    },
    /// It refused: credentials, permissions, bucket or checksum.
    #[error("object storage refused ({operation})")]
    Refused {
        /// What was asked.
        operation: &'static str,
    },
    /// It takes what we sign for too old, or for signed in the future. The
    /// client corrects itself by the time of that answer.
    #[error("our clock and object storage's are too far apart ({operation})")]
    Skewed {
        /// What was asked.
        operation: &'static str,
    },
    /// It has no such operation. Whoever asks says what follows from it.
    #[error("object storage cannot do this ({operation})")]
    Unsupported {
        /// What was asked.
        operation: &'static str,
    },
    /// The object is not there.
    #[error("the object is missing")]
    Missing,
    /// The object ended before its recorded size, or has another one.
    #[error("the object is not as long as it was when it was stored")]
    Truncated,
    /// The store stopped in the middle of its answer.
    #[error("object storage cut off its answer")]
    Cut,
    /// The bytes to put could not be read again, or are not those that were
    /// hashed when they came.
    #[error("the bytes to store are not those that came")]
    PayloadAltered,
    /// The object has other bytes than those that were stored.
    #[error("the object is not what was stored")]
    Altered,
}

impl BlobError {
    #[expect(
        clippy::needless_pass_by_value,
        reason = "it is the end of the error's way"
    )]
    pub(super) fn of<E: ProvideErrorMetadata + Error + 'static>(
        operation: &'static str,
        error: SdkError<E>,
    ) -> Self {
        let kind = Self::kind(operation, &error);
        if matches!(kind, Self::Unsupported { .. }) {
            tracing::info!(
                s3.operation = operation,
                "object storage has no such operation"
            );
            return kind;
        }
        // The store's own text may quote keys and ids; its code and the kind of failure do not.
        tracing::warn!(
            s3.operation = operation,
            s3.status = status_of(&error),
            s3.code = error.code(),
            error = told(&error),
            "object storage failed"
        );
        kind
    }

    /// What kind of failure it is, without a word in the log.
    pub(super) fn kind<E: ProvideErrorMetadata>(
        operation: &'static str,
        error: &SdkError<E>,
    ) -> Self {
        let status = status_of(error);
        if status == Some(501) || error.code() == Some("NotImplemented") {
            return Self::Unsupported { operation };
        }
        if error.code() == Some("RequestTimeTooSkewed") {
            return Self::Skewed { operation };
        }
        match status {
            Some(404) if operation == "get" => Self::Missing,
            Some(416) => Self::Truncated,
            Some(status) if (400..500).contains(&status) && status != 408 && status != 429 => {
                Self::Refused { operation }
            }
            _ => Self::Unavailable { operation },
        }
    }
}

fn status_of<E>(error: &SdkError<E>) -> Option<u16> {
    let response = error.raw_response()?;
    Some(response.status().as_u16())
}

/// What kept the store from answering, down to the connector's error. Of an
/// answer nothing: its text may quote keys and ids.
pub(super) fn told<E: Error + 'static>(error: &SdkError<E>) -> String {
    match error {
        SdkError::ServiceError(_) => error.to_string(),
        other => Chain(other).to_string(),
    }
}
