//! Changes with the records they were made to.

use super::Change;
use crate::attachment::change::StatusChange;
use crate::db::{Db, DbError};
use std::collections::HashSet;

/// Reads the records of changes, each once, and gives those that are told. The
/// changes were read before, so that a deletion among them shows in its record.
pub(super) async fn with_records(
    db: &Db,
    changes: Vec<StatusChange>,
) -> Result<Vec<Change>, DbError> {
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let asked: HashSet<_> = changes.iter().map(|what| (&what.tenant, what.id)).collect();
    let asked: Vec<_> = asked.into_iter().collect();
    let records = db.attachments_of(&asked).await?;
    let told = changes.into_iter().filter_map(|what| {
        let record = records.get(&what.id)?;
        let attachment = what.as_it_was(record.clone())?;
        Some(Change { what, attachment })
    });
    Ok(told.collect())
}
