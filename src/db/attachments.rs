//! One attachment or a few: read by id, deleted by id.

use super::row::{self, AttachmentRow, attachment_columns};
use super::{Db, DbError};
use crate::attachment::Attachment;
use crate::attachment::failure::FailureReason;
use crate::attachment::storage_key::StorageKey;
use crate::ids::{AttachmentId, TenantId};
use crate::telemetry::Chain;
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use std::collections::HashMap;
use uuid::Uuid;

/// A record is there and spells no state; the log says what is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the record cannot be read")]
pub struct Unreadable;

const BY_ID: &str = concat!(
    "select ",
    attachment_columns!(),
    " from attachments a left join work w on w.attachment_id = a.id and w.tenant_id = a.tenant_id
      where a.tenant_id = $1 and a.id = any($2)"
);

/// Deletion wins: the work goes, so a running attempt settles into nothing,
/// and the object is handed to `removals` in the same statement. The count
/// makes `halted` run first: a settlement locks the work row before the
/// attachment too, and the other way round the two would deadlock.
const DELETE: &str = "
with halted as (
    delete from work where tenant_id = $1 and attachment_id = $2
    returning attempt_count
), target as (
    select tenant_id, id, storage_key from attachments
    where tenant_id = $1 and id = $2 and status <> 'deleted'
      and (select count(*) from halted) <= 1
    for update
), doomed as (
    insert into removals (storage_key, tenant_id)
    select storage_key, tenant_id from target where storage_key is not null
    on conflict do nothing
)
update attachments a
set status = 'deleted', failure_reason = $3, storage_key = null, checksum_sha256 = null,
    file_name = '', updated_at = now(),
    attempt_count = coalesce((select attempt_count from halted), a.attempt_count)
from target t where a.tenant_id = t.tenant_id and a.id = t.id
returning t.storage_key";

impl Db {
    /// The attachment with this id, if the tenant has it.
    pub async fn attachment(
        &self,
        tenant: &TenantId,
        id: AttachmentId,
    ) -> Result<Option<Attachment>, DbError> {
        let rows = self.rows(tenant, &[id]).await?;
        rows.first().map(row::read::<AttachmentRow, _>).transpose()
    }

    /// Those of `ids` that the tenant has. One that cannot be read costs the
    /// others nothing.
    pub async fn attachments(
        &self,
        tenant: &TenantId,
        ids: &[AttachmentId],
    ) -> Result<HashMap<AttachmentId, Result<Attachment, Unreadable>>, DbError> {
        let rows = self.rows(tenant, ids).await?;
        rows.iter()
            .map(|row| {
                let id: Uuid = row.try_get("id")?;
                Ok((id.into(), readable(row)))
            })
            .collect()
    }

    async fn rows(&self, tenant: &TenantId, ids: &[AttachmentId]) -> Result<Vec<PgRow>, DbError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
        let query = sqlx::query(BY_ID).bind(tenant.as_str()).bind(ids);
        Ok(query.fetch_all(&self.pool).await?)
    }

    /// Deletes an attachment in whatever status it is and gives the key of
    /// the object that must go with it. Nothing happens to one that is
    /// deleted already, unknown, or another tenant's.
    pub async fn delete(
        &self,
        tenant: &TenantId,
        id: AttachmentId,
        reason: FailureReason,
    ) -> Result<Option<StorageKey>, DbError> {
        let key: Option<Option<String>> = sqlx::query_scalar(DELETE)
            .bind(tenant.as_str())
            .bind(id.as_uuid())
            .bind(reason.as_str())
            .fetch_optional(&self.pool)
            .await?;
        Ok(key.flatten().map(StorageKey::from_stored))
    }
}

/// The attachment in a row that must not cost its neighbours.
pub(super) fn readable(row: &PgRow) -> Result<Attachment, Unreadable> {
    row::read::<AttachmentRow, _>(row).map_err(|error| {
        tracing::error!(error = %Chain(&error), "a record cannot be read");
        Unreadable
    })
}
