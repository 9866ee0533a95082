//! Recording files: rows and work in one statement.

use super::row::{AttachmentRow, attachment_columns, attachment_tables};
use super::source_json::SourceJson;
use super::{Db, DbError, to_bigint, to_smallint};
use crate::attachment::channel_policy::Retention;
use crate::attachment::failure::FailureReason;
use crate::attachment::file_name::FileName;
use crate::attachment::media::MediaKind;
use crate::attachment::processing::Processing;
use crate::attachment::status::AttachmentStatus;
use crate::attachment::status_name::StatusName;
use crate::attachment::{Attachment, NewAttachment, Origin, Registered, Registration};
use crate::ids::{AttachmentId, ConversationId, CorrelationId, SenderId};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{FromRow, Row as _};
use std::collections::HashMap;
use std::str::FromStr as _;
use time::OffsetDateTime;
use uuid::Uuid;

/// One statement records a whole batch, and reads the records that it repeats.
/// `fresh` keeps redeliveries from writing at all, whether they repeat an
/// earlier batch or this one; `on conflict` decides between replicas that race.
/// Rows go in by key: two batches that share keys wait for each other instead
/// of deadlocking. What records is in a file of its own, for the figures are
/// measured against the same text.
const RECORD: &str = concat!(
    include_str!("record.sql"),
    "select i.position, r.id as recorded_id, r.failure_reason as recorded_failure_reason,
        r.created_at as recorded_at, r.expires_at as recorded_until, found.*
     from input i left join recorded r on r.id = i.id
     left join lateral (select ",
    attachment_columns!(),
    " from ",
    attachment_tables!(),
    "where r.id is null and a.tenant_id = i.tenant_id and a.channel_id = i.channel_id
        and a.media_id = i.media_id and a.part = i.part and a.occurrence = i.occurrence
     ) found on true"
);

/// What the same batch or another replica recorded while [`RECORD`] ran, which
/// it could not see.
const BY_OCCURRENCE: &str = concat!(
    "select ",
    attachment_columns!(),
    ", k.position from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
        with ordinality as k(k_tenant, k_channel, k_media, k_part, k_occurrence, position)
      cross join lateral (select * from attachments x
        where x.tenant_id = k.k_tenant and x.channel_id = k.k_channel
          and x.media_id = k.k_media and x.part = k.k_part
          and x.occurrence = k.k_occurrence) a
      left join objects o on o.tenant_id = a.tenant_id and o.attachment_id = a.id
        and o.rendition = 'original'
      left join work w on w.tenant_id = a.tenant_id and w.attachment_id = a.id
        and w.kind = 'ingest'
      left join work c on c.tenant_id = a.tenant_id and c.attachment_id = a.id
        and c.kind = 'content'"
);

/// A record may go between the statement that runs into it and the one that
/// reads it: it was deleted long ago, and the next round records the file anew.
const ROUNDS: u32 = 2;

/// What a repeat knows more, while the record is open. Another repeat may have
/// filled in something since the record was read: what is there stays.
const FILL_IN: &str = "
update attachments
set source = case when source = $10 then $3 else source end,
    file_name = coalesce(nullif(file_name, ''), $4),
    declared_content_type = coalesce(nullif(declared_content_type, ''), $5),
    declared_size_bytes = coalesce(declared_size_bytes, $6),
    message_time = coalesce(message_time, $7), sender_id = coalesce(sender_id, $8),
    kind = coalesce(kind, $9), updated_at = now()
where tenant_id = $1 and id = $2 and status = 'open'";

/// What the statement that records has to say of one file.
#[derive(Debug)]
enum Said {
    /// Nobody recorded it before.
    Recorded(RecordedRow),
    /// It was recorded before.
    Found(Box<AttachmentRow>),
    /// Neither: somebody recorded it meanwhile.
    Neither,
}

#[derive(Debug)]
struct RecordedRow {
    id: Uuid,
    failure_reason: Option<String>,
    created_at: OffsetDateTime,
    expires_at: Option<OffsetDateTime>,
}

