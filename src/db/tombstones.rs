//! Deletions that may come before their file: by its source, by its message.

use super::{Db, DbError};
use crate::attachment::deletion::{Cause, SourceName};
use crate::ids::{AttachmentId, MessageId, TenantId};
use uuid::Uuid;

/// The first wish stays on record; the last one says how long it is remembered.
const PUT_FOR_SOURCE: &str = "
insert into tombstones (tenant_id, channel_id, media_id, cause) values ($1, $2, $3, $4)
on conflict (tenant_id, channel_id, media_id) do update set created_at = now()";

const PUT_FOR_MESSAGE: &str = "
insert into message_tombstones (tenant_id, message_id, cause) values ($1, $2, $3)
on conflict (tenant_id, message_id) do update set created_at = now()";

/// Live rows whose registration was under way when their tombstone was put: its
/// statement did not see it.
const MISSED: &str = "
select a.tenant_id, a.id, t.cause from tombstones t
join attachments a on a.tenant_id = t.tenant_id and a.channel_id = t.channel_id
  and a.media_id = t.media_id
where t.created_at > now() - interval '1 hour' and a.status <> 'deleted'
union
select a.tenant_id, a.id, t.cause from message_tombstones t
join attachments a on a.tenant_id = t.tenant_id and a.message_id = t.message_id
where t.created_at > now() - interval '1 hour' and a.status <> 'deleted'
limit $1";

/// Providers do not redeliver for ever.
const FORGET: [&str; 2] = [
    "delete from tombstones where ctid = any(array(
        select ctid from tombstones where created_at < now() - interval '30 days' limit $1))",
    "delete from message_tombstones where ctid = any(array(
        select ctid from message_tombstones where created_at < now() - interval '30 days' limit $1))",
];

/// A live attachment for which a tombstone stands.
#[derive(Debug, Clone)]
pub struct MissedByTombstone {
    /// Whose it is.
    pub tenant: TenantId,
    /// Which.
    pub id: AttachmentId,
    /// By whose wish it must go.
    pub cause: Cause,
}

impl Db {
    /// Notes that no part and no occurrence of a source is wanted, whether or
    /// not it is here yet.
    pub async fn put_source_tombstone(
        &self,
        tenant: &TenantId,
        name: &SourceName,
        cause: Cause,
    ) -> Result<(), DbError> {
        sqlx::query(PUT_FOR_SOURCE)
            .bind(tenant.as_str())
            .bind(name.channel.as_str())
            .bind(name.media_id.as_str())
            .bind(cause.reason().as_str())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Notes that no file of a message is wanted, whether or not it is here yet.
    pub async fn put_message_tombstone(
        &self,
        tenant: &TenantId,
        message: &MessageId,
        cause: Cause,
    ) -> Result<(), DbError> {
        sqlx::query(PUT_FOR_MESSAGE)
            .bind(tenant.as_str())
            .bind(message.as_str())
            .bind(cause.reason().as_str())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Up to `limit` attachments of any tenant that live although a tombstone
    /// stands for them.
    pub async fn missed_by_tombstones(
        &self,
        limit: u32,
    ) -> Result<Vec<MissedByTombstone>, DbError> {
        let rows: Vec<(String, Uuid, String)> = sqlx::query_as(MISSED)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await?;
        rows.into_iter()
            .map(|(tenant, id, cause)| {
                let wrong = |what: &str| DbError::inconsistent("tombstones", id, what.to_owned());
                Ok(MissedByTombstone {
                    tenant: tenant.parse().map_err(|_| wrong("tenant"))?,
                    id: id.into(),
                    cause: cause_of(&cause).ok_or_else(|| wrong("cause"))?,
                })
            })
            .collect()
    }

    /// Forgets tombstones older than a provider may still redeliver; gives how many.
    pub async fn forget_tombstones(&self, limit: u32) -> Result<u64, DbError> {
        let mut forgotten = 0;
        for statement in FORGET {
            let query = sqlx::query(statement).bind(i64::from(limit));
            forgotten += query.execute(&self.pool).await?.rows_affected();
        }
        Ok(forgotten)
    }
}

fn cause_of(reason: &str) -> Option<Cause> {
    [Cause::Requested, Cause::Sender]
        .into_iter()
        .find(|cause| cause.reason().as_str() == reason)
}
