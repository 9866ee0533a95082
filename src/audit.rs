//! Whether database and object store say the same, and both keep the
//! invariants; and mending what can be mended.
//!
//! Promises: reads keys and sizes only, in one pass over both sides, so a
//! million rows take memory for none of them; what is younger than the grace
//! is left alone, for somebody may be at work on it.

use crate::attachment::status::AttachmentStatus;
use crate::attachment::storage_key::StorageKey;
use crate::blob::{BlobError, Bucket, ListedObject};
use crate::clock::Clock;
use crate::db::{Db, DbError, ExpectedObject, TableFault};
use crate::ids::AttachmentId;
use futures::stream::TryStreamExt as _;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// Findings that are named one by one; the rest are counted.
const SAMPLES: usize = 10;
/// Keys that one statement looks at.
const BATCH: usize = 1000;

/// Checks the invariants.
#[derive(Clone)]
pub struct Audit {
    db: Db,
    bucket: Bucket,
    clock: Arc<dyn Clock>,
    grace: Duration,
}

/// An invariant that can be checked from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// I2: every open attachment has work.
    OpenHasWork,
    /// I2: nothing has been due for long.
    NothingOverdue,
    /// I2: no work is there for what has ended.
    NoStrayWork,
    /// I4: every stored attachment has its object.
    StoredHasObject,
    /// I4: with the size that was recorded.
    ObjectHasSize,
    /// I5: every object belongs to a row.
    ObjectHasRow,
    /// I7: attempts stay within the cap.
    AttemptsWithinCap,
}

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
    /// Stored attachments.
    pub stored: u64,
    /// Objects.
    pub objects: u64,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// The audit could not be made.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The database failed.
    #[error("the tables could not be read")]
    Database(#[from] DbError),
    /// The store failed.
    #[error("the bucket could not be listed")]
    Blob(#[from] BlobError),
}

/// Whether to mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// Look only.
    No,
    /// Put back lost work, drop stray work, remove strays, download missing
    /// objects again.
    Yes,
}

impl Audit {
    /// Prepares to check what is older than `grace`.
    #[must_use]
    pub fn new(db: Db, bucket: Bucket, clock: Arc<dyn Clock>, grace: Duration) -> Self {
        Self {
            db,
            bucket,
            clock,
            grace,
        }
    }

    /// Checks everything.
    pub async fn run(&self, repair: Repair) -> Result<Report, AuditError> {
        let mut report = Report::default();
        self.check_tables(repair, &mut report).await?;
        self.check_objects(repair, &mut report).await?;
        Ok(report)
    }

    async fn check_tables(&self, repair: Repair, report: &mut Report) -> Result<(), AuditError> {
        for (fault, check) in [
            (TableFault::LostWork, Check::OpenHasWork),
            (TableFault::OverdueWork, Check::NothingOverdue),
            (TableFault::StrayWork, Check::NoStrayWork),
            (TableFault::TooManyAttempts, Check::AttemptsWithinCap),
        ] {
            let ids = self.db.table_fault(fault, self.grace).await?;
            let mended = match (repair, fault) {
                (Repair::Yes, TableFault::LostWork) => {
                    self.db.requeue_lost(self.grace, u32::MAX >> 1).await?
                }
                (Repair::Yes, TableFault::StrayWork) => self.db.drop_stray_work(&ids).await?,
                // An overdue row waits for a worker, and attempts cannot be unmade.
                (Repair::Yes, TableFault::OverdueWork | TableFault::TooManyAttempts)
                | (Repair::No, _) => 0,
            };
            report.note(check, ids.iter().map(AttachmentId::to_string), mended);
        }
        Ok(())
    }

