//! Calls to the service that have not succeeded yet, in Postgres.
//!
//! A call stands here until it succeeds, so it outlives this process and the
//! service. It is due a little after it was written, since the webhook itself
//! makes the first try; whoever claims it moves its due time on before
//! calling, so a caller that dies has lost nothing. Two callers may repeat
//! the same call: every call is idempotent. The calls of one message are made
//! in the order they were written, so that a file which left its message is
//! registered before it is removed.

mod call;

pub(super) use call::{Action, Call};

use super::event::media_id;
use crate::db::DbError;
use crate::ids::{ChannelId, MessageId, TenantId};
use crate::proto::{RegisterAttachmentRequest, SourceReference};
use crate::telemetry::Chain;
use call::{Subject, Unreadable};
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

    /// Adds the registration of a file within the message's transaction, as
    /// all that is added here; gives the call's id.
    pub(super) async fn add_register(
        &self,
        tx: &mut PgConnection,
        request: &RegisterAttachmentRequest,
    ) -> Result<i64, DbError> {
        let action = Action::Register(Box::new(request.clone()));
        self.add(tx, &action, &Subject::of_registration(request))
            .await
    }

    /// Adds the deletion of a file wherever it stands, in place of what was to
    /// be registered from there: the service keeps out what comes after it.
    /// `message` is the one that the file is, where a provider's message is a
    /// file.
    pub(super) async fn add_delete(
        &self,
        tx: &mut PgConnection,
        channel: &ChannelId,
        media: &str,
        message: Option<&MessageId>,
    ) -> Result<i64, DbError> {
        sqlx::query(
            "delete from gateway.outbox
             where tenant_id = $1 and channel_id = $2 and media_id = $3 and kind = 'register'",
        )
        .bind(self.tenant.as_str())
        .bind(channel.as_str())
        .bind(media)
        .execute(&mut *tx)
        .await?;
        let subject = Subject {
            channel: channel.as_str(),
            message: message.map(MessageId::as_str),
            media,
        };
        self.add(tx, &Action::delete(channel, media), &subject)
            .await
    }

    /// Adds the removal of a file from one message.
    pub(super) async fn add_remove(
        &self,
        tx: &mut PgConnection,
        channel: &ChannelId,
        message: &MessageId,
        media: &str,
    ) -> Result<i64, DbError> {
        let subject = Subject {
            channel: channel.as_str(),
            message: Some(message.as_str()),
            media,
        };
        self.add(tx, &Action::remove(channel, message, media), &subject)
            .await
    }

    /// Adds the purge of a message in place of all that was to be done about
    /// it: the service keeps out what comes after it.
    pub(super) async fn add_purge(
        &self,
        tx: &mut PgConnection,
        channel: &ChannelId,
        message: &MessageId,
    ) -> Result<i64, DbError> {
        sqlx::query(
            "delete from gateway.outbox
             where tenant_id = $1 and channel_id = $2 and message_id = $3",
        )
        .bind(self.tenant.as_str())
        .bind(channel.as_str())
        .bind(message.as_str())
        .execute(&mut *tx)
        .await?;
        let subject = Subject {
            channel: channel.as_str(),
            message: Some(message.as_str()),
            media: "",
        };
        self.add(tx, &Action::purge(message), &subject).await
    }

    async fn add(
        &self,
        tx: &mut PgConnection,
        action: &Action,
        subject: &Subject<'_>,
    ) -> Result<i64, DbError> {
        Ok(sqlx::query_scalar(
            "insert into gateway.outbox
                 (kind, tenant_id, channel_id, message_id, media_id, request, due_at)
             values ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))
             returning id",
        )
        .bind(action.kind())
        .bind(self.tenant.as_str())
        .bind(subject.channel)
        .bind(subject.message)
        .bind(subject.media)
        .bind(action.encode())
        .bind(self.hold.as_secs_f64())
        .fetch_one(tx)
        .await?)
    }

    /// Of the calls just added, those whose turn it is.
    pub(super) async fn first_of(
        &self,
        tx: &mut PgConnection,
        added: &[i64],
    ) -> Result<Vec<Call>, DbError> {
        let rows = sqlx::query_as(
            "select id, kind, request from gateway.outbox o
             where tenant_id = $1 and id = any($2) and not gateway.waits(o)
             order by id",
        )
        .bind(self.tenant.as_str())
        .bind(added)
        .fetch_all(tx)
        .await?;
        self.readable(rows).await
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
                 select id from gateway.outbox o
                 where tenant_id = $1 and refused is null and due_at <= now()
                   and not gateway.waits(o)
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
        self.readable(rows).await
    }

    /// Sets aside what cannot be read, so that it costs no other call.
    async fn readable(&self, rows: Vec<CallRow>) -> Result<Vec<Call>, DbError> {
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
                 (tenant_id, channel_id, message_id, attachment_id, position, media_id)
             values ($1, $2, $3, $4, $5, $6)
             on conflict do nothing",
        )
        .bind(self.tenant.as_str())
        .bind(&request.channel_id)
        .bind(&request.message_id)
        .bind(attachment_id)
        .bind(id)
        .bind(media_id(request))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The attachment that an occurrence became; none when it was never
    /// registered.
    pub(super) async fn registered_as(
        &self,
        occurrence: &SourceReference,
    ) -> Result<Option<Uuid>, DbError> {
        Ok(sqlx::query_scalar(
            "select attachment_id from gateway.attachments
             where tenant_id = $1 and channel_id = $2 and message_id = $3 and media_id = $4",
        )
        .bind(self.tenant.as_str())
        .bind(&occurrence.channel_id)
        .bind(&occurrence.message_id)
        .bind(&occurrence.media_id)
        .fetch_optional(&self.pool)
        .await?)
    }

    /// Ends a removal: the message no longer has the attachment, and a
    /// registration that was refused is not put back.
    pub(super) async fn removed(
        &self,
        id: i64,
        occurrence: &SourceReference,
    ) -> Result<(), DbError> {
        sqlx::query(
            "with ended as (
                 delete from gateway.outbox
                 where tenant_id = $1 and (id = $5
                     or (channel_id = $2 and message_id = $3 and media_id = $4
                         and kind = 'register' and refused is not null)))
             delete from gateway.attachments
             where tenant_id = $1 and channel_id = $2 and message_id = $3 and media_id = $4",
        )
        .bind(self.tenant.as_str())
        .bind(&occurrence.channel_id)
        .bind(&occurrence.message_id)
        .bind(&occurrence.media_id)
        .bind(id)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Ends a deletion or a purge.
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
    type Error = Unreadable;

    fn try_from(row: CallRow) -> Result<Self, Unreadable> {
        Ok(Self {
            id: row.id,
            action: Action::decode(&row.kind, &row.request)?,
        })
    }
}
