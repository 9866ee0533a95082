//! Whether database and object store say the same, and both keep the
//! invariants; and mending what can be mended.
//!
//! Promises: one pass over both sides, a page at a time, so a million rows
//! take memory for a few thousand of them; what is younger than the grace is
//! left alone, for somebody may be at work on it; and no snapshot of the
//! database stays open while objects are read.

mod check;
mod objects;
mod report;
mod tables;

pub use check::Check;
pub use report::{Finding, Report};

use crate::blob::{BlobError, Bucket};
use crate::clock::Clock;
use crate::db::{Db, DbError};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Checks the invariants.
#[derive(Clone)]
pub struct Audit {
    db: Db,
    bucket: Bucket,
    clock: Arc<dyn Clock>,
    grace: Duration,
    depth: Depth,
    watcher: Arc<dyn Fn(Progress) + Send + Sync>,
}

/// How closely to look at objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// As the store lists them.
    Listed,
    /// All of their bytes.
    Bytes,
}

/// Whether to mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// Look only.
    No,
    /// Put back lost work, drop stray work, remove stray objects, download
    /// missing and wrong ones again, put a lost constraint back.
    Yes,
}

/// How far the comparison with the bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Stored attachments.
    pub stored: u64,
    /// Those that have been compared.
    pub compared: u64,
}

/// The audit could not be made.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The database failed.
    #[error("the tables could not be read")]
    Database(#[from] DbError),
    /// The store failed; the report tells what had been seen until then.
    #[error("the bucket could not be read")]
    Blob(#[from] BlobError),
}

impl Audit {
    /// Prepares to check what is older than `grace`.
    #[must_use]
    pub fn new(db: Db, bucket: Bucket, clock: Arc<dyn Clock>, grace: Duration) -> Self {
        Self {
            db,
            bucket: bucket.persistent(),
            clock,
            grace,
            depth: Depth::Listed,
            watcher: Arc::new(|_| {}),
        }
    }

    /// Reads every object and compares its checksum, too. Takes as long as
    /// the store needs to send everything it holds.
    #[must_use]
    pub fn deep(self) -> Self {
        Self {
            depth: Depth::Bytes,
            ..self
        }
    }

    /// Tells `watcher` how far it is, every few hundred objects.
    #[must_use]
    pub fn watched_by(self, watcher: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self {
            watcher: Arc::new(watcher),
            ..self
        }
    }

    /// Checks everything. Where the store becomes unavailable, what was seen before is
    /// reported and [`Report::broken_off`] says why it is not all.
    pub async fn run(&self, repair: Repair) -> Result<Report, AuditError> {
        let began = Instant::now();
        let mut survey = self.db.survey().await?;
        let (attachments, stored) = survey.size().await?;
        let mut report = Report {
            attachments,
            stored,
            ..Report::default()
        };
        self.check_tables(&mut survey, repair, &mut report).await?;
        match self.check_objects(&mut survey, repair, &mut report).await {
            Ok(()) => survey.close().await?,
            Err(AuditError::Blob(error)) => report.broken_off = Some(error),
            Err(error) => return Err(error),
        }
        report.took = began.elapsed();
        Ok(report)
    }
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audit")
            .field("grace", &self.grace)
            .field("depth", &self.depth)
            .finish_non_exhaustive()
    }
}
