//! Calls to the service that have not succeeded yet, in Postgres.
//!
//! A call stands here until it succeeds, so it outlives this process and the
//! service. It is due a little after it was written, since the webhook itself
//! makes the first try; whoever claims it moves its due time on before
//! calling, so a caller that dies has lost nothing. Two callers may repeat
//! the same call: every call is idempotent.

use super::event::media_id;
use crate::db::DbError;
use crate::ids::{ChannelId, TenantId};
use crate::proto::delete_attachment_request::Target;
use crate::proto::{DeleteAttachmentRequest, RegisterAttachmentRequest, SourceReference};
use crate::telemetry::Chain;
use prost::Message as _;
use sqlx::{PgConnection, PgPool};
use std::time::Duration;
use tonic::Code;
use uuid::Uuid;

/// The calls of one tenant.
#[derive(Debug, Clone)]
pub(super) struct Outbox {
    pool: PgPool,
    tenant: TenantId,
    /// How long a new call belongs to the webhook that wrote it.
    hold: Duration,
}

/// One call.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    pub(super) id: i64,
    pub(super) action: Action,
}

/// What to call.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    /// `RegisterAttachment`.
    Register(Box<RegisterAttachmentRequest>),
    /// `DeleteAttachment`.
    Delete(DeleteAttachmentRequest),
}

#[derive(sqlx::FromRow)]
struct CallRow {
    id: i64,
    kind: String,
    request: Vec<u8>,
}

impl Outbox {
    pub(super) fn new(pool: PgPool, tenant: TenantId, hold: Duration) -> Self {
        Self { pool, tenant, hold }
    }

    /// Adds a `RegisterAttachment` within the message's transaction.
    pub(super) async fn add_register(
        &self,
        tx: &mut PgConnection,
        request: &RegisterAttachmentRequest,
    ) -> Result<Call, DbError> {
        let id = sqlx::query_scalar(
            "insert into gateway.outbox
                 (kind, tenant_id, channel_id, message_id, media_id, request, due_at)
             values ('register', $1, $2, $3, $4, $5, now() + make_interval(secs => $6))
             returning id",
        )
        .bind(self.tenant.as_str())
        .bind(&request.channel_id)
        .bind(&request.message_id)
        .bind(media_id(request))
        .bind(request.encode_to_vec())
        .bind(self.hold.as_secs_f64())
        .fetch_one(tx)
        .await?;
        Ok(Call {
            id,
            action: Action::Register(Box::new(request.clone())),
        })
    }

    /// Adds a `DeleteAttachment` by source in place of what was to be
    /// registered from there.
    pub(super) async fn add_delete(
        &self,
        tx: &mut PgConnection,
        channel: &ChannelId,
        media_id: &str,
    ) -> Result<Call, DbError> {
        let request = DeleteAttachmentRequest {
            target: Some(Target::Source(SourceReference {
                channel_id: channel.to_string(),
                media_id: media_id.to_owned(),
                ..SourceReference::default()
            })),
            // WIRE: cause SENDER, once the service takes it.
            ..DeleteAttachmentRequest::default()
        };
        sqlx::query(
            "delete from gateway.outbox
             where tenant_id = $1 and channel_id = $2 and media_id = $3 and kind = 'register'",
        )
        .bind(self.tenant.as_str())
        .bind(channel.as_str())
        .bind(media_id)
        .execute(&mut *tx)
        .await?;
        let id = sqlx::query_scalar(
            "insert into gateway.outbox (kind, tenant_id, channel_id, media_id, request, due_at)
             values ('delete', $1, $2, $3, $4, now() + make_interval(secs => $5))
             returning id",
        )
        .bind(self.tenant.as_str())
        .bind(channel.as_str())
        .bind(media_id)
        .bind(request.encode_to_vec())
        .bind(self.hold.as_secs_f64())
        .fetch_one(tx)
        .await?;
        Ok(Call {
            id,
            action: Action::Delete(request),
        })
    }

