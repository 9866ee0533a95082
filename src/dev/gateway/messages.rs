//! Messages: recorded before anything else is done about them.
//!
//! Promises: a message and the calls its files need are written in one
//! transaction, once, however often the provider delivers it. An edit counts
//! when it is newer than what is recorded, and what it says of files is held
//! against what was registered, not against other events, which may be lost. A
//! message that is taken back loses its payload and its calls; when that comes
//! before the message, a row is left that keeps the message out.

use super::event::{Event, InboundMessage, media_id};
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
        let mut added = Vec::new();
        for event in events {
            added.extend(self.apply(&mut tx, channel, event).await?);
        }
        let calls = self.outbox.first_of(&mut tx, &added).await?;
        tx.commit().await?;
        Ok(calls)
    }

    /// Gives the ids of the calls it added.
    async fn apply(
        &self,
        tx: &mut PgConnection,
        channel: &ChannelId,
        event: &Event,
    ) -> Result<Vec<i64>, DbError> {
        match event {
            Event::Message(message) => {
                if self.insert(tx, channel, message).await? {
                    return self.add_files(tx, channel, message).await;
                }
            }
            Event::Edited { message, at } => {
                if self.edit(tx, channel, message, *at).await? {
                    let mut added = self.add_files(tx, channel, message).await?;
                    added.extend(self.remove_files(tx, channel, message).await?);
                    return Ok(added);
                }
            }
            Event::Unsent(id) => {
                if self.take_back(tx, channel, id).await? {
                    let call = self.outbox.add_delete(tx, channel, id.as_str(), Some(id));
                    return Ok(vec![call.await?]);
                }
            }
            Event::MessageDeleted(id) => {
                if self.take_back(tx, channel, id).await? {
                    return Ok(vec![self.outbox.add_purge(tx, channel, id).await?]);
                }
            }
            Event::FileDeleted { file_id } => {
                let call = self.outbox.add_delete(tx, channel, file_id, None);
                return Ok(vec![call.await?]);
            }
            Event::FileUnshared {
                file_id,
                conversation,
            } => {
                if let Some(id) = self
                    .only_message(tx, channel, file_id, conversation)
                    .await?
                {
                    let call = self.outbox.add_remove(tx, channel, &id, file_id);
                    return Ok(vec![call.await?]);
                }
            }
        }
        Ok(Vec::new())
    }

    /// Adds the registration of every file that the message did not have.
    async fn add_files(
        &self,
        tx: &mut PgConnection,
        channel: &ChannelId,
        message: &InboundMessage,
    ) -> Result<Vec<i64>, DbError> {
        let known = self.files(tx, channel, &message.id).await?;
        let mut added = Vec::new();
        for file in &message.files {
            if !known.iter().any(|id| id == media_id(file)) {
                added.push(self.outbox.add_register(tx, file).await?);
            }
        }
        Ok(added)
    }

    /// Adds the removal of every file that the message no longer has.
    async fn remove_files(
        &self,
        tx: &mut PgConnection,
        channel: &ChannelId,
        message: &InboundMessage,
    ) -> Result<Vec<i64>, DbError> {
        let mut added = Vec::new();
        for known in self.files(tx, channel, &message.id).await? {
            if !message.files.iter().any(|file| media_id(file) == known) {
                let call = self.outbox.add_remove(tx, channel, &message.id, &known);
                added.push(call.await?);
            }
        }
        Ok(added)
    }

    /// The files of a message, registered or about to be; not those about to
    /// be removed.
    async fn files(
        &self,
        tx: &mut PgConnection,
        channel: &ChannelId,
        id: &MessageId,
    ) -> Result<Vec<String>, DbError> {
        Ok(sqlx::query_scalar(
            "(select media_id from gateway.attachments
              where tenant_id = $1 and channel_id = $2 and message_id = $3
                and media_id is not null
              union
              select media_id from gateway.outbox
              where tenant_id = $1 and channel_id = $2 and message_id = $3 and kind = 'register')
             except
             select media_id from gateway.outbox
             where tenant_id = $1 and channel_id = $2 and message_id = $3 and kind = 'remove'",
        )
        .bind(self.tenant.as_str())
        .bind(channel.as_str())
        .bind(id.as_str())
        .fetch_all(tx)
        .await?)
    }

    /// The one message of the conversation that has the file. Where several
    /// have it, their own events say which lost it.
    async fn only_message(
        &self,
        tx: &mut PgConnection,
        channel: &ChannelId,
        file_id: &str,
        conversation: &str,
    ) -> Result<Option<MessageId>, DbError> {
        let found: Vec<String> = sqlx::query_scalar(
            "select message_id from gateway.messages m
             where tenant_id = $1 and channel_id = $2 and starts_with(message_id, $4 || ':')
               and message_id in (
                   select message_id from gateway.attachments
                   where tenant_id = $1 and channel_id = $2 and media_id = $3
                   union
                   select message_id from gateway.outbox
                   where tenant_id = $1 and channel_id = $2 and media_id = $3
                     and kind = 'register')
             order by message_id limit 2 for update of m",
        )
        .bind(self.tenant.as_str())
        .bind(channel.as_str())
        .bind(file_id)
        .bind(conversation)
        .fetch_all(tx)
        .await?;
        if let [only] = found.as_slice() {
            return Ok(only.parse().ok());
        }
        tracing::info!(channel.id = %channel, messages = found.len(),
            "the messages' own events say which lost the file");
        Ok(None)
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

    /// True when the edit is news. One of an unknown message records it.
    async fn edit(
        &self,
        tx: &mut PgConnection,
        channel: &ChannelId,
        message: &InboundMessage,
        at: i64,
    ) -> Result<bool, DbError> {
        let done = sqlx::query(
            "insert into gateway.messages as m
                 (tenant_id, channel_id, message_id, kind, payload, edited)
             values ($1, $2, $3, $4, $5::text::json, $6)
             on conflict (tenant_id, channel_id, message_id)
                 do update set payload = excluded.payload, edited = excluded.edited
                 where m.unsent_at is null and m.edited < excluded.edited",
        )
        .bind(self.tenant.as_str())
        .bind(channel.as_str())
        .bind(message.id.as_str())
        .bind(&message.kind)
        .bind(message.payload.to_string())
        .bind(at)
        .execute(tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// True when the message was not taken back before.
    async fn take_back(
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
