//! Recording files: rows and work in one statement.

use super::row::{AttachmentRow, attachment_columns};
use super::source_json::SourceJson;
use super::{Db, DbError, to_bigint, to_smallint};
use crate::attachment::channel_policy::Retention;
use crate::attachment::failure::FailureReason;
use crate::attachment::status::AttachmentStatus;
use crate::attachment::status_name::StatusName;
use crate::attachment::{Attachment, Registered, Registration};
use crate::ids::{ConversationId, CorrelationId};
use sqlx::types::Json;
use std::collections::HashMap;
use std::str::FromStr as _;
use time::OffsetDateTime;
use uuid::Uuid;

/// One statement records a whole batch. `fresh` keeps redeliveries from
/// writing at all, whether they repeat an earlier batch or this one;
/// `on conflict` decides between replicas that race. Rows go in by key: two
/// batches that share keys wait for each other instead of deadlocking. In a
/// file of its own, for the figures are measured against the same text.
const RECORD: &str = include_str!("record.sql");

const BY_SOURCE: &str = concat!(
    "select ",
    attachment_columns!(),
    ", k.position from unnest($1::text[], $2::text[], $3::text[], $4::text[])
        with ordinality as k(tenant_id, channel_id, media_id, part, position)
      join attachments a on a.tenant_id = k.tenant_id and a.channel_id = k.channel_id
        and a.media_id = k.media_id and a.part = k.part
      left join work w on w.attachment_id = a.id and w.tenant_id = a.tenant_id"
);

#[derive(Debug, sqlx::FromRow)]
struct RecordedRow {
    id: Uuid,
    failure_reason: Option<String>,
    created_at: OffsetDateTime,
    expires_at: Option<OffsetDateTime>,
}

#[derive(Debug, sqlx::FromRow)]
struct FoundRow {
    #[sqlx(flatten)]
    attachment: AttachmentRow,
    position: i64,
}

impl Db {
    /// Records files of any tenants, each under its own; the answers stand in
    /// the order of `registrations`. All of them or none are recorded.
    pub async fn register(
        &self,
        registrations: &[Registration],
    ) -> Result<Vec<Registered>, DbError> {
        let mut recorded = self.record(registrations).await?;
        let mut answers: Vec<Option<Registered>> = Vec::with_capacity(registrations.len());
        let mut repeats = Vec::new();
        for (position, registration) in registrations.iter().enumerate() {
            let answer = recorded
                .remove(&registration.id.as_uuid())
                .map(|row| first_record(registration, &row))
                .transpose()?;
            if answer.is_none() {
                repeats.push(position);
            }
            answers.push(answer);
        }
        if !repeats.is_empty() {
            let earlier: Vec<_> = repeats.iter().map(|at| &registrations[*at]).collect();
            for (position, attachment) in self.by_source(&earlier).await? {
                answers[repeats[position]] = Some(Registered {
                    attachment,
                    duplicate: true,
                });
            }
        }
        answers
            .into_iter()
            .zip(registrations)
            .map(|(answer, registration)| {
                answer.ok_or_else(|| DbError::Inconsistent {
                    table: "attachments",
                    id: registration.id.as_uuid(),
                    what: "neither recorded nor found".to_owned(),
                })
            })
            .collect()
    }

    async fn record(
        &self,
        registrations: &[Registration],
    ) -> Result<HashMap<Uuid, RecordedRow>, DbError> {
        macro_rules! column {
            ($of:expr) => {
                registrations.iter().map($of).collect::<Vec<_>>()
            };
        }
        let rows: Vec<RecordedRow> = sqlx::query_as(RECORD)
            .bind(column!(|r| r.tenant.as_str()))
            .bind(column!(|r| r.id.as_uuid()))
            .bind(column!(|r| r.new.channel.as_str()))
            .bind(column!(|r| r.new.source.media_id()))
            .bind(column!(|r| r.new.source.part()))
            .bind(column!(|r| Json(SourceJson::from(&r.new.source))))
            .bind(column!(|r| r.new.message_id.as_str()))
            .bind(column!(|r| r
                .new
                .conversation_id
                .as_ref()
                .map(ConversationId::as_str)))
            .bind(column!(|r| r
                .new
                .correlation_id
                .as_ref()
                .map(CorrelationId::as_str)))
            .bind(column!(|r| r.new.file_name.as_str()))
            .bind(column!(|r| r.new.declared_content_type.as_str()))
            .bind(column!(|r| r.new.declared_size_bytes.map(to_bigint)))
            .bind(column!(|r| r.retention.class().as_str()))
            .bind(column!(|r| match r.retention {
                Retention::Durable => None,
                Retention::Ephemeral { ttl } => Some(ttl.as_secs_f64()),
            }))
            .bind(column!(|r| to_smallint(r.max_attempts)))
            .bind(column!(|r| to_smallint(r.max_files_per_message)))
            .bind(column!(|r| r
                .refused
                .map(|reason| StatusName::ended(reason).as_str())))
            .bind(column!(|r| r.refused.map(FailureReason::as_str)))
            .bind(column!(Registration::priority))
            .fetch_all(&self.pool)
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }

    async fn by_source(
        &self,
        registrations: &[&Registration],
    ) -> Result<Vec<(usize, Attachment)>, DbError> {
        macro_rules! column {
            ($of:expr) => {
                registrations.iter().map($of).collect::<Vec<&str>>()
            };
        }
        let rows: Vec<FoundRow> = sqlx::query_as(BY_SOURCE)
            .bind(column!(|r| r.tenant.as_str()))
            .bind(column!(|r| r.new.channel.as_str()))
            .bind(column!(|r| r.new.source.media_id()))
            .bind(column!(|r| r.new.source.part()))
            .fetch_all(&self.pool)
            .await?;
        rows.into_iter()
            .map(|row| {
                let position = usize::try_from(row.position - 1).unwrap_or_default();
                Ok((position, Attachment::try_from(row.attachment)?))
            })
            .collect()
    }
}

/// The record of a file that nobody recorded before.
fn first_record(registration: &Registration, row: &RecordedRow) -> Result<Registered, DbError> {
    let inconsistent = |what: String| DbError::Inconsistent {
        table: "attachments",
        id: row.id,
        what,
    };
    let status = match row.failure_reason.as_deref() {
        None => AttachmentStatus::Pending {
            next_attempt_at: row.created_at,
        },
        Some(reason) => AttachmentStatus::ended(
            FailureReason::from_str(reason).map_err(|unknown| inconsistent(unknown.to_string()))?,
        ),
    };
    let Registration {
        id,
        tenant,
        new,
        retention,
        max_attempts,
        ..
    } = registration.clone();
    Ok(Registered {
        attachment: Attachment {
            id,
            tenant,
            channel: new.channel,
            source: new.source,
            message_id: new.message_id,
            conversation_id: new.conversation_id,
            correlation_id: new.correlation_id,
            file_name: new.file_name,
            declared_content_type: new.declared_content_type,
            declared_size_bytes: new.declared_size_bytes,
            retention: retention.class(),
            status,
            attempts: 0,
            max_attempts,
            created_at: row.created_at,
            updated_at: row.created_at,
            expires_at: row.expires_at,
        },
        duplicate: false,
    })
}