    /// One merge over rows and objects, both in the order of keys.
    async fn check_objects(&self, repair: Repair, report: &mut Report) -> Result<(), AuditError> {
        let mut expected = pin!(self.db.expected_objects());
        let mut listed = pin!(self.bucket.list());
        let mut row: Option<ExpectedObject> = expected.try_next().await?;
        let mut object: Option<ListedObject> = listed.try_next().await?;
        let mut differences = Differences::default();
        loop {
            match (row.as_ref(), object.as_ref()) {
                (None, None) => break,
                (Some(wanted), Some(there)) if wanted.key == there.key => {
                    if wanted.size_bytes != there.size_bytes {
                        differences.wrong_size.push(wanted.id);
                    }
                    (report.stored, report.objects) = (report.stored + 1, report.objects + 1);
                    row = expected.try_next().await?;
                    object = listed.try_next().await?;
                }
                (Some(wanted), there)
                    if there.is_none_or(|there| wanted.key.as_str() < there.key.as_str()) =>
                {
                    report.stored += 1;
                    differences.missing.push(wanted.clone());
                    row = expected.try_next().await?;
                }
                (_, Some(there)) => {
                    report.objects += 1;
                    if self.clock.now() - there.put_at > self.grace {
                        differences.unclaimed.push(there.key.clone());
                    }
                    object = listed.try_next().await?;
                }
                (Some(_), None) => row = expected.try_next().await?,
            }
        }
        self.judge(differences, repair, report).await
    }

    async fn judge(
        &self,
        differences: Differences,
        repair: Repair,
        report: &mut Report,
    ) -> Result<(), AuditError> {
        let Differences {
            missing,
            wrong_size,
            unclaimed,
        } = differences;
        // Both passes take time: what was stored or deleted meanwhile is asked again.
        let missing = self.still_missing(missing).await?;
        let mut strays = Vec::new();
        for keys in unclaimed.chunks(BATCH) {
            strays.extend(self.db.unreferenced(keys).await?);
        }
        let (mut reopened, mut doomed) = (0, 0);
        if repair == Repair::Yes {
            reopened = self.db.reopen(&missing).await?;
            for keys in strays.chunks(BATCH) {
                self.db.doom_strays(keys).await?;
                doomed += keys.len() as u64;
            }
        }
        report.note(
            Check::StoredHasObject,
            missing.iter().map(|gone| gone.id.to_string()),
            reopened,
        );
        report.note(
            Check::ObjectHasSize,
            wrong_size.iter().map(AttachmentId::to_string),
            0,
        );
        report.note(
            Check::ObjectHasRow,
            strays.iter().map(StorageKey::to_string),
            doomed,
        );
        Ok(())
    }

    async fn still_missing(
        &self,
        suspects: Vec<ExpectedObject>,
    ) -> Result<Vec<ExpectedObject>, AuditError> {
        let mut missing = Vec::new();
        for suspect in suspects {
            let record = self.db.attachment(&suspect.tenant, suspect.id).await?;
            let still_stored = record
                .is_some_and(|record| matches!(record.status, AttachmentStatus::Stored { .. }));
            if still_stored && !self.bucket.exists(&suspect.key).await? {
                missing.push(suspect);
            }
        }
        Ok(missing)
    }
}

#[derive(Debug, Default)]
struct Differences {
    missing: Vec<ExpectedObject>,
    wrong_size: Vec<AttachmentId>,
    unclaimed: Vec<StorageKey>,
}

impl Report {
    /// Whether everything is as it should be, or has been mended.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings
            .iter()
            .all(|finding| finding.mended == finding.count)
    }

    fn note(&mut self, check: Check, broken: impl ExactSizeIterator<Item = String>, mended: u64) {
        let count = broken.len() as u64;
        if count > 0 {
            let samples = broken.take(SAMPLES).collect();
            self.findings.push(Finding {
                check,
                count,
                samples,
                mended: mended.min(count),
            });
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OpenHasWork => "I2 open attachments without work",
            Self::NothingOverdue => "I2 work that is long overdue",
            Self::NoStrayWork => "I2 work of attachments that have ended",
            Self::StoredHasObject => "I4 stored attachments without their object",
            Self::ObjectHasSize => "I4 objects of another size than recorded",
            Self::ObjectHasRow => "I5 objects that no row refers to",
            Self::AttemptsWithinCap => "I7 attempts beyond the cap",
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} stored attachments, {} objects",
            self.stored, self.objects
        )?;
        for finding in &self.findings {
            let Finding {
                check,
                count,
                samples,
                mended,
            } = finding;
            writeln!(f, "{count} {check}, {mended} mended: {}", samples.join(" "))?;
        }
        if self.findings.is_empty() {
            writeln!(f, "nothing is wrong")?;
        }
        Ok(())
    }
}