    /// Takes up to `limit` due calls, oldest first, and puts their next
    /// repeat off: half a second, doubled each time up to a minute, with half
    /// of it left to chance so that gateways do not repeat in step.
    pub(super) async fn claim(&self, limit: usize) -> Result<Vec<Call>, DbError> {
        let mut rows: Vec<CallRow> = sqlx::query_as(
            "update gateway.outbox set
                 due_at = now() + make_interval(secs =>
                     least(60, 0.25 * power(2, least(attempts, 10))) * (0.5 + random() / 2)),
                 attempts = attempts + 1
             where id in (
                 select id from gateway.outbox
                 where tenant_id = $1 and refused is null and due_at <= now()
                 order by due_at, id limit $2
                 for update skip locked)
             returning id, kind, request",
        )
        .bind(self.tenant.as_str())
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&self.pool)
        .await?;
        // The service counts the files of a message in the order they come.
        rows.sort_by_key(|row| row.id);
        let mut calls = Vec::with_capacity(rows.len());
        for row in rows {
            let id = row.id;
            match Call::try_from(row) {
                Ok(call) => calls.push(call),
                Err(error) => {
                    tracing::error!(call.id = id, error = %Chain(&error), "unreadable call set aside");
                    self.refused(id, Code::Internal).await?;
                }
            }
        }
        Ok(calls)
    }

    /// Ends a registration: the message has its attachment.
    pub(super) async fn registered(
        &self,
        id: i64,
        request: &RegisterAttachmentRequest,
        attachment_id: Uuid,
    ) -> Result<(), DbError> {
        sqlx::query(
            "with ended as (delete from gateway.outbox where tenant_id = $1 and id = $5)
             insert into gateway.attachments
                 (tenant_id, channel_id, message_id, attachment_id, position)
             values ($1, $2, $3, $4, $5)
             on conflict do nothing",
        )
        .bind(self.tenant.as_str())
        .bind(&request.channel_id)
        .bind(&request.message_id)
        .bind(attachment_id)
        .bind(id)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Ends a deletion.
    pub(super) async fn deleted(&self, id: i64) -> Result<(), DbError> {
        sqlx::query("delete from gateway.outbox where tenant_id = $1 and id = $2")
            .bind(self.tenant.as_str())
            .bind(id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Sets a call aside that the same service will never accept.
    pub(super) async fn refused(&self, id: i64, code: Code) -> Result<(), DbError> {
        sqlx::query("update gateway.outbox set refused = $3 where tenant_id = $1 and id = $2")
            .bind(self.tenant.as_str())
            .bind(id)
            .bind(format!("{code:?}"))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Puts back what an earlier service did not implement; the one that runs
    /// now may.
    pub(super) async fn put_back_unimplemented(&self) -> Result<(), DbError> {
        sqlx::query(
            "update gateway.outbox set refused = null, due_at = now()
             where tenant_id = $1 and refused = $2",
        )
        .bind(self.tenant.as_str())
        .bind(format!("{:?}", Code::Unimplemented))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Calls that are still repeated.
    pub(super) async fn pending(&self) -> Result<u64, DbError> {
        let count: i64 = sqlx::query_scalar(
            "select count(*) from gateway.outbox where tenant_id = $1 and refused is null",
        )
        .bind(self.tenant.as_str())
        .fetch_one(&self.pool)
        .await?;
        Ok(count.unsigned_abs())
    }
}

impl TryFrom<CallRow> for Call {
    type Error = prost::DecodeError;

    fn try_from(row: CallRow) -> Result<Self, prost::DecodeError> {
        let request = row.request.as_slice();
        let action = match row.kind.as_str() {
            "delete" => Action::Delete(DeleteAttachmentRequest::decode(request)?),
            _ => Action::Register(Box::new(RegisterAttachmentRequest::decode(request)?)),
        };
        Ok(Self { id: row.id, action })
    }
}
