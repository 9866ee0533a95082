//! An attempt that did not end in an object: why, what it had measured by
//! then, and whether it counts against its file.

use super::measured::Measured;
use crate::attachment::failure::FailureReason;
use crate::egress::FetchError;
use crate::inspect::Refused;
use std::borrow::Cow;
use std::time::Duration;

/// An attempt that did not end in an object.
#[derive(Debug)]
pub(super) struct Failure {
    /// Why.
    pub(super) reason: FailureReason,
    /// What happened, for an operator. Holds no URL, no provider's text and no
    /// secret.
    pub(super) detail: Cow<'static, str>,
    /// How long the provider asks us to wait.
    pub(super) retry_after: Option<Duration>,
    /// Set where it is not the file's fault: the attempt is not counted, and
    /// this is how long it is put off.
    pub(super) put_off: Option<Duration>,
    /// Whether a put was tried, which may have left an object.
    pub(super) put_tried: bool,
    /// What had been measured by then.
    pub(super) measured: Box<Measured>,
}

impl Failure {
    /// The reason decides what follows: where it is one to try again, the
    /// attempt counts.
    pub(super) fn counted(reason: FailureReason, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            reason,
            detail: detail.into(),
            retry_after: None,
            put_off: None,
            put_tried: false,
            measured: Box::default(),
        }
    }

    /// It is not the file's fault: whatever the reason, the file is tried
    /// again after `wait`, and the attempt does not count.
    pub(super) fn not_counted(
        reason: FailureReason,
        detail: impl Into<Cow<'static, str>>,
        wait: Duration,
    ) -> Self {
        Self {
            put_off: Some(wait),
            ..Self::counted(reason, detail)
        }
    }

    /// The same failure, of a put.
    pub(super) fn of_a_put(self) -> Self {
        Self {
            put_tried: true,
            ..self
        }
    }

    /// The same failure, with what else is known to have been measured.
    pub(super) fn measuring(self, more: impl FnOnce(Measured) -> Measured) -> Self {
        Self {
            measured: Box::new(more(*self.measured)),
            ..self
        }
    }
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        let head = error.head;
        Self {
            retry_after: error.retry_after,
            ..Self::counted(error.reason, error.detail)
        }
        .measuring(|measured| Measured { head, ..measured })
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        let verdict = (&refused).into();
        Self::counted(refused.reason(), refused.to_string()).measuring(|measured| Measured {
            verdict,
            ..measured
        })
    }
}
