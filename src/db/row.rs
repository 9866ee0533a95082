//! A row of `attachments`, with its `work` where it has some, as an [`Attachment`].

use super::DbError;
use super::source_json::SourceJson;
use crate::attachment::Attachment;
use crate::attachment::channel_policy::RetentionClass;
use crate::attachment::failure::{Consequence, FailureReason};
use crate::attachment::file_name::FileName;
use crate::attachment::media::MediaType;
use crate::attachment::status::{AttachmentStatus, Sha256, StoredObject};
use crate::attachment::storage_key::StorageKey;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;
use time::OffsetDateTime;
use uuid::Uuid;

/// The columns that [`AttachmentRow`] reads, of `attachments a` and `work w`.
macro_rules! attachment_columns {
    () => {
        "a.tenant_id, a.id, a.channel_id, a.source, a.message_id, a.conversation_id, \
         a.correlation_id, a.file_name, a.declared_content_type, a.declared_size_bytes, \
         a.retention, a.status, coalesce(w.failure_reason, a.failure_reason) as failure_reason, \
         coalesce(w.attempt_count, a.attempt_count) as attempt_count, a.max_attempts, \
         a.storage_key, a.content_type, a.size_bytes, a.checksum_sha256, a.created_at, \
         greatest(a.updated_at, w.updated_at) as updated_at, a.stored_at, a.expires_at, \
         w.due_at as work_due_at, w.leased_by as work_leased_by"
    };
}
pub(super) use attachment_columns;

/// The status as a reader sees it, of `attachments a` and `work w`.
macro_rules! visible_status {
    () => {
        "(case when a.status <> 'open' then a.status \
         when w.leased_by is not null then 'downloading' \
         when w.failure_reason is not null then 'failed' else 'pending' end)"
    };
}
pub(super) use visible_status;

#[derive(Debug, sqlx::FromRow)]
pub(super) struct AttachmentRow {
    tenant_id: String,
    id: Uuid,
    channel_id: String,
    /// Read when the row is: a source that a newer version wrote must not
    /// cost the rows that came with it.
    source: serde_json::Value,
    message_id: String,
    conversation_id: Option<String>,
    correlation_id: Option<String>,
    file_name: String,
    declared_content_type: String,
    declared_size_bytes: Option<i64>,
    retention: String,
    status: String,
    failure_reason: Option<String>,
    attempt_count: i16,
    max_attempts: i16,
    storage_key: Option<String>,
    content_type: Option<String>,
    size_bytes: Option<i64>,
    checksum_sha256: Option<Vec<u8>>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    stored_at: Option<OffsetDateTime>,
    expires_at: Option<OffsetDateTime>,
    work_due_at: Option<OffsetDateTime>,
    work_leased_by: Option<String>,
}

impl TryFrom<AttachmentRow> for Attachment {
    type Error = DbError;

    fn try_from(row: AttachmentRow) -> Result<Self, DbError> {
        let id = row.id;
        let inconsistent = |what: String| DbError::Inconsistent {
            table: "attachments",
            id,
            what,
        };
        let status = row.status().map_err(inconsistent)?;
        let source: SourceJson =
            serde_json::from_value(row.source).map_err(|_| inconsistent("source".to_owned()))?;
        Ok(Self {
            id: id.into(),
            tenant: name(&row.tenant_id).map_err(inconsistent)?,
            channel: name(&row.channel_id).map_err(inconsistent)?,
            source: source.into(),
            message_id: name(&row.message_id).map_err(inconsistent)?,
            conversation_id: optional_name(row.conversation_id.as_deref()).map_err(inconsistent)?,
            correlation_id: optional_name(row.correlation_id.as_deref()).map_err(inconsistent)?,
            file_name: FileName::new(&row.file_name),
            declared_content_type: row.declared_content_type,
            declared_size_bytes: row.declared_size_bytes.map(i64::unsigned_abs),
            retention: match row.retention.as_str() {
                "durable" => RetentionClass::Durable,
                "ephemeral" => RetentionClass::Ephemeral,
                other => return Err(inconsistent(format!("retention {other:?}"))),
            },
            status,
            attempts: row.attempt_count.unsigned_abs(),
            max_attempts: row.max_attempts.unsigned_abs(),
            created_at: row.created_at,
            updated_at: row.updated_at,
            expires_at: row.expires_at,
        })
    }
}

impl AttachmentRow {
    /// The state the columns spell, or what about them spells none.
    fn status(&self) -> Result<AttachmentStatus, String> {
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
            stored_at: self.stored_at.ok_or_else(|| missing("stored_at"))?,
        })
    }
}

/// Reads one row of an answer, so that one which spells nothing costs the
/// others nothing. It must have the attachment's `id`.
pub(super) fn read<R, T>(row: &PgRow) -> Result<T, DbError>
where
    R: for<'r> FromRow<'r, PgRow>,
    T: TryFrom<R, Error = DbError>,
{
    // sqlx panics at a time that is none here, such as `infinity`.
    match catch_unwind(AssertUnwindSafe(|| R::from_row(row))) {
        Ok(row) => row?.try_into(),
        Err(_) => Err(DbError::Inconsistent {
            table: "attachments",
            id: row.try_get("id")?,
            what: "a column beyond its range".to_owned(),
        }),
    }
}

fn name<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("name {text:?}"))
}

fn optional_name<T: FromStr>(text: Option<&str>) -> Result<Option<T>, String> {
    text.map(name).transpose()
}
