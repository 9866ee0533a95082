//! The steps of a pass.

/// What a pass does, in its order.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Exhausted,
    Requeued,
    Resumed,
    Expired,
    Tombstoned,
    Forgotten,
    Counted,
    Removed,
    Uploads,
}

impl Step {
    pub(super) const ALL: [Self; 9] = [
        Self::Exhausted,
        Self::Requeued,
        Self::Resumed,
        Self::Expired,
        Self::Tombstoned,
        Self::Forgotten,
        Self::Counted,
        Self::Removed,
        Self::Uploads,
    ];

    /// As the metrics name it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Exhausted => "exhausted",
            Self::Requeued => "requeued",
            Self::Resumed => "resumed",
            Self::Expired => "expired",
            Self::Tombstoned => "tombstoned",
            Self::Forgotten => "forgotten",
            Self::Counted => "counted",
            Self::Removed => "removed",
            Self::Uploads => "uploads",
        }
    }
}
