//! A row of `attachments` with its objects and its work, as an [`Attachment`].

use super::DbError;
use super::facts_json::FactsJson;
use super::rendition_json::RenditionJson;
use super::source_json::SourceJson;
use crate::attachment::channel_policy::RetentionClass;
use crate::attachment::facts::Facts;
use crate::attachment::failure::{Consequence, FailureReason};
use crate::attachment::file_name::FileName;
use crate::attachment::media::MediaType;
use crate::attachment::processing::{Processed, Processing};
use crate::attachment::rendition::StoredRendition;
use crate::attachment::status::{AttachmentStatus, Sha256, StoredObject};
use crate::attachment::storage_key::StorageKey;
use crate::attachment::{Attachment, Origin};
use serde::Deserialize;
use sqlx::FromRow;
use sqlx::postgres::PgRow;
use std::fmt::Display;
use std::str::FromStr;
use time::OffsetDateTime;
use uuid::Uuid;

/// The columns that [`AttachmentRow`] reads, of [`attachment_tables`].
macro_rules! attachment_columns {
    () => {
        "a.tenant_id, a.id, a.channel_id, a.source, a.message_id, a.conversation_id, \
         a.correlation_id, a.sender_id, a.message_time, a.file_name, a.declared_content_type, \
         a.declared_size_bytes, a.kind, a.retention, a.status, \
         coalesce(w.failure_reason, a.failure_reason) as failure_reason, \
         coalesce(w.attempt_count, a.attempt_count) as attempt_count, a.max_attempts, \
         a.processing_status, a.processing_error, c.leased_by as content_leased_by, \
         o.storage_key, o.content_type, o.size_bytes, o.checksum_sha256, o.facts, a.created_at, \
         greatest(a.updated_at, w.updated_at) as updated_at, a.stored_at, a.expires_at, \
         a.status <> 'deleted' and a.expires_at <= now() as is_expired, \
         w.due_at as work_due_at, w.leased_by as work_leased_by, \
         (select jsonb_agg(jsonb_build_object('rendition', r.rendition, 'key', r.storage_key, \
            'content_type', r.content_type, 'size_bytes', r.size_bytes, \
            'sha256', encode(r.checksum_sha256, 'hex'), 'width', r.width, 'height', r.height) \
            order by r.rendition) \
          from objects r where r.tenant_id = a.tenant_id and r.attachment_id = a.id \
            and r.rendition <> 'original') as renditions"
    };
}
pub(super) use attachment_columns;

/// An attachment `a` with its original `o` and its work: `w` at the ingest,
/// `c` at the content. The kind is asked in a form that no index answers, so
/// that work is found by the primary key: where the statistics knew of no work
/// of a kind, all of the tenant's would be looked through.
macro_rules! attachment_tables {
    () => {
        " attachments a \
         left join objects o on o.tenant_id = a.tenant_id and o.attachment_id = a.id \
            and o.rendition = 'original' \
         left join work w on w.tenant_id = a.tenant_id and w.attachment_id = a.id \
            and (w.kind = 'ingest') is true \
         left join work c on c.tenant_id = a.tenant_id and c.attachment_id = a.id \
            and (c.kind = 'content') is true "
    };
}
pub(super) use attachment_tables;

/// The status as a reader sees it, of [`attachment_tables`]: what has expired
/// is deleted, also before the sweeper comes.
macro_rules! visible_status {
    () => {
        "(case when a.expires_at <= now() then 'deleted' \
         when a.status <> 'open' then a.status \
         when w.leased_by is not null then 'downloading' \
         when w.failure_reason is not null then 'failed' else 'pending' end)"
    };
}
pub(super) use visible_status;

/// The reason as a reader sees it, of [`attachment_tables`].
macro_rules! visible_reason {
    () => {
        "(case when a.status <> 'deleted' and a.expires_at <= now() then 'RETENTION_EXPIRED' \
         when w.leased_by is null then coalesce(w.failure_reason, a.failure_reason) \
         else a.failure_reason end)"
    };
}
pub(super) use visible_reason;

