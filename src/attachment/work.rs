//! The kinds of work that are queued for an attachment.

use std::fmt;

/// What a queued piece of work is at. Both kinds are claimed by the same engine
/// with slots of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WorkKind {
    /// Bringing the file in; it ends in the status.
    Ingest,
    /// Making the stored file ready for eyes and models; it ends in the
    /// processing status and never touches the status.
    Content,
}

impl WorkKind {
    /// The kind as it is written in SQL, logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Content => "content",
        }
    }
}

impl fmt::Display for WorkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
