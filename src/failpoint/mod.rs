//! Places at which a test makes the process fail, to the line.
//!
//! `ATTACHMENTS_FAIL_AT=put:1:kill,swept:2:hang` fails where a step is reached
//! for the n-th time. Promises: without the feature `dev`, and so in the
//! container image, a step is nothing at all and the variable a fault of the
//! configuration; with it, nothing happens that was not asked for.

#[cfg(feature = "dev")]
mod plan;

#[cfg(feature = "dev")]
pub use plan::{Malformed, arm, reach};

/// Where the process can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A batch of registrations is committed; no caller has its answer yet.
    Registered,
    /// Claims are committed; no attempt has begun.
    Leased,
    /// An attempt has begun; nothing of it is done yet.
    Claimed,
    /// All bytes are spooled; nobody else knows of them.
    Fetched,
    /// The object is announced; the store knows of none.
    Announced,
    /// A piece of an object that does not fit into memory is on its way to the
    /// store, and another one follows.
    Putting,
    /// The object is stored; its record does not say so yet.
    Put,
    /// The outcome is committed; the slot is still taken.
    Settled,
    /// The sweep has noted objects that must go; none is gone yet.
    Swept,
    /// Objects are gone; they are still noted.
    Removing,
    /// A batch of a purge is done.
    Purged,
    /// A batch of a redrive is done.
    Redriven,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 12] = [
        Self::Registered,
        Self::Leased,
        Self::Claimed,
        Self::Fetched,
        Self::Announced,
        Self::Putting,
        Self::Put,
        Self::Settled,
        Self::Swept,
        Self::Removing,
        Self::Purged,
        Self::Redriven,
    ];

    /// As it is spelt in the variable.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Leased => "leased",
            Self::Claimed => "claimed",
            Self::Fetched => "fetched",
            Self::Announced => "announced",
            Self::Putting => "putting",
            Self::Put => "put",
            Self::Settled => "settled",
            Self::Swept => "swept",
            Self::Removing => "removing",
            Self::Purged => "purged",
            Self::Redriven => "redriven",
        }
    }
}

/// Nothing.
#[cfg(not(feature = "dev"))]
#[inline]
pub fn reach(_: Step) -> std::future::Ready<()> {
    std::future::ready(())
}