#[derive(Debug, sqlx::FromRow)]
pub(super) struct AttachmentRow {
    tenant_id: String,
    id: Uuid,
    channel_id: String,
    /// Read when the row is: a source that a newer version wrote must not
    /// cost the rows that came with it.
    source: Option<serde_json::Value>,
    message_id: String,
    conversation_id: Option<String>,
    correlation_id: Option<String>,
    sender_id: Option<String>,
    message_time: Option<OffsetDateTime>,
    file_name: String,
    declared_content_type: String,
    declared_size_bytes: Option<i64>,
    kind: Option<String>,
    retention: String,
    status: String,
    failure_reason: Option<String>,
    attempt_count: i16,
    max_attempts: i16,
    processing_status: Option<String>,
    processing_error: Option<String>,
    content_leased_by: Option<String>,
    storage_key: Option<String>,
    content_type: Option<String>,
    size_bytes: Option<i64>,
    checksum_sha256: Option<Vec<u8>>,
    facts: Option<serde_json::Value>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    stored_at: Option<OffsetDateTime>,
    expires_at: Option<OffsetDateTime>,
    is_expired: Option<bool>,
    renditions: Option<serde_json::Value>,
    work_due_at: Option<OffsetDateTime>,
    work_leased_by: Option<String>,
}

impl TryFrom<AttachmentRow> for Attachment {
    type Error = DbError;

    fn try_from(row: AttachmentRow) -> Result<Self, DbError> {
        let id = row.id;
        row.into_attachment()
            .map_err(|what| DbError::inconsistent("attachments", id, what))
    }
}

impl AttachmentRow {
    /// The attachment, or what about the row spells none.
    fn into_attachment(self) -> Result<Attachment, String> {
        let status = self.status()?;
        let is_deleted = matches!(status, AttachmentStatus::Deleted { .. });
        Ok(Attachment {
            id: self.id.into(),
            tenant: name(&self.tenant_id)?,
            channel: name(&self.channel_id)?,
            message_id: name(&self.message_id)?,
            conversation_id: optional_name(self.conversation_id.as_deref())?,
            correlation_id: optional_name(self.correlation_id.as_deref())?,
            message_time: self.message_time,
            declared_size_bytes: self.declared_size_bytes.map(i64::unsigned_abs),
            kind: self.kind.as_deref().map(named).transpose()?,
            retention: match self.retention.as_str() {
                "durable" => RetentionClass::Durable,
                "ephemeral" => RetentionClass::Ephemeral,
                other => return Err(format!("retention {other:?}")),
            },
            processing: if is_deleted {
                Processing::None
            } else {
                self.processing()?
            },
            renditions: if is_deleted {
                Vec::new()
            } else {
                renditions(self.renditions)?
            },
            file_name: if is_deleted {
                FileName::default()
            } else {
                FileName::new(&self.file_name)
            },
            origin: match self.source {
                Some(source) if !is_deleted => Origin::Known {
                    source: serde_json::from_value::<SourceJson>(source)
                        .map_err(|_| "source".to_owned())?
                        .into(),
                    sender: optional_name(self.sender_id.as_deref())?,
                },
                Some(_) | None => Origin::Forgotten,
            },
            status,
            declared_content_type: self.declared_content_type,
            attempt_count: self.attempt_count.unsigned_abs(),
            max_attempts: self.max_attempts.unsigned_abs(),
            created_at: self.created_at,
            updated_at: self.updated_at,
            expires_at: self.expires_at,
        })
    }

    fn processing(&self) -> Result<Processing, String> {
        let error = self.processing_error.as_deref().map(named).transpose()?;
        Ok(match (self.processing_status.as_deref(), error) {
            (None, None) => Processing::None,
            (Some("open"), _) if self.content_leased_by.is_some() => Processing::Running,
            (Some("open"), _) => Processing::Pending,
            (Some("success"), None) => Processing::Ended(Processed::Success),
            (Some("partial"), None) => Processing::Ended(Processed::Partial),
            (Some("failed"), Some(error)) => Processing::Ended(Processed::Failed(error)),
            (Some("skipped"), Some(error)) => Processing::Ended(Processed::Skipped(error)),
            (status, error) => return Err(format!("processing {status:?} with error {error:?}")),
        })
    }

