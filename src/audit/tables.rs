//! What the tables alone can tell.

use super::{Audit, AuditError, Check, Repair, Report};
use crate::db::{Survey, TableFault};
use crate::telemetry::Chain;

/// Rows that one statement puts back.
const BATCH: u32 = 5_000;

impl Audit {
    pub(super) async fn check_tables(
        &self,
        survey: &mut Survey,
        repair: Repair,
        report: &mut Report,
    ) -> Result<(), AuditError> {
        for (fault, check) in [
            (TableFault::LostRow, Check::RowIsThere),
            // Before lost work is put back, which is due at once.
            (TableFault::OverdueWork, Check::NothingOverdue),
            (TableFault::LostWork, Check::OpenHasWork),
            (TableFault::StrayWork, Check::NoStrayWork),
            (TableFault::LeftFinal, Check::FinalStaysFinal),
            (TableFault::LostObject, Check::StoredHasRecord),
            (TableFault::StrayObject, Check::ObjectIsStored),
            (TableFault::TooManyAttempts, Check::AttemptsWithinCap),
            // After whatever else is mended, which notes what it changes.
            (TableFault::Miscounted, Check::UsageIsCounted),
        ] {
            let faulty = survey.faulty(fault, self.grace).await?;
            let mended = match (repair, fault) {
                (Repair::Yes, TableFault::LostWork) => self.requeue_lost().await?,
                (Repair::Yes, TableFault::StrayWork) => survey.drop_stray_work(self.grace).await?,
                (Repair::Yes, TableFault::StrayObject) => survey.drop_stray_objects().await?,
                (Repair::Yes, TableFault::Miscounted) => survey.recount().await?,
                (Repair::Yes | Repair::No, _) => 0,
            };
            report.note(check, faulty.count, faulty.samples, mended);
        }
        self.check_uniqueness(survey, repair, report).await
    }

    async fn requeue_lost(&self) -> Result<u64, AuditError> {
        let mut total = 0;
        loop {
            let count = self.db.requeue_lost(self.grace, BATCH).await?;
            total += count;
            if count < u64::from(BATCH) {
                return Ok(total);
            }
        }
    }

    /// While the constraint stands there is nothing to look for.
    async fn check_uniqueness(
        &self,
        survey: &mut Survey,
        repair: Repair,
        report: &mut Report,
    ) -> Result<(), AuditError> {
        if survey.keeps_occurrences_unique().await? {
            return Ok(());
        }
        let twice = survey.faulty(TableFault::Duplicates, self.grace).await?;
        let mut mended = 0;
        if repair == Repair::Yes && twice.count == 0 {
            match survey.keep_occurrences_unique().await {
                Ok(()) => mended = 1,
                Err(error) => {
                    tracing::error!(error = %Chain(&error), "the constraint could not be put back");
                }
            }
        }
        let name = "attachments_occurrence_key".to_owned();
        report.note(Check::UniqueIsKept, 1, [name], mended);
        report.note(Check::SourcesAreUnique, twice.count, twice.samples, 0);
        Ok(())
    }
}