impl FromRow<'_, PgRow> for Said {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        if let Some(id) = row.try_get("recorded_id")? {
            return Ok(Self::Recorded(RecordedRow {
                id,
                failure_reason: row.try_get("recorded_failure_reason")?,
                created_at: row.try_get("recorded_at")?,
                expires_at: row.try_get("recorded_until")?,
            }));
        }
        Ok(match row.try_get::<Option<Uuid>, _>("id")? {
            Some(_) => Self::Found(Box::new(AttachmentRow::from_row(row)?)),
            None => Self::Neither,
        })
    }
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
        let mut answers: Vec<Option<Registered>> = vec![None; registrations.len()];
        for _ in 0..ROUNDS {
            self.answer(registrations, &mut answers).await?;
            if answers.iter().all(Option::is_some) {
                break;
            }
        }
        answers
            .into_iter()
            .zip(registrations)
            .map(|(answer, registration)| {
                answer.ok_or_else(|| {
                    let what = "neither recorded nor found".to_owned();
                    DbError::inconsistent("attachments", registration.id, what)
                })
            })
            .collect()
    }

    /// Records those that have no answer yet, or finds what they repeat.
    async fn answer(
        &self,
        registrations: &[Registration],
        answers: &mut [Option<Registered>],
    ) -> Result<(), DbError> {
        let open = |answers: &[Option<Registered>]| -> Vec<usize> {
            let places = answers.iter().enumerate();
            places
                .filter_map(|(at, answer)| answer.is_none().then_some(at))
                .collect()
        };
        let places = open(answers);
        let unanswered: Vec<_> = places.iter().map(|at| &registrations[*at]).collect();
        let mut found = Vec::new();
        for (position, said) in self.record(&unanswered).await? {
            match said {
                Said::Recorded(row) => {
                    let recorded = first_record(unanswered[position], &row)?;
                    answers[places[position]] = Some(recorded);
                }
                Said::Found(row) => found.push((places[position], Attachment::try_from(*row)?)),
                Said::Neither => {}
            }
        }
        self.repeat(registrations, found, answers).await?;
        let unseen = open(answers);
        if unseen.is_empty() {
            return Ok(());
        }
        let repeats: Vec<_> = unseen.iter().map(|at| &registrations[*at]).collect();
        let found = self.by_occurrence(&repeats).await?;
        let found = found.into_iter().map(|(at, read)| (unseen[at], read));
        self.repeat(registrations, found.collect(), answers).await
    }

    /// Answers registrations with the records that they repeat, at their places.
    async fn repeat(
        &self,
        registrations: &[Registration],
        found: Vec<(usize, Attachment)>,
        answers: &mut [Option<Registered>],
    ) -> Result<(), DbError> {
        // Several of them may be of one record: each goes on from the last.
        let mut filled: HashMap<AttachmentId, Attachment> = HashMap::new();
        for (at, read) in found {
            let recorded = filled.remove(&read.id).unwrap_or(read);
            let attachment = self.filled_in(recorded, &registrations[at].new).await?;
            filled.insert(attachment.id, attachment.clone());
            answers[at] = Some(Registered {
                attachment,
                duplicate: true,
            });
        }
        Ok(())
    }

    async fn record(&self, registrations: &[&Registration]) -> Result<Vec<(usize, Said)>, DbError> {
        macro_rules! column {
            ($of:expr) => {
                registrations.iter().map($of).collect::<Vec<_>>()
            };
        }
        let rows = sqlx::query(RECORD)
            .bind(column!(|r| r.tenant.as_str()))
            .bind(column!(|r| r.id.as_uuid()))
            .bind(column!(|r| r.new.channel.as_str()))
            .bind(column!(|r| r.new.source.media_id().as_str().to_owned()))
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
            .bind(column!(|r| r.priority()))
            .bind(column!(|r| r.new.source.occurrence(&r.new.message_id)))
            .bind(column!(|r| r.new.sender_id.as_ref().map(SenderId::as_str)))
            .bind(column!(|r| r.new.message_time))
            .bind(column!(|r| r.new.kind().map(MediaKind::as_str)))
            .fetch_all(&self.pool)
            .await?;
        rows.iter()
            .map(|row| Ok((place(row.try_get("position")?), Said::from_row(row)?)))
            .collect()
    }

    async fn by_occurrence(
        &self,
        registrations: &[&Registration],
    ) -> Result<Vec<(usize, Attachment)>, DbError> {
        macro_rules! column {
            ($of:expr) => {
                registrations.iter().map($of).collect::<Vec<_>>()
            };
        }
        let rows: Vec<FoundRow> = sqlx::query_as(BY_OCCURRENCE)
            .bind(column!(|r| r.tenant.as_str()))
            .bind(column!(|r| r.new.channel.as_str()))
            .bind(column!(|r| r.new.source.media_id().as_str().to_owned()))
            .bind(column!(|r| r.new.source.part()))
            .bind(column!(|r| r.new.source.occurrence(&r.new.message_id)))
            .fetch_all(&self.pool)
            .await?;
        rows.into_iter()
            .map(|row| Ok((place(row.position), Attachment::try_from(row.attachment)?)))
            .collect()
    }

    /// The record with what a repeat knows more, written down where there is
    /// anything and the record is still open.
    async fn filled_in(
        &self,
        recorded: Attachment,
        repeat: &NewAttachment,
    ) -> Result<Attachment, DbError> {
        let Some(filled) = recorded.filled_in(repeat) else {
            return Ok(recorded);
        };
        let (
            Origin::Known { source, sender },
            Origin::Known {
                source: recorded_source,
                ..
            },
        ) = (&filled.origin, &recorded.origin)
        else {
            return Ok(recorded);
        };
        let result = sqlx::query(FILL_IN)
            .bind(filled.tenant.as_str())
            .bind(filled.id.as_uuid())
            .bind(Json(SourceJson::from(source)))
            .bind(filled.file_name.as_str())
            .bind(&filled.declared_content_type)
            .bind(filled.declared_size_bytes.map(to_bigint))
            .bind(filled.message_time)
            .bind(sender.as_ref().map(SenderId::as_str))
            .bind(filled.kind.map(MediaKind::as_str))
            .bind(Json(SourceJson::from(recorded_source)))
            .execute(&self.pool)
            .await?;
        // It may have ended meanwhile; then the record is as it was.
        Ok(if result.rows_affected() == 1 {
            filled
        } else {
            recorded
        })
    }
}

