//! Why bytes are not taken, with what was measured of them.

use crate::attachment::failure::FailureReason;
use crate::attachment::journal::Measured;
use crate::attachment::media::{DeclaredType, MediaType};

/// Why bytes are not taken. Sizes are in bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There are none.
    #[error("not a byte came")]
    Empty,
    /// More were announced than may come.
    #[error("announced with {announced_bytes} bytes, and {limit_bytes} are allowed")]
    AnnouncedTooLarge {
        /// So many.
        announced_bytes: u64,
        /// The most that may come.
        limit_bytes: u64,
    },
    /// More came than may.
    #[error("{measured_bytes} bytes had come, and {limit_bytes} are allowed")]
    TooLarge {
        /// So many by then; the rest was not read.
        measured_bytes: u64,
        /// The most that may come.
        limit_bytes: u64,
    },
    /// A picture of more pixels than are taken.
    #[error("{width} by {height} pixels; 50 million are taken, and 16,384 a side")]
    TooManyPixels {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
    /// They are of a type that is not taken, or not of the declared kind.
    #[error("declared as {}, found to be {detected}", declared_name(*declared))]
    Type {
        /// Which of the two.
        reason: FailureReason,
        /// The type that was declared.
        declared: DeclaredType,
        /// The type that the bytes show.
        detected: MediaType,
    },
    /// They are of no type that is taken.
    #[error("declared as {}, found to be {found}", declared_name(*declared))]
    NotTaken {
        /// The type that was declared.
        declared: DeclaredType,
        /// What they are, as far as that is known.
        found: String,
    },
    /// Fewer came than were announced.
    #[error("ended after {measured_bytes} of the {announced_bytes} bytes that were announced")]
    Short {
        /// So many came.
        measured_bytes: u64,
        /// So many were announced.
        announced_bytes: u64,
    },
    /// They break off, and nobody said how many there are.
    #[error("no whole {media_type}, and nobody said how long it is: {what}, at byte {at}")]
    Cut {
        /// What they are the beginning of.
        media_type: MediaType,
        /// Where it breaks.
        at: u64,
        /// What is wrong there.
        what: String,
    },
    /// They are broken, though all came that there are.
    #[error("no whole {media_type}: {what}, at byte {at} of {measured_bytes}")]
    Damaged {
        /// What they are the beginning of.
        media_type: MediaType,
        /// Where it breaks.
        at: u64,
        /// What is wrong there.
        what: String,
        /// So many came.
        measured_bytes: u64,
    },
}

impl Refused {
    /// The reason that a record has of it.
    #[must_use]
    pub const fn reason(&self) -> FailureReason {
        match self {
            Self::Empty => FailureReason::EmptyContent,
            Self::AnnouncedTooLarge { .. } | Self::TooLarge { .. } | Self::TooManyPixels { .. } => {
                FailureReason::TooLarge
            }
            Self::Type { reason, .. } => *reason,
            Self::NotTaken { .. } => FailureReason::ContentTypeNotAllowed,
            Self::Short { .. } | Self::Cut { .. } => FailureReason::DownloadIncomplete,
            Self::Damaged { .. } => FailureReason::Corrupted,
        }
    }
}

impl From<&Refused> for Measured {
    fn from(refused: &Refused) -> Self {
        let sizes = |bytes, limit_bytes| Self {
            bytes: Some(bytes),
            limit_bytes: Some(limit_bytes),
            ..Self::default()
        };
        let types = |declared, detected| Self {
            declared_type: match declared {
                DeclaredType::Known(media_type) => Some(media_type.mime().to_owned()),
                DeclaredType::Nothing | DeclaredType::Foreign => None,
            },
            detected_type: detected,
            ..Self::default()
        };
        match refused {
            Refused::AnnouncedTooLarge {
                announced_bytes: bytes,
                limit_bytes,
            }
            | Refused::TooLarge {
                measured_bytes: bytes,
                limit_bytes,
            } => sizes(*bytes, *limit_bytes),
            Refused::Type {
                declared, detected, ..
            } => types(*declared, Some(*detected)),
            Refused::NotTaken { declared, .. } => types(*declared, None),
            Refused::Short { measured_bytes, .. } => Self {
                bytes: Some(*measured_bytes),
                ..Self::default()
            },
            Refused::Damaged {
                media_type,
                measured_bytes,
                ..
            } => Self {
                bytes: Some(*measured_bytes),
                detected_type: Some(*media_type),
                ..Self::default()
            },
            Refused::Empty | Refused::TooManyPixels { .. } | Refused::Cut { .. } => Self::default(),
        }
    }
}

/// A type that has no name here is its sender's text, which is not repeated.
fn declared_name(declared: DeclaredType) -> &'static str {
    match declared {
        DeclaredType::Nothing => "nothing",
        DeclaredType::Known(media_type) => media_type.mime(),
        DeclaredType::Foreign => "a type that is not known here",
    }
}
