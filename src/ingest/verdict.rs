//! The verdict on a file that has come: a child of the sandbox judges it, and
//! the channel's rules decide whether what it is may stay.

use super::failure::Failure;
use crate::attachment::facts::Facts;
use crate::attachment::failure::FailureReason;
use crate::attachment::media::{DeclaredType, MediaType};
use crate::attachment::media_limits::MediaLimits;
use crate::attachment::retry::spread;
use crate::attachment::status::{Attempt, Sha256};
use crate::blob::Payload;
use crate::inspect::{Arrived, Flaw, Found, Hints, Judgement, Refusal, Refused};
use crate::sandbox::{self, Input, Sandbox};
use crate::telemetry::Chain;
use std::time::Duration;

/// After this an attempt that found no child looks again.
const NO_CHILD_PAUSE: Duration = Duration::from_secs(5);

/// What the bytes turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Inspection {
    /// How many there were.
    pub(super) size_bytes: u64,
    /// SHA-256 over them.
    pub(super) sha256: Sha256,
    /// Their type.
    pub(super) media_type: MediaType,
    /// What was read of them.
    pub(super) facts: Facts,
}

/// Has a file judged, and decides whether it may stay.
pub(super) async fn inspect(
    sandbox: &Sandbox,
    attempt: &Attempt,
    payload: &Payload,
    arrived: Arrived,
    hints: Hints,
    limits: &MediaLimits,
) -> Result<Inspection, Failure> {
    let input = match payload {
        Payload::Memory(bytes) => Input::Memory(bytes.clone()),
        Payload::File { file, .. } => Input::File(file.clone()),
    };
    let declared = hints.declared;
    let judgement = sandbox.judge(input, hints).await;
    let judgement = judgement.map_err(|failure| no_verdict(&failure, attempt))?;
    Ok(admitted(judgement, arrived, declared, limits)?)
}

/// A child's end: the file's doing, or want of ours.
fn no_verdict(failure: &sandbox::Failure, attempt: &Attempt) -> Failure {
    let detail = Chain(failure).to_string();
    if failure.is_of_the_file() {
        return Failure::counted(FailureReason::InspectionFailed, detail);
    }
    tracing::error!(error = %detail, "no child could inspect the file");
    let wait = spread(NO_CHILD_PAUSE, attempt.attachment.id, attempt.fence);
    Failure::not_counted(FailureReason::WorkerResources, detail, wait)
}

/// What the rules say of a verdict.
fn admitted(
    judgement: Judgement,
    arrived: Arrived,
    declared: DeclaredType,
    limits: &MediaLimits,
) -> Result<Inspection, Refused> {
    let Found { media_type, facts } = match judgement {
        Judgement::Found(found) => found,
        Judgement::Refused(refusal) => return Err(refused(refusal, arrived, declared, limits)),
    };
    let admitted = limits.admit_detected(declared, Some(media_type));
    let (media_type, limit_bytes) = admitted.map_err(|reason| Refused::Type {
        reason,
        declared,
        detected: media_type,
    })?;
    if arrived.size_bytes > limit_bytes {
        return Err(Refused::TooLarge {
            measured_bytes: arrived.size_bytes,
            limit_bytes,
        });
    }
    Ok(Inspection {
        size_bytes: arrived.size_bytes,
        sha256: arrived.sha256,
        media_type,
        facts,
    })
}

/// Why a file is not taken. What is broken and would not be taken whole is of
/// a kind that is not taken.
fn refused(
    refusal: Refusal,
    arrived: Arrived,
    declared: DeclaredType,
    limits: &MediaLimits,
) -> Refused {
    match refusal {
        Refusal::Corrupt { flaw, began_as } => {
            if let Err(reason) = limits.admit_detected(declared, Some(began_as)) {
                return Refused::Type {
                    reason,
                    declared,
                    detected: began_as,
                };
            }
            let (at, what) = match flaw {
                Flaw::Corrupt { at, what } => (at, what),
                other => (0, other.to_string()),
            };
            if arrived.is_whole {
                Refused::Damaged {
                    media_type: began_as,
                    at,
                    what,
                    measured_bytes: arrived.size_bytes,
                }
            } else {
                Refused::Cut {
                    media_type: began_as,
                    at,
                    what,
                }
            }
        }
        Refusal::TooManyPixels { width, height, .. } => Refused::TooManyPixels { width, height },
        Refusal::TooLarge { began_as, bytes } => Refused::TooLarge {
            measured_bytes: bytes,
            limit_bytes: limits.max_bytes(Some(began_as.kind())),
        },
        Refusal::NotListed(found) => Refused::NotTaken { declared, found },
        Refusal::NotRecognized => Refused::NotTaken {
            declared,
            found: refusal.to_string(),
        },
    }
}