    /// The state the columns spell, or what about them spells none.
    fn status(&self) -> Result<AttachmentStatus, String> {
        if self.is_expired == Some(true) {
            return Ok(AttachmentStatus::ended(FailureReason::RetentionExpired));
        }
        let reason = self
            .failure_reason
            .as_deref()
            .map(FailureReason::from_str)
            .transpose()
            .map_err(|unknown| unknown.to_string())?;
        let status = match (self.status.as_str(), reason) {
            ("open", reason) => self.open_status(reason),
            ("stored", None) => self.stored_status()?,
            ("failed" | "rejected" | "unsupported" | "deleted", Some(reason)) => {
                let ended = AttachmentStatus::ended(reason);
                // A deletion may overrule any reason; the other ends follow from theirs.
                let fits = match (self.status.as_str(), &ended) {
                    ("failed", AttachmentStatus::Failed { .. })
                    | ("rejected", AttachmentStatus::Rejected { .. })
                    | ("unsupported", AttachmentStatus::Unsupported { .. }) => true,
                    ("deleted", _) => reason.consequence() == Consequence::Delete,
                    _ => false,
                };
                if !fits {
                    return Err(format!("status {} with reason {reason}", self.status));
                }
                ended
            }
            (status, reason) => return Err(format!("status {status:?} with reason {reason:?}")),
        };
        Ok(status)
    }

    /// An open row without work lost it by hand; the sweeper puts it back.
    fn open_status(&self, reason: Option<FailureReason>) -> AttachmentStatus {
        let due_at = self.work_due_at.unwrap_or(self.updated_at);
        match (&self.work_leased_by, reason) {
            (Some(_), _) => AttachmentStatus::Downloading,
            (None, Some(reason)) => AttachmentStatus::Failed {
                reason,
                next_attempt_at: Some(due_at),
            },
            (None, None) => AttachmentStatus::Pending {
                next_attempt_at: due_at,
            },
        }
    }

    fn stored_status(&self) -> Result<AttachmentStatus, String> {
        let missing = |column: &str| format!("stored without {column}");
        let media_type = self
            .content_type
            .as_deref()
            .ok_or_else(|| missing("content_type"))?;
        let sha256 = self
            .checksum_sha256
            .as_deref()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| missing("checksum_sha256"))?;
        Ok(AttachmentStatus::Stored {
            object: StoredObject {
                key: StorageKey::from_stored(
                    self.storage_key
                        .clone()
                        .ok_or_else(|| missing("storage_key"))?,
                ),
                size_bytes: self
                    .size_bytes
                    .map(i64::unsigned_abs)
                    .ok_or_else(|| missing("size_bytes"))?,
                media_type: MediaType::from_mime(media_type)
                    .ok_or_else(|| format!("content type {media_type:?}"))?,
                sha256: Sha256(sha256),
            },
            facts: match &self.facts {
                Some(json) => FactsJson::deserialize(json)
                    .map_err(|error| format!("facts: {error}"))?
                    .into(),
                None => Facts::Other,
            },
            stored_at: self.stored_at.ok_or_else(|| missing("stored_at"))?,
        })
    }
}

/// Reads one row of an answer, so that one which spells nothing costs the
/// others nothing.
pub(super) fn read<R, T>(row: &PgRow) -> Result<T, DbError>
where
    R: for<'r> FromRow<'r, PgRow>,
    T: TryFrom<R, Error = DbError>,
{
    R::from_row(row)?.try_into()
}

fn renditions(json: Option<serde_json::Value>) -> Result<Vec<StoredRendition>, String> {
    let Some(json) = json else {
        return Ok(Vec::new());
    };
    let rows: Vec<RenditionJson> =
        serde_json::from_value(json).map_err(|error| format!("renditions: {error}"))?;
    rows.into_iter().map(StoredRendition::try_from).collect()
}

fn named<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|unknown: T::Err| unknown.to_string())
}

fn name<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("name {text:?}"))
}

fn optional_name<T: FromStr>(text: Option<&str>) -> Result<Option<T>, String> {
    text.map(name).transpose()
}
