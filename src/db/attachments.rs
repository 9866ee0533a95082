//! One attachment or a few: read by id or by their source.

use super::row::{self, AttachmentRow, attachment_columns, attachment_tables};
use super::{Db, DbError};
use crate::attachment::Attachment;
use crate::attachment::deletion::SourceName;
use crate::ids::{AttachmentId, MessageId, TenantId};
use crate::telemetry::Chain;
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use std::collections::HashMap;
use uuid::Uuid;

/// A record is there and spells no state; the log says what is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the record cannot be read")]
pub struct Unreadable;

/// Apart from [`BY_IDS`]: one id has a good generic plan, an array of them is
/// planned anew at each call.
const BY_ID: &str = concat!(
    "select ",
    attachment_columns!(),
    " from ",
    attachment_tables!(),
    "where a.tenant_id = $1 and a.id = $2"
);

const BY_IDS: &str = concat!(
    "select ",
    attachment_columns!(),
    " from ",
    attachment_tables!(),
    "where a.tenant_id = $1 and a.id = any($2)"
);

/// Of several tenants, each named with its own.
const BY_OWNERS: &str = concat!(
    "select found.* from unnest($1::text[], $2::uuid[]) as asked(tenant_id, id) \
     cross join lateral (select ",
    attachment_columns!(),
    " from ",
    attachment_tables!(),
    "where a.tenant_id = asked.tenant_id and a.id = asked.id) as found"
);

/// The newest occurrence, or that of one message. Where the provider's id names
/// one message already, there is one occurrence, whatever we call the message.
const BY_SOURCE: &str = concat!(
    "select ",
    attachment_columns!(),
    " from ",
    attachment_tables!(),
    "where a.tenant_id = $1 and a.channel_id = $2 and a.media_id = $3 and a.part = $4
       and ($5::text is null or a.occurrence in ('', $5))
     order by a.id desc limit 1"
);

impl Db {
    /// The attachment with this id, if the tenant has it.
    pub async fn attachment(
        &self,
        tenant: &TenantId,
        id: AttachmentId,
    ) -> Result<Option<Attachment>, DbError> {
        let query = sqlx::query(BY_ID).bind(tenant.as_str()).bind(id.as_uuid());
        let row = query.fetch_optional(&self.pool).await?;
        row.as_ref().map(row::read::<AttachmentRow, _>).transpose()
    }

    /// The newest attachment of a source, or that of one message, if the
    /// tenant has it.
    pub async fn attachment_of_source(
        &self,
        tenant: &TenantId,
        name: &SourceName,
        part: &str,
        message: Option<&MessageId>,
    ) -> Result<Option<Attachment>, DbError> {
        let row = sqlx::query(BY_SOURCE)
            .bind(tenant.as_str())
            .bind(name.channel.as_str())
            .bind(name.media_id.as_str())
            .bind(part)
            .bind(message.map(MessageId::as_str))
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(row::read::<AttachmentRow, _>).transpose()
    }

    /// Those of `ids` that the tenant has. One that cannot be read costs the
    /// others nothing.
    pub async fn attachments(
        &self,
        tenant: &TenantId,
        ids: &[AttachmentId],
    ) -> Result<HashMap<AttachmentId, Result<Attachment, Unreadable>>, DbError> {
        let query = match ids {
            [id] => sqlx::query(BY_ID).bind(tenant.as_str()).bind(id.as_uuid()),
            ids => {
                let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
                sqlx::query(BY_IDS).bind(tenant.as_str()).bind(ids)
            }
        };
        let rows = query.fetch_all(&self.pool).await?;
        rows.iter()
            .map(|row| {
                let id: Uuid = row.try_get("id")?;
                Ok((id.into(), readable(row)))
            })
            .collect()
    }

    /// The attachments with these ids, where they belong to the tenant beside
    /// them and can be read. Each is to be asked for once.
    pub async fn attachments_of(
        &self,
        asked: &[(&TenantId, AttachmentId)],
    ) -> Result<HashMap<AttachmentId, Attachment>, DbError> {
        let tenants: Vec<_> = asked.iter().map(|(tenant, _)| tenant.as_str()).collect();
        let ids: Vec<Uuid> = asked.iter().map(|(_, id)| id.as_uuid()).collect();
        let query = sqlx::query(BY_OWNERS).bind(tenants).bind(ids);
        let rows = query.fetch_all(&self.pool).await?;
        let found = rows.iter().flat_map(readable);
        Ok(found
            .map(|attachment| (attachment.id, attachment))
            .collect())
    }
}

/// The attachment in a row that must not cost its neighbours.
pub(super) fn readable(row: &PgRow) -> Result<Attachment, Unreadable> {
    row::read::<AttachmentRow, _>(row).map_err(|error| {
        tracing::error!(error = %Chain(&error), "a record cannot be read");
        Unreadable
    })
}
