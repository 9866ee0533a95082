//! Messages: recorded before anything else is done about them.
//!
//! Promises: a message and the calls its files need are written in one
//! transaction, once, however often the provider delivers it. A message that
//! is unsent loses its payload and its calls; an unsend that comes before its
//! message leaves a row that keeps the message out.

use super::event::{Event, InboundMessage};
use super::outbox::{Call, Outbox};
use crate::db::DbError;
use crate::ids::{ChannelId, MessageId, TenantId};
use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

/// The advisory lock under which the tables are made; two gateways that start
/// at once would trip over each other. The number spells `gateway`.
const TABLES_LOCK: i64 = 0x67_61_74_65_77_61_79;

/// The messages of one tenant.
#[derive(Debug, Clone)]
pub(super) struct Messages {
    pool: PgPool,
    tenant: TenantId,
    outbox: Outbox,
}

/// A recorded message, as `GET /messages/{message_id}` shows it.
#[derive(Debug, Serialize, sqlx::FromRow)]
pub(super) struct RecordedMessage {
    channel_id: String,
    message_id: String,
    kind: String,
    #[serde(with = "time::serde::rfc3339")]
    received_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    unsent_at: Option<OffsetDateTime>,
    /// In the order of the message.
    pub(super) attachment_ids: Vec<Uuid>,
    /// Calls for it that are still repeated.
    pub(super) pending_calls: i64,
    payload: Option<Json<Value>>,
}

impl Messages {
    pub(super) fn new(pool: PgPool, tenant: TenantId, outbox: Outbox) -> Self {
        Self {
            pool,
            tenant,
            outbox,
        }
    }

    /// Makes the tables where they are missing.
    pub(super) async fn create_tables(&self) -> Result<(), DbError> {
        let mut tx = self.pool.begin().await?;
        // What is there already is not told again.
        sqlx::query("set local client_min_messages = warning")
            .execute(&mut *tx)
            .await?;
        sqlx::query("select pg_advisory_xact_lock($1)")
            .bind(TABLES_LOCK)
            .execute(&mut *tx)
            .await?;
        sqlx::raw_sql(include_str!("schema.sql"))
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Records what a webhook told; returns the calls that follow from it.
    pub(super) async fn record(
        &self,
        channel: &ChannelId,
        events: &[Event],
    ) -> Result<Vec<Call>, DbError> {
        let mut tx = self.pool.begin().await?;
        let mut calls = Vec::new();
        for event in events {
            match event {
                Event::Message(message) => {
                    if self.insert(&mut tx, channel, message).await? {
                        for file in &message.files {
                            calls.push(self.outbox.add_register(&mut tx, file).await?);
                        }
                    }
                }
                Event::Unsent(id) => {
                    if self.unsend(&mut tx, channel, id).await? {
                        let call = self.outbox.add_delete(&mut tx, channel, id.as_str());
                        calls.push(call.await?);
                    }
                }
                Event::FileDeleted { file_id } => {
                    calls.push(self.outbox.add_delete(&mut tx, channel, file_id).await?);
                }
            }
        }
        tx.commit().await?;
        Ok(calls)
    }

    /// True when the message is new.
    async fn insert(
        &self,
        tx: &mut PgConnection,
        channel: &ChannelId,
        message: &InboundMessage,
    ) -> Result<bool, DbError> {
        let done = sqlx::query(
            "insert into gateway.messages (tenant_id, channel_id, message_id, kind, payload)
             values ($1, $2, $3, $4, $5::text::json)
             on conflict do nothing",
        )
        .bind(self.tenant.as_str())
        .bind(channel.as_str())
        .bind(message.id.as_str())
        .bind(&message.kind)
        .bind(message.payload.to_string())
        .execute(tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// True when the message was not unsent before.
    async fn unsend(
        &self,
        tx: &mut PgConnection,
        channel: &ChannelId,
        id: &MessageId,
    ) -> Result<bool, DbError> {
        let done = sqlx::query(
            "insert into gateway.messages as m
                 (tenant_id, channel_id, message_id, kind, unsent_at)
             values ($1, $2, $3, 'unsent', now())
             on conflict (tenant_id, channel_id, message_id)
                 do update set unsent_at = now(), payload = null
                 where m.unsent_at is null",
        )
        .bind(self.tenant.as_str())
        .bind(channel.as_str())
        .bind(id.as_str())
        .execute(tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The message of this id, the newest when several channels have one.
    pub(super) async fn find(&self, message_id: &str) -> Result<Option<RecordedMessage>, DbError> {
        Ok(sqlx::query_as(
            "select m.channel_id, m.message_id, m.kind, m.received_at, m.unsent_at, m.payload,
                 array(select a.attachment_id from gateway.attachments a
                       where a.tenant_id = m.tenant_id and a.channel_id = m.channel_id
                         and a.message_id = m.message_id
                       order by a.position) as attachment_ids,
                 (select count(*) from gateway.outbox o
                  where o.tenant_id = m.tenant_id and o.channel_id = m.channel_id
                    and o.message_id = m.message_id and o.refused is null) as pending_calls
             from gateway.messages m
             where m.tenant_id = $1 and m.message_id = $2
             order by m.received_at desc limit 1",
        )
        .bind(self.tenant.as_str())
        .bind(message_id)
        .fetch_optional(&self.pool)
        .await?)
    }
}
