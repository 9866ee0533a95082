//! What is checked, in words: of which invariant it is, and what a repair does.

/// Declares the checks: the variant, its invariant, its name for machines,
/// what is broken, and what a repair does about it or why it can do nothing.
macro_rules! checks {
    ($($(#[$doc:meta])* $variant:ident = $invariant:literal, $name:literal, $broken:literal, $repair:expr;)*) => {
        /// Something that can be checked from outside.
        /// Ordered as the invariants are.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Check { $($(#[$doc])* $variant),* }

        impl Check {
            /// The invariant it is of, such as `I4`.
            #[must_use]
            pub const fn invariant(self) -> &'static str {
                match self { $(Self::$variant => $invariant),* }
            }

            /// Its name for machines.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// What it is that breaks it.
            #[must_use]
            pub const fn broken(self) -> &'static str {
                match self { $(Self::$variant => $broken),* }
            }

            /// What a repair does about it.
            #[must_use]
            pub const fn repair(self) -> Mending {
                match self { $(Self::$variant => $repair),* }
            }
        }
    };
}

/// What a repair does about something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mending {
    /// It does this.
    Does(&'static str),
    /// It does nothing, for this reason.
    Cannot(&'static str),
}

use Mending::{Cannot, Does};

checks! {
    /// Whatever tells of an attachment, its row is there.
    RowIsThere = "I1", "row_is_there",
        "attachments whose row is lost; objects, work, journal or events tell of them",
        Cannot("a row cannot be made up: restore it from a backup, or register the file again");
    /// And so are the rows of stored objects.
    ObjectRowIsThere = "I1", "object_row_is_there",
        "objects of attachments whose row, or record of an original, is lost",
        Cannot("kept, for each may be the last copy: restore the row from a backup, or remove the object by hand");
    /// Every open attachment has work.
    OpenHasWork = "I2", "open_has_work",
        "open attachments without work",
        Does("put back into the queue, each with a fresh budget");
    /// Nothing has been due for long.
    NothingOverdue = "I2", "nothing_overdue",
        "attempts that have been due for longer than the grace",
        Cannot("they wait for a worker: see that one runs, and that its store and its database answer");
    /// No work is there for what has ended.
    NoStrayWork = "I2", "no_stray_work",
        "work of attachments that have ended",
        Does("removed from the queue");
    /// Final states are left by deletion, retry and new credentials only.
    FinalStaysFinal = "I3", "final_stays_final",
        "attachments that left a final status by what may not leave it",
        Cannot("what watchers were told cannot be unsaid: ExplainAttachment tells the attempts; it is forgotten with the events");
    /// Every stored attachment has a record of its original.
    StoredHasRecord = "I4", "stored_has_record",
        "stored attachments without a record of their original",
        Cannot("a record cannot be made up: restore it from a backup, or delete the attachment and register the file again; its objects are kept");
    /// And the bucket has every object that is recorded.
    StoredHasObject = "I4", "stored_has_object",
        "stored attachments without their object",
        Does("put back to be downloaded again, or forgotten where it was made of another; what the provider has lost too ends as FAILED");
    /// With the size that was recorded.
    ObjectHasSize = "I4", "object_has_size",
        "objects of another size than recorded",
        Does("put back to be downloaded again, and the wrong object removed");
    /// And with the checksum; a deep audit only.
    ObjectHasChecksum = "I4", "object_has_checksum",
        "objects of another SHA-256 than recorded",
        Does("put back to be downloaded again, and the wrong object removed");
    /// It can be read; a deep audit only.
    ObjectIsReadable = "I4", "object_is_readable",
        "objects that the store lists and does not give out",
        Cannot("nothing is known about their bytes: ask the store's people, then audit again");
    /// Every object belongs to a row.
    ObjectHasRow = "I5", "object_has_row",
        "objects that no row refers to",
        Does("handed to the sweeper, which removes them");
    /// And to one that is stored.
    ObjectIsStored = "I5", "object_is_stored",
        "objects recorded for attachments that are not stored",
        Does("forgotten, and handed to the sweeper, which removes them");
    /// And every object under our prefix is ours.
    ObjectIsOurs = "I5", "object_is_ours",
        "objects under the prefix attachments/ that the service never made",
        Cannot("left alone: take them elsewhere, for one bucket belongs to one database");
    /// The database keeps occurrences unique.
    UniqueIsKept = "I6", "unique_is_kept",
        "unique constraint on the occurrence is missing or not valid",
        Does("put back; not while there are duplicates");
    /// And they are.
    SourcesAreUnique = "I6", "sources_are_unique",
        "occurrences with more than one attachment",
        Cannot("which one to keep is for a person to say: delete the others, then repair again");
    /// Attempts stay within the cap.
    AttemptsWithinCap = "I7", "attempts_within_cap",
        "attachments with more attempts than allowed",
        Cannot("attempts cannot be unmade");
    /// The counters say what a count says.
    UsageIsCounted = "usage", "usage_is_counted",
        "counters of a tenant's usage that differ from a count",
        Does("set right by a count");
}