/// SQL counts places from one.
fn place(position: i64) -> usize {
    usize::try_from(position - 1).unwrap_or_default()
}

/// The record of a file that nobody recorded before.
fn first_record(registration: &Registration, row: &RecordedRow) -> Result<Registered, DbError> {
    let inconsistent = |what: String| DbError::inconsistent("attachments", row.id, what);
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
    let kind = new.kind();
    let is_deleted = matches!(status, AttachmentStatus::Deleted { .. });
    let origin = if is_deleted {
        Origin::Forgotten
    } else {
        Origin::Known {
            source: new.source,
            sender: new.sender_id,
        }
    };
    Ok(Registered {
        attachment: Attachment {
            id,
            tenant,
            channel: new.channel,
            origin,
            message_id: new.message_id,
            conversation_id: new.conversation_id,
            correlation_id: new.correlation_id,
            message_time: new.message_time,
            file_name: if is_deleted {
                FileName::default()
            } else {
                new.file_name
            },
            declared_content_type: new.declared_content_type,
            declared_size_bytes: new.declared_size_bytes,
            kind,
            retention: retention.class(),
            status,
            renditions: Vec::new(),
            processing: Processing::None,
            attempt_count: 0,
            max_attempts,
            created_at: row.created_at,
            updated_at: row.created_at,
            expires_at: row.expires_at,
        },
        duplicate: false,
    })
}
