//! What an audit saw, for a person or for a machine.

use super::Check;
use super::check::Mending;
use crate::blob::BlobError;
use serde_json::{Value, json};
use std::fmt;
use std::time::Duration;

/// Findings that are named one by one; the rest are counted.
const SAMPLES: usize = 10;

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which.
    pub check: Check,
    /// How many break it.
    pub count: u64,
    /// Some of them, by id or key.
    pub samples: Vec<String>,
    /// How many were mended.
    pub mended: u64,
}

/// What the audit saw.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Attachments, in whatever status.
    pub attachments: u64,
    /// Those of them that are stored.
    pub stored: u64,
    /// Those of them that were compared with the bucket.
    pub compared: u64,
    /// Objects in the bucket.
    pub objects: u64,
    /// Bytes that were read and hashed.
    pub read_bytes: u64,
    /// How long it took.
    pub took: Duration,
    /// What is wrong, in the order of the invariants.
    pub findings: Vec<Finding>,
    /// Why the bucket was not read to its end.
    pub broken_off: Option<BlobError>,
}

impl Report {
    /// How many objects a repair would remove or download again.
    #[must_use]
    pub fn objects_to_mend(&self) -> u64 {
        let of_objects = self.findings.iter().filter(|finding| {
            matches!(finding.check.invariant(), "I4" | "I5")
                && matches!(finding.check.repair(), Mending::Does(_))
        });
        of_objects.map(|finding| finding.count).sum()
    }

    /// Whether everything was seen and is as it should be, or has been mended.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let mut findings = self.findings.iter();
        self.broken_off.is_none() && findings.all(|finding| finding.mended == finding.count)
    }

    /// One object with everything.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "clean": self.is_clean(),
            "attachments": self.attachments,
            "stored": self.stored,
            "compared": self.compared,
            "broken_off": self.broken_off.map(|error| error.to_string()),
            "objects": self.objects,
            "read_bytes": self.read_bytes,
            "seconds": self.took.as_secs_f64(),
            "findings": self.findings.iter().map(Finding::to_json).collect::<Vec<_>>(),
        })
    }

    /// Notes that `count` break `check`; several notes of one add up.
    pub(super) fn note(
        &mut self,
        check: Check,
        count: u64,
        samples: impl IntoIterator<Item = String>,
        mended: u64,
    ) {
        if count == 0 {
            return;
        }
        let place = self
            .findings
            .binary_search_by_key(&check, |known| known.check);
        let place = place.unwrap_or_else(|place| {
            self.findings.insert(
                place,
                Finding {
                    check,
                    count: 0,
                    samples: Vec::new(),
                    mended: 0,
                },
            );
            place
        });
        let finding = &mut self.findings[place];
        finding.count += count;
        finding.mended += mended.min(count);
        let room = SAMPLES - finding.samples.len();
        finding.samples.extend(samples.into_iter().take(room));
    }

    /// Adds what was seen of one part to the whole.
    pub(super) fn add(&mut self, part: Self) {
        self.compared += part.compared;
        self.objects += part.objects;
        self.read_bytes += part.read_bytes;
        for finding in part.findings {
            let Finding {
                check,
                count,
                samples,
                mended,
            } = finding;
            self.note(check, count, samples, mended);
        }
    }
}

impl Finding {
    fn to_json(&self) -> Value {
        let (repair, can_repair) = match self.check.repair() {
            Mending::Does(what) => (what, true),
            Mending::Cannot(why) => (why, false),
        };
        json!({
            "invariant": self.check.invariant(),
            "check": self.check.name(),
            "what": self.check.broken(),
            "count": self.count,
            "mended": self.mended,
            "can_repair": can_repair,
            "repair": repair,
            "samples": self.samples,
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            check,
            count,
            samples,
            mended,
        } = self;
        writeln!(f, "{} {count} {}", check.invariant(), check.broken())?;
        writeln!(f, "   such as {}", samples.join(" "))?;
        match check.repair() {
            Mending::Does(what) if mended == count => writeln!(f, "   mended: {what}"),
            Mending::Does(what) if *mended > 0 => {
                writeln!(f, "   {mended} mended: {what}; the others were refused")
            }
            Mending::Does(what) => writeln!(f, "   not mended; --repair: {what}"),
            Mending::Cannot(why) => writeln!(f, "   cannot be mended: {why}"),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} attachments, {} of them stored; {} objects",
            self.attachments, self.stored, self.objects
        )?;
        if self.read_bytes > 0 {
            write!(f, ", {} bytes read", self.read_bytes)?;
        }
        writeln!(f, "; {:.1} s", self.took.as_secs_f64())?;
        for finding in &self.findings {
            write!(f, "{finding}")?;
        }
        if let Some(error) = self.broken_off {
            let Self {
                compared, stored, ..
            } = self;
            return writeln!(
                f,
                "broken off when {compared} of {stored} were compared: {error}"
            );
        }
        match (self.findings.is_empty(), self.is_clean()) {
            (true, _) => writeln!(f, "nothing is wrong"),
            (false, true) => writeln!(f, "everything that was wrong is mended"),
            (false, false) => writeln!(f, "something is left"),
        }
    }
}
