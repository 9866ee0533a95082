//! Why bytes are not taken, with what was measured of them.

use crate::attachment::failure::FailureReason;
use crate::attachment::media::{DeclaredType, MediaType};

/// Why bytes are not taken. Sizes are in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
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
    /// They are of a type that is not taken, or not of the declared kind.
    #[error("declared as {}, found to be {}", declared_name(*declared), detected_name(*detected))]
    Type {
        /// Which of the two.
        reason: FailureReason,
        /// The type that was declared.
        declared: DeclaredType,
        /// The type that the bytes show.
        detected: Option<MediaType>,
    },
    /// Fewer came than were declared.
    #[error("ended after {measured_bytes} of the {declared_bytes} bytes that were declared")]
    Short {
        /// So many came.
        measured_bytes: u64,
        /// So many were declared.
        declared_bytes: u64,
    },
    /// They lack their end, and nobody said how many there are.
    #[error("{media_type} without its end, and nobody said how long it is")]
    Cut {
        /// What they are the beginning of.
        media_type: MediaType,
    },
    /// They lack their end, though all came that there are.
    #[error("{media_type} without its end, though all {measured_bytes} bytes came")]
    Damaged {
        /// What they are the beginning of.
        media_type: MediaType,
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
            Self::AnnouncedTooLarge { .. } | Self::TooLarge { .. } => FailureReason::TooLarge,
            Self::Type { reason, .. } => *reason,
            Self::Short { .. } | Self::Cut { .. } => FailureReason::DownloadIncomplete,
            Self::Damaged { .. } => FailureReason::Corrupted,
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

fn detected_name(detected: Option<MediaType>) -> &'static str {
    detected.map_or("of no type that is known here", MediaType::mime)
}
